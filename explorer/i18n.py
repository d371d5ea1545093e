"""Translated strings: `t("stage.play", "ko")` looks up assets/locale/ko.toml; lessons are Markdown."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent
ROOT = _PACKAGE / "files" if (_PACKAGE / "files").is_dir() else _PACKAGE.parent
"""Where app.py, pages/ and assets/ stand: beside the package, and in a wheel inside it."""

ASSETS = ROOT / "assets"
LANGUAGES = ("ko", "en")


@cache
def strings(lang: str) -> dict[str, Any]:
    """Returns the locale's table, nested as in the file."""
    return tomllib.loads(bound((ASSETS / "locale" / f"{lang}.toml").read_text(encoding="utf-8")))


_UNIT = re.compile(r"(?<=[0-9}]) (?=(?:%|ms|s|[kKMG]B)(?![A-Za-z0-9{]))")


def bound(text: str) -> str:
    """Returns a text in which no line ends between a number and its sign or unit: 72 %, {n} ms, 5 MB."""
    return _UNIT.sub("\u00a0", text)


def section(name: str, lang: str) -> dict[str, str]:
    """Returns one table of strings, e.g. all that the stage shows."""
    return dict(strings(lang)[name])


def t(key: str, lang: str, **values: object) -> str:
    """Returns the string at a dotted key, `{name}` filled from values. Raises KeyError if missing."""
    found: Any = strings(lang)
    for part in key.split("."):
        found = found[part]
    return (
        bound(found.format(**{k: _Number(v) if isinstance(v, float) else v for k, v in values.items()}))
        if values
        else found
    )


class _Number(float):
    """A number that a sentence writes as people do: 9.1 × 10⁻¹⁵, not 9.1e-15."""

    def __format__(self, form: str) -> str:
        return raised(super().__format__(form))


_POWER = re.compile(r"(?<=[0-9])e([-+]?)0*([0-9]+)")
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def raised(text: str) -> str:
    """Returns a text with numbers such as 9.1e-15 as people write them: 9.1 × 10⁻¹⁵."""
    return _POWER.sub(lambda m: f" × 10{(m[1].replace('+', '') + m[2]).translate(_RAISED)}", text)


def choose(locale: str | None) -> str:
    """Returns the language for a browser's locale: the one it asks for where there is that, else English."""
    asked = (locale or "").replace("_", "-").partition("-")[0].lower()
    return asked if asked in LANGUAGES else "en"


@cache
def lesson(name: str, lang: str) -> str:
    """Returns the Markdown of a lesson."""
    return bound((ASSETS / "lessons" / lang / f"{name}.md").read_text(encoding="utf-8"))


class Refused(ValueError):  # noqa: N818
    """What a person gave is not taken. sentence: key of the reason in the locale; values: what fills it.

    Values are numbers and names of our own, never a part of what was given, but for the path of a file that
    code asked for. As text: the English sentence.
    """

    def __init__(self, sentence: str, **values: int | float | str) -> None:
        super().__init__(sentence, values)
        self.sentence, self.values = sentence, values

    def __str__(self) -> str:
        return self.said("en")

    def said(self, lang: str) -> str:
        """Returns the sentence in a language."""
        tables = (strings(lang).get(name, {}) for name in ("notice", "generate"))
        found = next((table[self.sentence] for table in tables if self.sentence in table), None)
        return self.sentence.replace("_", " ") if found is None else found.format(**self.values)
