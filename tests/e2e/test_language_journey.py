"""Journeys over the page Language models in a real browser: from a text of one's own to a unit's job."""

import json
import math
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from explorer.__main__ import main
from explorer.data.grammar import END
from explorer.experiment import VIEWS
from explorer.i18n import t
from tests.e2e.stage import READY, chips, choose, fill_field, open_page, ready_id, redrawn

TEXT = "나는 밥을 먹는다. 너는 밥을 먹는다. 나는 물을 마신다. 너는 물을 마신다. 우리는 물을 마신다."
RACE = ".rx-race[data-ready]"


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 800}, "locale": "en-US"}


def view(page: Page, name: str, lang: str = "en") -> None:
    """Chooses a view of the page and waits for its stage."""
    page.get_by_role("radio", name=t(f"option.view.{name}", lang), exact=True).click()
    expect(page.locator(f"{READY}.rx-{name}")).to_be_visible()


def pieces(page: Page) -> list[str]:
    """The prompt and what the network says, piece by piece, as the stage shows it."""
    return page.locator(".rx-piece").all_text_contents()


def numbers(page: Page, place: str, sentence: str, lang: str, *names: str) -> list[float]:
    """Some numbers out of a sentence of the locale, once some place shows it."""
    parts = re.split(r"{(\w+)}", t(sentence, lang))
    wanted = "".join(re.escape(part) if k % 2 == 0 else r"([\d.,]+)" for k, part in enumerate(parts))
    expect(page.locator(place)).to_have_text(re.compile(wanted))
    found = re.search(wanted, page.locator(place).inner_text())
    assert found
    return [float(found.groups()[parts[1::2].index(name)].replace(",", "")) for name in names]


def asked_for(page: Page, ending: str):
    """Waits, at the end of a block, until the page has asked for a file to download."""
    return page.expect_response(re.compile(r"/media/\w+" + re.escape(ending)), timeout=60_000)


