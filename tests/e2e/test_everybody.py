"""Every page for everybody: axe-core in both themes, a phone's width, the keyboard, tables."""

import re

import pytest
from playwright.sync_api import Page, expect

from explorer.course.places import place_of
from explorer.course.showing import CHOOSING
from explorer.experiment import TABLE, Experiment
from explorer.ui.ways import ICONS
from tests.e2e.stage import READY, open_page, step
from tests.stage.node import TESTS
from tests.test_maths import found as raw_maths

AXE = TESTS / "node_modules/axe-core/axe.min.js"
GRAVE = ("serious", "critical")
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
ZOOMED = {"width": 640, "height": 400}
"""What is left of a desk at 200 %."""

LEFT_OUT = (".katex-display", "[role=tabpanel]", ".rx-deep-table")
"""Streamlit's own scrolling boxes, which Chromium scrolls by keyboard without the tabindex that axe asks for,
and the digits inside a table that is a picture with a label: they repeat what its colours say."""

PAGES = (
    "/",
    "/?second=gru&weights=lecture",
    "/?weights=marked&by_hand=on&guess=1",
    "/?weights=marked&step=6&unit=3&card=valve&panels=valve,drawing&lecture=fifty&at=4",
    "/gradients",
    "/train",
    "/language?view=pairs",
    "/language?view=predict",
    "/language?view=generate&weights=model&model=tales_en&cell=lstm&units=char",
    "/language?view=units&weights=model&model=brackets&cell=lstm&units=char&feature=bracket&shade=c",
    "/language?view=memory",
    "/architectures",
    "/architectures?arch=deep",
    "/architectures?arch=shapes",
    "/architectures?arch=variants",
    "/architectures?arch=amount",
    "/architectures?arch=mappings&mapping=encoder_decoder",
    "/architectures?arch=cost",
    "/architectures?arch=forecast",
    "/dynamics",
    "/dynamics?scene=portrait&small=two",
    "/dynamics?scene=network",
    "/dynamics?scene=evidence",
    "/course",
    "/glossary",
    "/clinic?card=case6",
    "/worksheet?hidden=3&weights=untrained",
    "/room",
)


def test_no_page_and_no_view_is_forgotten():
    places = [place_of(path) for path in PAGES]
    assert {place.page for place in places} == set(ICONS)
    for page, field in CHOOSING.items():
        seen = [
            dict(place.changes).get(field, getattr(Experiment(), field))
            for place in places
            if place.page == page
        ]
        assert set(seen) == set(TABLE[field].options or ()), page


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": DESK, "locale": "en-US", "color_scheme": "light"}


