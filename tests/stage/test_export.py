"""The stage as one file: whole, quiet, and with nothing that a person typed in its markup."""

import base64
import gzip
import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest

from explorer import Experiment
from explorer.experiment import Display
from explorer.i18n import t
from explorer.lab.learned import learn
from explorer.lab.walk import Walk, walk
from explorer.limits import MAX_TITLE
from explorer.stage import MODULES, PLOTLY, export, files
from explorer.stage.export import POLICY, SCOPE, html, needed_styles, shared_files, title_of
from explorer.stage.payload import build, header_of
from tests.hostile.strings import HOSTILE

IMPORTED = re.compile(r"""(?:^import\b[^"'\n]*|\bimport\()["']([^"'\n]+)["']""", re.M)


def walked(text: str = "a b c", **choices) -> Walk:
    experiment = Experiment(text=text, weights="untrained", hidden=3, **choices)
    return walk(experiment, learn(experiment))


def page(title: str = "A title", lang: str = "en", **choices) -> str:
    return html(build(walked(**choices), Display(lang)), title)


class Parsed(HTMLParser):
    """A page's elements in order, each with its attributes and the text up to the next tag."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.inside = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), []))
        self.inside = True

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.elements[-1][2].append(data)

    def tags(self) -> list[str]:
        return [tag for tag, _, _ in self.elements]

    def text(self, tag: str, **wanted: str) -> str:
        (found,) = (
            parts for name, given, parts in self.elements if name == tag and wanted.items() <= given.items()
        )
        return "".join(found)


@cache
def small() -> bytes:
    return build(walked(), Display("en"))


@cache
def plain() -> Parsed:
    return Parsed(page())


def modules(parsed: Parsed) -> dict[str, str]:
    """Returns the text of every module in a page by its name."""
    imports = json.loads(parsed.text("script", type="importmap"))["imports"]
    head = "data:text/javascript;base64,"
    assert all(url.startswith(head) for url in imports.values())
    return {name: base64.b64decode(url.removeprefix(head)).decode() for name, url in imports.items()}


def test_the_file_asks_for_nothing_outside_itself():
    for tag, attributes, _ in plain().elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form", "a")
        assert not attributes.keys() & {"src", "href", "srcset", "data", "action", "style"}
    policy = {"http-equiv": "Content-Security-Policy", "content": POLICY}
    assert plain().elements[3][:2] == ("meta", policy)
    assert "http" not in POLICY and "default-src 'none'" in POLICY
    for style in (parts for tag, _, parts in plain().elements if tag == "style"):
        assert not re.search(r"url\(|@import", "".join(style))


def test_every_module_that_the_stage_needs_is_in_the_file_and_finds_the_others():
    held = modules(plain())
    for name, text in held.items():
        source = files()[name.removeprefix(SCOPE)]
        there = [
            SCOPE + str((source.parent / path).resolve().relative_to(MODULES))
            for path in IMPORTED.findall(source.read_text("utf-8"))
        ]
        assert IMPORTED.findall(text) == there
        assert IMPORTED.sub("", text) == IMPORTED.sub("", source.read_text("utf-8"))
        assert set(there) <= set(held)
    start = plain().text("script", type="module")
    assert IMPORTED.findall(start) == [SCOPE + "stage.js"]
    assert set(held) >= {SCOPE + "stage.js", SCOPE + "core/payload.js", SCOPE + "language/units/stage.js"}
    assert not [name for name in held if "/room/" in name]  # a class needs a server


def test_plotly_the_style_and_the_payload_are_in_the_file_unchanged():
    (plotly,) = ("".join(parts) for tag, given, parts in plain().elements if tag == "script" and not given)
    assert plotly.replace("\\x3c", "<") == PLOTLY.read_text("utf-8").replace("\\x3c", "<")
    assert plain().text("style", id="rx-style") == (MODULES / "core/stage.css").read_text("utf-8")
    packed = plain().text("script", type="application/octet-stream+base64")
    assert base64.b64decode(packed, validate=True) == build(walked(), Display("en"))


def test_the_style_sheet_of_every_kind_is_in_the_file():
    held = {given.get("id") for tag, given, _ in plain().elements if tag == "style"}
    asked = {
        name for text in modules(plain()).values() for name in re.findall(r'"(\w+(?:/\w+)*\.css)"', text)
    }
    assert held == {None, "rx-style", *(f"rx-style-{name}" for name in asked - {"core/stage.css"})}
    assert "rx-style-dynamics/space.css" in held


def test_of_several_payloads_the_reader_chooses():
    parsed = Parsed(html({"layer <1>": small(), "layer 2": small()}, "T", step=2))
    options = ["".join(parts) for tag, _, parts in parsed.elements if tag == "option"]
    assert options == ["layer <1>", "layer 2"]
    assert parsed.tags().count("script") == plain().tags().count("script") + 1
    assert "select" not in plain().tags()


def test_pages_of_one_site_share_what_is_large():
    one = html(small(), "T", shared="shared")
    parsed = Parsed(one)
    assert [given["src"] for tag, given, _ in parsed.elements if tag == "script" and "src" in given] == [
        "shared/stage.js",
        "shared/plotly.packed.js",
    ]
    assert parsed.tags().count("style") == 1 and len(one) < 60_000
    assert set(shared_files()) == {"stage.js", "plotly.packed.js"}
    packed = re.fullmatch(r'globalThis\.rxPacked = "([^"]+)"\n', shared_files()["plotly.packed.js"])
    assert packed and gzip.decompress(base64.b64decode(packed[1])) == PLOTLY.read_bytes()
    call = re.fullmatch(r"document\.write\((.*)\)\n", shared_files()["stage.js"])
    assert call and "</" not in call[1]
    written = Parsed(json.loads(call[1]))
    assert [given.get("id") for tag, given, _ in written.elements if tag == "style"] == list(needed_styles())
    (modules,) = ("".join(parts) for tag, _, parts in written.elements if tag == "script")
    assert modules == export._import_map()


def test_a_library_that_names_script_tags_stays_one_script(monkeypatch, tmp_path):
    from explorer.stage import export

    source = "var a = '</script><SCRIPT><!--</SCRIPT>', b = 1 </ 2/.source\n"
    (tmp_path / "p.js").write_text(source, encoding="utf-8")
    monkeypatch.setattr(export, "PLOTLY", tmp_path / "p.js")
    monkeypatch.setattr(export, "plotly_source", export.plotly_source.__wrapped__)
    parsed = Parsed(page())
    assert parsed.tags() == plain().tags()
    (script,) = ("".join(parts) for tag, given, parts in parsed.elements if tag == "script" and not given)
    assert script.replace("\\x3c", "<") == source


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_file_speaks_the_payloads_language(lang: str):
    payload = build(walked(), Display(lang))
    assert header_of(payload)["lang"] == lang
    parsed = Parsed(html(payload, "제목"))
    assert parsed.elements[0][:2] == ("html", {"lang": lang})
    said = ["".join(parts) for tag, _, parts in parsed.elements if tag == "p"]
    assert said == [t("export.made", lang), t("export.no_script", lang)]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_title_is_text(name: str):
    title = f"<b>{HOSTILE[name]}</b></title>"
    parsed = Parsed(html(small(), title))
    assert parsed.tags() == plain().tags()
    if not re.search(r"[\x00\r\ud800-\udfff]", title):
        assert parsed.text("h1") == title
        assert parsed.text("title") == title


@pytest.mark.parametrize("name", ["script", "image_onerror", "closing_tags", "comment", "script_end_in_json"])
@pytest.mark.parametrize("units", ["word", "char"])
def test_what_was_typed_is_nowhere_in_the_markup(name: str, units: str):
    shown = walked(f"{HOSTILE[name]} zq·xjk", units=units, swap=1, swap_with=HOSTILE[name])
    text = html(build(shown, Display("en")), title_of(shown, "en"))
    assert Parsed(text).tags() == plain().tags()
    assert HOSTILE[name] not in text
    assert text.count("zq·xjk") == 2  # the title, twice


@pytest.mark.usefixtures("few_steps")
def test_a_title_names_cells_and_sentence():
    assert title_of(walked("말이 뛴다", cell="gru"), "ko").endswith(": 말이 뛴다")
    both = walked("a", second="rnn")
    assert title_of(both, "en").count(" / ") == 1
    long = title_of(walked("가" * 500), "en").partition(": ")[2]
    assert long == "가" * MAX_TITLE + "…"
    marked = Experiment(weights="marked", hidden=2, cell="rnn")
    assert "marked" in title_of(walk(marked, learn(marked)), "en")
    numbers = replace(walked("a"), experiment=Experiment(weights="model", model="abc.0", cell="gru"))
    assert title_of(numbers, "en") == "GRU (reset after product)"