def command(capsys, *options: str) -> dict:
    """What `python -m explorer generate ... --json` prints."""
    assert main(["generate", *options, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_text_of_ones_own_from_its_table_to_a_unit(page: Page, server: str, faults: list[str]):
    lang = "ko"

    def said(sentence: str, **values: str) -> str:
        return t(sentence, lang, **values)

    def button(sentence: str, **values: str) -> Locator:
        return page.get_by_role("button", name=said(sentence, **values), exact=True)

    words, text = TEXT.split(), TEXT
    open_page(page, f"{server}/language", lang=lang, size="8", budget="60")
    before = ready_id(page)
    fill_field(page, said("field.text"), text)
    redrawn(page, before)
    rows = page.locator(".rx-pairs-beginnings .rx-pairs-row:not(:first-child)")
    sentences = [sentence.split() for sentence in re.findall(r"[^.]+\.", text)]
    expect(rows).to_have_count(len(words) - len(sentences))
    page.locator(".rx-play").focus()
    last = len(words) - len(sentences) - 1
    for key, at in (("End", last), ("ArrowLeft", last - 1), ("Home", 0), ("ArrowRight", 1), ("ArrowLeft", 0)):
        page.keyboard.press(key)
        expect(rows.nth(at)).to_have_attribute("aria-current", "true")
    expect(rows.nth(1).locator(".rx-pairs-beginning")).to_have_text(" ".join(words[:2]))
    expect(rows.nth(1).locator(".rx-pairs-target")).to_have_text(words[2])

    button("pairs.train").click()
    expect(page.locator(RACE)).to_be_visible()
    expect(page).to_have_url(re.compile("/train.*data=yours"))
    with asked_for(page, ".csv"), asked_for(page, ".json"):  # what can be kept is looked for once it is drawn
        button("train.start").click()
        expect(page.locator(RACE)).to_have_attribute("data-state", "over", timeout=60_000)
    expect(page.locator(READY)).to_be_visible()
    button("train.open_in", page=said("page.language")).click()
    expect(page.locator(f"{READY}.rx-pairs")).to_be_visible()

    view(page, "predict", lang)
    (perplexity,) = numbers(page, ".rx-whole", "predict.whole", lang, "perplexity")
    nats = [float(one) for one in page.locator(".rx-nats").all_inner_texts() if one]
    assert perplexity == pytest.approx(math.exp(sum(nats) / len(nats)), rel=0.01)

    view(page, "generate", lang)
    first = pieces(page)
    assert first[0] == words[0] and len(first) == 41
    page.locator(".rx-piece").nth(5).click()
    expect(page).to_have_url(re.compile("step=5"))
    other = page.locator(".rx-choice:enabled").first
    chosen = other.locator(".rx-bar-label").inner_text()
    before = ready_id(page)
    other.click()
    redrawn(page, before)
    assert pieces(page)[:6] == [*first[:5], chosen] != first[:6]
    expect(page.locator(".rx-fork")).to_have_count(1)
    expect(page.locator(".rx-piece").nth(5)).to_have_class(re.compile(r"\brx-fork\b"))
    before = ready_id(page)
    page.locator(".rx-take-back").click()
    redrawn(page, before)
    assert pieces(page) == first
    expect(page.locator(".rx-fork")).to_have_count(0)

    view(page, "units", lang)
    expect(page.locator(".rx-passage .rx-token")).to_have_count(len(words))
    expect(page.get_by_text(said("units.few"))).to_be_visible()
    expect(page.locator(".rx-rank").first.locator(".rx-unit-row")).to_have_count(0)  # so few rank nothing
    missed = page.locator(".rx-rank").nth(1).locator(".rx-unit-row").first
    number = missed.locator(".rx-unit-name").inner_text()
    missed.click()
    page.locator(".rx-zero").click()
    expect(page.locator(".rx-zero")).to_have_attribute("aria-pressed", "true")
    unit, without, whole = numbers(page, ".rx-cause", "units.cause", lang, "unit", "without", "with")
    assert unit == int(number) and without > whole

    page.get_by_role("link", name=said("page.step")).click()
    expect(page.locator(".rx-drawing")).to_be_visible()
    before = ready_id(page)
    gru = said("train.trained", name=said("cell.gru"), data=said("option.data.yours"))
    choose(page, said("field.weights"), gru)
    redrawn(page, before)
    expect(page).to_have_url(re.compile("cell=gru"))
    assert page.locator(".rx-chip").count() == len(words)


def test_the_unit_of_the_brackets_is_found_and_zeroed_by_keys(
    page: Page, server: str, faults: list[str], capsys
):
    shipped = {"weights": "model", "model": "brackets", "units": "char", "cell": "lstm"}
    prompt = "sun ( moon"
    open_page(page, f"{server}/language", lang="ko", view="units", prompt=prompt, **shipped)
    expect(page).to_have_url(re.compile(r"unit=\d+"))  # the unit that it opens with
    feature = page.get_by_role("button", name=t("option.feature.bracket", "ko"), exact=True)
    before = ready_id(page)
    feature.press("Enter")
    redrawn(page, before)
    expect(feature).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("feature=bracket"))
    tracked = page.locator(".rx-rank").first
    expect(tracked).to_contain_text(t("units.tracked", "ko", feature=t("option.feature.bracket", "ko")))
    r = [abs(float(one.replace("−", "-"))) for one in tracked.locator(".rx-bar-value").all_inner_texts()]
    assert r == sorted(r, reverse=True) and r[0] > 0.5
    names = tracked.locator(".rx-unit-name").all_inner_texts()
    best, needed = names[0], tracked.locator("[aria-pressed=true] .rx-unit-name").inner_text()
    assert needed == page.locator(".rx-rank").nth(1).locator(".rx-unit-name").first.inner_text()

    page.locator(".rx-passage").press("ArrowDown")
    expect(page.locator(READY)).to_have_attribute("data-unit", names[names.index(needed) + 1])
    tracked.locator(".rx-unit-row").first.press("Enter")
    expect(page.locator(READY)).to_have_attribute("data-unit", best)
    expect(tracked.locator(".rx-unit-row").first).to_be_focused()
    page.locator(".rx-zero").press("Enter")
    expect(page.locator(".rx-zero")).to_have_attribute("aria-pressed", "true")
    unit, without, whole = numbers(page, ".rx-cause", "units.cause", "ko", "unit", "without", "with")
    assert unit == int(best) and without > whole > 1

    view(page, "memory", "ko")
    expect(page.locator(".rx-memory-triangle .main-svg").first).to_be_visible()
    expect(page.locator(".rx-memory-triangle")).to_have_count(2)
    T = len(chips(page))
    page.locator(".rx-play").focus()
    for key, name, at in (
        ("End", "step", T),
        ("ArrowLeft", "step", T - 1),
        ("ArrowUp", "row", T - 1),
        ("Home", "step", 1),
        ("ArrowUp", "row", T - 2),
    ):
        page.keyboard.press(key)
        expect(page.locator(READY)).to_have_attribute(f"data-{name}", str(at))
    asked = re.sub("<[^>]*>", "", t("memory.row", "ko", s="h", t=T - 2, total=T))
    expect(page.locator(".rx-memory-row .rx-where")).to_have_text(asked)
    expect(page.locator(".rx-said").last).to_contain_text(f"t = {T - 2}, k = 1")
    forgetting = page.locator(".rx-memory-triangle .rx-canvas").first
    forgetting.press("ArrowUp")
    expect(page.locator(READY)).to_have_attribute("data-row", str(T - 3))
    forgetting.press("ArrowRight")
    expect(page.locator(".rx-spoken")).to_contain_text("%")

    view(page, "generate", "ko")
    settings = ("--temperature", "0.8", "--tokens", "40", "--stop", END)
    record = command(capsys, "--model", "brackets", "--cell", "lstm", "--prompt", prompt, *settings)
    assert record["stopped_by_end"]
    assert "".join(pieces(page)) == record["text"]
    expect(page.locator(".rx-ended")).to_have_text(t("generate.ended", "ko", n=len(record["tokens"])))


STOPS = """(views) => {
  const first = document.querySelector(`[role=radiogroup][aria-label="${views}"]`)
  const stage = document.querySelector(".rx-stage")
  const follows = (a, b) => a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING
  const between = (e) => !first.contains(e) && follows(first, e) && (stage.contains(e) || follows(e, stage))
  const reached = (e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({ visibilityProperty: true })
  const controls = document.querySelectorAll("button, input, select, textarea, a[href], [tabindex]")
  const stops = [...controls].filter((e) => between(e) && reached(e))
  stops.forEach((e, k) => (e.dataset.stop = k))
  return stops.map((e) => e.getAttribute("class") ?? "")
}"""
"""Numbers all that Tab must come to, from the choice of a view to the end of its stage."""

RECORD = """() => {
  window.reached = []
  document.addEventListener("focusin", ({ target }) => {
    if (target.closest("[role=radiogroup]")) return
    const { outlineStyle, outlineWidth } = getComputedStyle(target)
    const outlined = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2
    window.reached.push([Number(target.dataset.stop), outlined || !target.closest(".rx-stage")])
  })
}"""
"""Notes the number of what gets the focus past the choice of a view, and whether the stage outlines it."""

POINTED = """() => [...document.querySelectorAll(".rx-stage *")]
  .filter((e) => e.onclick && e.tabIndex < 0 && !e.querySelector("[tabindex='0']"))
  .map((e) => e.classList[0])"""

MOVES = {"rx-chip", "rx-pairs-row", "rx-runs-column", "rx-push-column", "rx-canvas", "hoverlayer"}
"""What only a pointer clicks: it moves the cursor, as the arrow keys do."""


def test_every_control_is_reached_by_tab_and_seen(page: Page, server: str, faults: list[str]):
    open_page(page, f"{server}/language")
    page.evaluate(RECORD)
    for name in VIEWS:
        chosen = page.get_by_role("radio", name=t(f"option.view.{name}", "en"), exact=True)
        chosen.press("Enter")
        expect(page.locator(f"{READY}.rx-{name}")).to_be_visible()
        expect(chosen).to_be_focused()
        stops = page.evaluate(STOPS, t("field.view", "en"))
        assert sum(kind.startswith("rx-") for kind in stops) >= 7, name
        page.evaluate("window.reached = []")
        for _ in stops:
            page.keyboard.press("Tab")
        assert page.evaluate("window.reached") == [[k, True] for k in range(len(stops))], (name, stops)
        assert set(page.evaluate(POINTED)) <= MOVES
