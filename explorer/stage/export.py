"""The stage as one HTML file: it opens from disk, without a server and without a network.

Plotly.js and the style are inlined, the modules are data: URLs in an import map, the payload is Base64;
a content security policy in the file forbids it to load anything.
"""

import base64
import json
import re
from functools import cache
from html import escape
from posixpath import dirname, join, normpath

from explorer.figures.palette import GROUND, HUES, THEMES
from explorer.i18n import t
from explorer.lab.learned import text_of
from explorer.lab.walk import Walk
from explorer.limits import MAX_TITLE
from explorer.stage import MODULES, PLOTLY, files
from explorer.stage.payload import header_of
from explorer.text import tokenise

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'unsafe-inline' data:",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
"""Nothing is loaded from anywhere: a heatmap's picture and the modules are in the file."""

SCOPE = "rx/"
"""Stands before a module's name in the import map: a data: URL has no folder for `./` to mean."""

_START_MODULE = "stage.js"

_RELATIVE = re.compile(
    r"""(^import\b[^"'\n]*["']|\bimport\(["'])(\.{1,2}/[\w./-]+\.js)(?=["'])""", re.MULTILINE
)


def title_of(walk: Walk, lang: str) -> str:
    """Returns a title for a walk: its cells and its sentence, cut where it is long."""
    experiment = walk.experiment
    cells = [experiment.cell] + ([experiment.second] if experiment.second else [])
    if experiment.weights == "marked":
        said = t("option.weights.marked", lang)
    else:
        letters = tokenise(text_of(experiment), "char")
        said = "".join(letters[:MAX_TITLE]) + ("…" if len(letters) > MAX_TITLE else "")
    return f"{' / '.join(t(f'cell.{cell}', lang) for cell in cells)}: {said}"


def html(payload: bytes, title: str) -> str:
    """Returns a page that shows a payload's stage, in the payload's language, under a plain-text title."""
    lang = header_of(payload)["lang"]
    packed = base64.b64encode(payload).decode("ascii")
    return f"""<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_page_style()}</style>
<style id="rx-style">{_style()}</style>
<script type="importmap">{_import_map()}</script>
</head>
<body>
<h1 dir="auto">{escape(title)}</h1>
<p>{escape(t("export.made", lang))}</p>
<noscript><p>{escape(t("export.no_script", lang))}</p></noscript>
<main id="rx-root"></main>
<script type="application/octet-stream+base64" id="rx-payload">{packed}</script>
<script>{_plotly()}</script>
<script type="module">{_START}</script>
</body>
</html>
"""


_START = f"""
import {{ mount }} from "{SCOPE}{_START_MODULE}"
const text = document.getElementById("rx-payload").textContent
const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
const draw = () => mount(document.getElementById("rx-root"), bytes, {{ step: 1, unit: 1, wish: 0 }}, null)
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw)
draw()
"""

_FONT = (
    '"Source Sans", "Noto Sans CJK KR", "Noto Sans KR", "Apple SD Gothic Neo", "Malgun Gothic", sans-serif'
)


def _page_style() -> str:
    """Returns the look of the page around the stage; the stage reads its theme off the ground."""
    light, dark = (_colours(theme) for theme in THEMES)
    return f"""
:root {{ {light}; --st-font: {_FONT} }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
:root {{ font-family: var(--st-font); color: var(--ink); background: var(--st-background-color) }}
body {{ margin: 0 auto; padding: 0.8rem 1.5rem 3rem; max-width: 1900px }}
h1 {{ margin: 0; font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere }}
p {{ margin: 0.3rem 0 0.8rem }}
main {{ min-height: 560px }}
"""


def _colours(theme: str) -> str:
    return f"--st-background-color: {GROUND[theme]}; --ink: {HUES[theme]['ink']}; color-scheme: {theme}"


@cache
def _import_map() -> str:
    """Returns the import map: the name of each module that the stage needs to its text."""
    sources = _needed(_START_MODULE, {})
    return json.dumps({"imports": {SCOPE + name: _module(text) for name, text in sources.items()}})


def _needed(name: str, found: dict[str, str]) -> dict[str, str]:
    """Returns found with the text of a module and of all that it imports, by name, and importing by name."""
    if name not in found:
        imports: list[str] = []

        def by_name(match: re.Match[str]) -> str:
            imports.append(normpath(join(dirname(name), match[2])))
            return f"{match[1]}{SCOPE}{imports[-1]}"

        found[name] = _RELATIVE.sub(by_name, files()[name].read_text("utf-8"))
        for other in imports:
            _needed(other, found)
    return found


def _module(source: str) -> str:
    return "data:text/javascript;base64," + base64.b64encode(source.encode()).decode("ascii")


@cache
def _style() -> str:
    return (MODULES / "core/stage.css").read_text("utf-8").replace("</", r"<\/")


@cache
def _plotly() -> str:
    """Returns Plotly.js with nothing in it that ends or opens a script; `\\x3c` is `<` in any literal."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", PLOTLY.read_text("utf-8"), flags=re.IGNORECASE)
