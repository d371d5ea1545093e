"""Built-in corpora. The sentences themselves live in assets/corpora."""

from functools import cache

from explorer.i18n import ASSETS


@cache
def lecture_sentences() -> tuple[str, ...]:
    """Returns the three sentences of the lecture's word-level language model (seed 003)."""
    return tuple((ASSETS / "corpora" / "lecture.txt").read_text(encoding="utf-8").split("\n")[:3])


@cache
def examples(lang: str) -> tuple[str, ...]:
    """Returns sentences to start from: the lecture's, then one of the language's own."""
    extra = (ASSETS / "corpora" / f"examples_{lang}.txt").read_text(encoding="utf-8")
    return lecture_sentences() + tuple(line for line in extra.split("\n") if line)