def findings(page: Page) -> list[str]:
    """Serious and critical findings of axe-core, each with what it is about and where it stands."""
    page.evaluate(AXE.read_text(encoding="utf-8") + ";0")
    found = page.evaluate(
        "scope => axe.run(scope, {resultTypes: ['violations']})", {"exclude": [[part] for part in LEFT_OUT]}
    )
    return [
        f"{violation['id']}: {node['target']} {node['html'][:120]} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


UNREADABLE = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => ((part / 255 + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const keepsItsColours = [...document.querySelectorAll(".rx-root *")].filter((node) => {
    const { forcedColorAdjust, backgroundColor } = getComputedStyle(node)
    return forcedColorAdjust === "none" && /^rgb\\(/.test(backgroundColor) && node.textContent.trim()
  })
  const contrast = (node) => {
    const { color, backgroundColor } = getComputedStyle(node)
    const [low, high] = [light(color), light(backgroundColor)].sort((a, b) => a - b)
    return (high + 0.05) / (low + 0.05)
  }
  return keepsItsColours.filter((node) => contrast(node) < 3).map((node) => node.className)
}"""
"""What keeps its own colours where the system sets all others, and cannot be read there."""


SMALL = """() => {
  const seen = { opacityProperty: true, visibilityProperty: true }
  const pressed = ":is(button, a[href], select, summary, [role=button], [role=option])"
  const left = ":is(:is(p, h1, h2, h3, h4, li) *, .rx-piece, .rx-push-column, [href='#stMain'])"
  return [...document.querySelectorAll(`${pressed}:not(${left})`)]
    .filter((node) => node.checkVisibility(seen))
    .map((node) => [node.textContent.slice(0, 30), node.className, node.getBoundingClientRect()])
    .filter(([, , { width, height }]) => width && height && Math.min(width, height) < 23.5)
    .map(([text, name, { width, height }]) => `${text} ${name} ${width} x ${height}`)
}"""
"""What is too small for a finger. Links and letters within a line of text are left out, and the columns of a
chart, as narrow as its numbers are many: its table and the keyboard reach those."""


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_everybody(page: Page, server: str, faults: list[str], path: str):
    page.goto(server + path)
    settled(page)
    assert not findings(page)
    assert not [text for text in page.evaluate(SAID) if raw_maths(text) or UNFILLED.search(text)]
    assert page.get_by_role("heading", level=1).count() >= 1
    page.wait_for_function(TABLED)
    for narrow in (ZOOMED, PHONE):  # in one theme: with another all is drawn anew
        page.set_viewport_size(narrow)
        page.wait_for_function(FITS, arg=narrow["width"])
        assert page.evaluate(PARTED) == []
    page.emulate_media(color_scheme="dark")
    settled(page)
    expect(page.locator(".rx-stage.rx-light")).to_have_count(0)
    assert not findings(page)
    assert page.evaluate(SMALL) == []
    page.emulate_media(color_scheme="dark", forced_colors="active")
    assert page.evaluate(UNREADABLE) == []


FITS = """most => innerWidth === most && document.querySelector(".stMain").scrollWidth <= most
  && [...document.querySelectorAll(".rx-plot")].every(({ clientWidth, _fullLayout }) =>
    !clientWidth || !_fullLayout || Math.abs(clientWidth - _fullLayout.width) < 2)"""
"""Whether nothing is wider than the window, and every chart of a stage is drawn for its place."""

SAID = """() => {
  const code = "style, script, pre, code, math, .katex"
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const said = new Set()
  for (let node; (node = walk.nextNode()); ) {
    const place = node.parentElement
    if (!place.closest(code)) said.add((place.closest("svg text") ?? node).textContent)
  }
  for (const name of ["title", "aria-label"])
    for (const node of document.querySelectorAll(`[${name}]`)) said.add(node.getAttribute(name))
  for (const { data, layout } of document.querySelectorAll(".js-plotly-plot"))
    for (const words of JSON.stringify([data, layout], (key, value) => (key === "meta" ? undefined : value))
      .match(/(?<="(?:text|title|name|hovertemplate|ticktext)":)"[^"]*"/g) ?? []) said.add(words)
  return [...said]
}"""
"""What a page says, seen or read out; of charts also what they say under the pointer."""

TABLED = """() => [...document.querySelectorAll(".js-plotly-plot")].every((plot) =>
  !plot.checkVisibility() || plot.closest("[class*=st-key-stop_]") ||
  plot.closest("figure, .stPlotlyChart")?.querySelector(".rx-as-table"))"""
"""Whether every chart has its numbers as a table; a miniature of the course has them in its view."""


def test_no_line_ends_between_a_formula_and_what_belongs_to_it(page: Page, server: str, faults: list[str]):
    page.goto(f"{server}/glossary?lang=ko")
    settled(page)
    expect(page.locator(".stMain .katex").first).to_be_visible()
    for width in (1280, 760, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(PARTED) == []


PARTED = """() => {
  const boxOf = (text, at) => {
    const range = document.createRange()
    range.setStart(text, at)
    range.setEnd(text, at + 1)
    return range.getBoundingClientRect()
  }
  const apart = (box, text, at) => {
    if (text?.nodeType !== Node.TEXT_NODE || !text.data.trim() || /\\s/.test(text.data[at])) return false
    const { top, bottom } = boxOf(text, at)
    return bottom > top && (bottom <= box.top || top >= box.bottom)
  }
  return [...document.querySelectorAll(".stMain :not(.katex-display) > .katex")].filter((formula) => {
    const bases = formula.querySelectorAll(".katex-html > .base")
    const [before, after] = [formula.previousSibling, formula.nextSibling]
    return bases.length && (apart(bases[bases.length - 1].getBoundingClientRect(), after, 0) ||
      (bases.length === 1 && apart(bases[0].getBoundingClientRect(), before, before?.data?.length - 1)))
  }).map(({ parentElement }) => parentElement.textContent.slice(0, 80))
}"""
"""Where a line ends between a formula and the particle, the comma or the bracket that belongs to it."""

UNFILLED = re.compile(r"(?<!%)\{[a-z_]+\}")
"""A place that nobody filled in."""


FADING = "document.getAnimations().some(({ transitionProperty }) => transitionProperty === 'opacity')"

UNFADED = "[data-stale] { opacity: 1 !important; transition: none !important }"
"""Streamlit fades what a run has not drawn yet: a page is looked at as it stands when it has run."""


def settled(page: Page) -> None:
    """Waits until the page has run to its end, and a chart stands where there is one."""
    expect(page.locator(".st-key-shell, .st-key-lecture")).to_be_attached()
    page.add_style_tag(content=UNFADED)
    page.wait_for_timeout(600)
    expect(page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')).to_be_visible()
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    expect(page.locator(".st-key-heading")).to_have_css("position", "absolute")  # our style sheet is there
    page.wait_for_function(f"!({FADING})", polling=100)
    if page.locator(".rx-root:not(.st-key-ways *)").count():
        expect(page.locator(".rx-stage, .rx-progress-row, .rx-room").first).to_be_attached()


def test_a_heatmap_by_keyboard_and_as_a_table(page: Page, server: str, faults: list[str]):
    open_page(page, server, step="2", unit="1")
    heat = page.locator(".rx-heat .rx-canvas").first
    heat.focus()
    heat.press("ArrowDown")
    heat.press("ArrowRight")
    expect(page.locator(READY)).to_have_attribute("data-unit", "2")
    assert step(page) == 3
    said = page.locator(".rx-spoken")
    expect(said).to_contain_text("Step 3 말이")
    expect(said).to_contain_text("unit 2")

    chart = page.locator(".rx-heat").first
    chart.hover()
    chart.get_by_role("button", name="The numbers as a table").click()
    table = page.get_by_role("dialog")
    expect(table.locator("tbody tr")).to_have_count(5)
    shown = table.locator("tbody tr").nth(2).locator("td").nth(1).inner_text()
    assert is_among(shown, said.inner_text())
    page.keyboard.press("ArrowRight")
    assert step(page) == 3  # what is open has the keys
    page.keyboard.press("Escape")
    expect(table).to_have_count(0)


def is_among(shown: str, said: str) -> bool:
    """Whether a number of four digits is one of those that were read out."""
    spoken = [part.split("=")[1].strip() for part in said.replace("−", "-").split(",") if "=" in part]
    wanted = float(shown.replace("−", "-"))
    return any(abs(float(number) - wanted) <= 6e-4 for number in spoken if "×" not in number)
