"""The stage as one HTML file: it opens from disk, without a server and without a network.

Plotly.js and the style are inlined, the modules are data: URLs in an import map, the payload is Base64;
a content security policy in the file forbids it to load anything.
"""

import base64
import gzip
import json
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from posixpath import dirname, join, normpath

from explorer.experiment import Experiment
from explorer.figures.palette import GROUND, HUES, THEMES
from explorer.figures.signals import cell_name
from explorer.i18n import t
from explorer.lab.learned import text_of
from explorer.lab.walk import Walk
from explorer.limits import MAX_TITLE
from explorer.stage import MODULES, PLOTLY, files
from explorer.stage.payload import header_of
from explorer.text import tokenise
from explorer.training.shipped import families

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

SHARED_POLICY = POLICY.replace("data:;", "data: 'self' file:;", 1)
"""The same for pages that share a folder beside them."""

SCOPE = "rx/"
"""Stands before a module's name in the import map: a data: URL has no folder for `./` to mean."""

_START_MODULE = "stage.js"

_RELATIVE = re.compile(
    r"""(^import\b[^"'\n]*["']|\bimport\(["'])(\.{1,2}/[\w./-]+\.js)(?=["'])""", re.MULTILINE
)


def title_of(walk: Walk, lang: str) -> str:
    """Returns a title for a walk: its cells, and its sentence where it reads one."""
    experiment = walk.experiment
    return ": ".join(filter(None, (cells_of(experiment, lang), said_of(experiment, lang))))


def cells_of(experiment: Experiment, lang: str) -> str:
    """Returns the names of an experiment's cells."""
    cells = [experiment.cell] + ([experiment.second] if experiment.second else [])
    return " / ".join(cell_name(cell, lang) for cell in cells)


def said_of(experiment: Experiment, lang: str) -> str:
    """Returns an experiment's sentence, cut where it is long; nothing where its network may read none."""
    if experiment.weights == "model" and not experiment.text and experiment.model not in families():
        return ""
    if experiment.weights == "marked":
        return t("option.weights.marked", lang)
    letters = tokenise(text_of(experiment), "char")
    return "".join(letters[:MAX_TITLE]) + ("…" if len(letters) > MAX_TITLE else "")


def html(
    payload: bytes | Mapping[str, bytes], title: str, step: int = 1, unit: int = 1, shared: str = ""
) -> str:
    """Returns a page that shows a payload's stage, in the payload's language, under a plain-text title.

    Of several payloads by name, such as the layers of a network, the reader chooses. It opens at a step and a
    unit, from 1. shared: the folder beside the page where Plotly.js and the stage lie for several pages.
    """
    payloads = {"": payload} if isinstance(payload, bytes) else dict(payload)
    header = header_of(next(iter(payloads.values())))
    lang, made = header["lang"], "made_still" if header["kind"] in ("charts", "race") else "made"
    packed = [
        f'<script type="application/octet-stream+base64" class="rx-payload">'
        f"{base64.b64encode(one).decode('ascii')}</script>"
        for one in payloads.values()
    ]
    place = f'data-step="{int(step)}" data-unit="{int(unit)}"'
    body = f"""<h1 dir="auto">{escape(title)}</h1>
<p>{escape(t(f"export.{made}", lang))}</p>
<noscript><p>{escape(t("export.no_script", lang))}</p></noscript>
{_choice(tuple(payloads), lang)}<main id="rx-root" {place}></main>
{"".join(packed)}
{_plotly(shared)}
<script type="module">{_UNPACK if shared else ""}{_START}</script>
"""
    policy = SHARED_POLICY if shared else POLICY
    return document(lang, title, _page_style(), body, policy, f"{_head(shared)}\n")


def framed(payload: bytes, title: str, folder: str, step: int = 1, unit: int = 1) -> str:
    """Returns the stage alone as a page of a server, whose modules lie in a folder: a part of other pages."""
    packed = base64.b64encode(payload).decode("ascii")
    body = f"""<main id="rx-root" data-step="{int(step)}" data-unit="{int(unit)}"></main>
<script type="application/octet-stream+base64" class="rx-payload">{packed}</script>
<script type="module">{_START.replace(SCOPE, f"{folder}/")}</script>
"""
    style = f"{_page_style()}body {{ padding: 0 0.5rem }}"
    return document(header_of(payload)["lang"], title, style, body)


def document(lang: str, title: str, style: str, body: str, policy: str = "", more: str = "") -> str:
    """Returns an HTML file under a plain-text title; policy: what it may load, more: the rest of its head."""
    allowed = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n' if policy else ""
    return f"""<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
{allowed}<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{style}</style>
{more}</head>
<body>
{body}</body>
</html>
"""


def _choice(names: tuple[str, ...], lang: str) -> str:
    """Returns the list to choose a payload from, where there are several."""
    if len(names) < 2:
        return ""
    options = "".join(f"<option>{escape(name)}</option>" for name in names)
    label = escape(t("export.layer", lang), quote=True)
    return f'<select id="rx-which" aria-label="{label}">{options}</select>\n'


_START = f"""
import {{ mount }} from "{SCOPE}{_START_MODULE}"
const payloads = [...document.querySelectorAll(".rx-payload")]
const root = document.getElementById("rx-root")
const which = document.getElementById("rx-which")
const draw = () => {{
  const text = payloads[which?.selectedIndex ?? 0].textContent
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
  const {{ step, unit }} = root.dataset
  return mount(root, bytes, {{ step: Number(step), unit: Number(unit), wish: 0 }}, null)
}}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw)
which?.addEventListener("change", draw)
draw()
"""

BAR = """
@font-face {
  font-family: "rx-bar"; unicode-range: U+2016;
  src: local("Source Sans 3"), local("Segoe UI"), local("Lucida Grande"), local("DejaVu Sans"),
    local("STIX Two Math"), local("Cambria Math")
}"""
"""The double bar of a norm from a font of Latin letters: those of Korean draw it as wide as a syllable."""

_FONT = (
    '"rx-bar", "Source Sans", "Noto Sans CJK KR", "Noto Sans KR", "Apple SD Gothic Neo", "Malgun Gothic",'
    " sans-serif"
)


def _page_style() -> str:
    """Returns the look of the page around the stage; the stage reads its theme off the ground."""
    light, dark = (_colours(theme) for theme in THEMES)
    return f"""{BAR}
:root {{ {light}; --st-font: {_FONT} }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
:root {{ font-family: var(--st-font); color: var(--ink); background: var(--st-background-color) }}
body {{ margin: 0 auto; padding: 0.8rem 1.5rem 3rem; max-width: 1900px }}
h1 {{ margin: 0; font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere }}
p {{ margin: 0.3rem 0 0.8rem }}
main {{ min-height: 560px }}
#rx-which {{ font: inherit; margin-bottom: 0.6rem }}
"""


def _colours(theme: str) -> str:
    return f"--st-background-color: {GROUND[theme]}; --ink: {HUES[theme]['ink']}; color-scheme: {theme}"


def shared_files() -> dict[str, str]:
    """Returns what pages with a shared folder find in it: scripts of Plotly.js, packed, and of the stage.

    A page from a disk may read neither modules nor other files: a script is all that it can load.
    """
    head = json.dumps(f"{_styles()}\n{_import_map_tag()}\n").replace("</", "<\\/")
    stage = f"document.write({head})\n"
    packed = base64.b64encode(gzip.compress(PLOTLY.read_bytes(), 9, mtime=0)).decode("ascii")
    return {_SHARED_PLOTLY: f'globalThis.rxPacked = "{packed}"\n', _SHARED_HEAD: stage}


_SHARED_HEAD, _SHARED_PLOTLY = "stage.js", "plotly.packed.js"

_UNPACK = """
const packed = Uint8Array.from(atob(rxPacked), (letter) => letter.charCodeAt(0))
const script = document.createElement("script")
const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))
script.textContent = await new Response(unpacked).text()
document.head.append(script)
"""


def _head(shared: str) -> str:
    """Returns what the stage needs in the head of a page: its styles and the map of its modules."""
    if shared:
        return f'<script src="{shared}/{_SHARED_HEAD}"></script>'
    return f"{_styles()}\n{_import_map_tag()}"


def _import_map_tag() -> str:
    return f'<script type="importmap">{_import_map()}</script>'


def _plotly(shared: str) -> str:
    if shared:
        return f'<script src="{shared}/{_SHARED_PLOTLY}"></script>'
    return f"<script>{plotly_source()}</script>"


@cache
def _import_map() -> str:
    """Returns the import map: the name of each module that the stage needs to its text."""
    sources = needed_modules()
    return json.dumps({"imports": {SCOPE + name: _module(text) for name, text in sources.items()}})


@cache
def needed_modules() -> dict[str, str]:
    """Returns the text of every module that the stage needs, by name, and importing by SCOPE and name."""
    return _needed(_START_MODULE, {})


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


def needed_styles() -> dict[str, str]:
    """Returns the style sheets that these modules ask for, by the id of the element that holds one."""
    asked = {name for text in needed_modules().values() for name in _SHEET.findall(text)} - {_SHEET_OF_ALL}
    found = {"rx-style": _SHEET_OF_ALL} | {f"rx-style-{name}": name for name in sorted(asked)}
    return {key: (MODULES / name).read_text("utf-8") for key, name in found.items()}


_SHEET_OF_ALL = "core/stage.css"
_SHEET = re.compile(r'"([\w/]+\.css)"')


@cache
def _styles() -> str:
    sheets = needed_styles().items()
    return "\n".join(
        f'<style id="{key}">{text.replace("</", "<" + chr(92) + "/")}</style>' for key, text in sheets
    )


@cache
def plotly_source() -> str:
    """Returns Plotly.js with nothing in it that ends or opens a script; `\\x3c` is `<` in any literal."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", PLOTLY.read_text("utf-8"), flags=re.IGNORECASE)
