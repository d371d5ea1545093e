"""The fifty minutes in Chromium as a lecturer walks them: by the keys of a clicker, on a projector.

Korean; every view is drawn in both languages in tests/pages.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from explorer.course.showing import card_of
from explorer.course.views import BUILT_IN, lecture
from explorer.i18n import t
from tests.e2e.stage import READY

HEIGHT = 1080
LEAST = HEIGHT / 45
"""The back row reads type of a forty-fifth of the picture's height."""

SMALL = """least => {
  const found = {}
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node; (node = walk.nextNode()); ) {
    const place = node.parentElement
    const seen = place?.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    if (!node.textContent.trim() || !seen) continue
    if (place.closest("style, script, [hidden], .katex, tspan[dy], sub, sup")) continue
    const range = document.createRange()
    range.selectNode(node)
    const box = range.getBoundingClientRect()
    if (!box.width || box.bottom < 0 || box.top > innerHeight) continue
    const scale = place.closest("svg") && place.getScreenCTM?.()
    const size = parseFloat(getComputedStyle(place).fontSize) * (scale ? Math.hypot(scale.a, scale.b) : 1)
    if (size < least - 0.05) found[node.textContent.trim().slice(0, 40)] = Math.round(10 * size) / 10
  }
  return found
}"""
"""Texts in sight that are smaller, with their size in pixels; raised and lowered signs are left out."""


CUT = """() => [...document.querySelectorAll(".rx-plot")]
  .filter((plot) => plot.clientHeight && plot.layout?.height > plot.clientHeight + 1)
  .map((plot) => [plot.clientHeight, plot.layout.height])"""
"""The charts that are taller than their places, so that their axes are cut off."""


@pytest.fixture(scope="module")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "locale": "ko-KR", "viewport": {"width": 1920, "height": HEIGHT}}


def stands(page: Page, at: int) -> None:
    """Waits until a view of the lecture is there, its stage drawn."""
    expect(page.locator(".rx-lecture-at")).to_have_text(f"{at}/{len(lecture())}")
    expect(page.locator(f"{READY}, .rx-race[data-ready], .st-key-glossary").first).to_be_attached()
    expect(page).to_have_url(re.compile(rf"[?&]at={at}(&|$)"))


TORN = """() => {
  const { firstChild } = document.querySelector(".st-key-question p")
  const range = document.createRange()
  return firstChild.textContent.split(" ").filter((word, k, words) => {
    const at = words.slice(0, k).join(" ").length + (k > 0)
    range.setStart(firstChild, at)
    range.setEnd(firstChild, at + word.length)
    return new Set([...range.getClientRects()].map(({ top }) => top)).size > 1
  })
}"""
"""The words of the question that stand on two lines."""


OVERLAP = """() => [...document.querySelectorAll("[class*=st-key-glossary_cell_]")].filter((cell) => {
  const [title, below] = ["h4", "strong, .katex-display"].map((part) => cell.querySelector(part))
    .map((node) => node.getBoundingClientRect())
  return title.bottom > below.top
}).length"""
"""How many cells of the glossary have their name written over what stands below it."""


def covered(page: Page) -> bool:
    hidden = "e => getComputedStyle(e.firstElementChild).opacity === '0'"
    return any(place.evaluate(hidden) for place in page.locator(".st-key-covered").all())


def test_fifty_minutes_by_the_keys_of_a_clicker(page: Page, server: str, faults):
    page.goto(f"{server}{lecture()[0].see.address}&lecture={BUILT_IN}&at=1")
    for at, view in enumerate(lecture(), 1):
        stands(page, at)
        expect(page.locator(".rx-lecture-title")).to_have_text(t(f"course.view_{view.key}", "ko"))
        expect(page.locator(".st-key-shell a")).to_have_count(0)
        if card_of(view.see, "ko") is None:
            continue
        answer = page.locator("[class*=st-key-answer_]")
        expect(answer).to_have_css("opacity", "0")
        if view.see.page == "train":
            page.keyboard.press("PageDown")
            expect(page.locator(".rx-race")).to_have_attribute(
                "data-state", re.compile("queued|running|over")
            )
        else:
            assert covered(page)
            page.keyboard.press("PageDown")
            expect(page.locator(".st-key-covered > *").first).to_have_css("opacity", "1")
        expect(answer).to_have_css("opacity", "0")
        page.keyboard.press("PageDown")
        expect(answer).to_have_css("opacity", "1")
        assert page.evaluate(SMALL, LEAST) == {}, view.key
        for _ in range(20):  # charts follow a moment after their places
            page.wait_for_timeout(300)
            if not (cut := page.evaluate(CUT)):
                break
        assert cut == [], view.key
        assert page.evaluate(TORN) == [], view.key
        page.wait_for_function("most => document.querySelector('.stMain').scrollHeight <= most", arg=HEIGHT)
        page.keyboard.press("PageDown")
    expect(page.locator(".st-key-glossary h4").first).to_be_visible()
    cells = page.locator("[class*=st-key-glossary_cell_]")
    expect(cells.locator(".katex-display")).not_to_have_count(0)
    expect(cells.last.locator(".katex-display").first).to_be_visible()
    assert page.evaluate(OVERLAP) == 0
    page.wait_for_timeout(600)  # a turn back at once counts as an address that is older than the last writing
    page.keyboard.press("PageUp")
    stands(page, len(lecture()) - 1)


def test_escape_leads_to_the_page_and_back_into_the_lecture(page: Page, server: str, faults):
    first = lecture()[0]
    page.goto(f"{server}{first.see.address}&lecture={BUILT_IN}&at=1")
    stands(page, 1)
    page.get_by_role("button", name=t("lecture.on", "ko")).click()  # uncovers, as the key does
    page.keyboard.press("Escape")
    expect(page.locator(".rx-lecture-bar")).to_have_count(0)
    expect(page.locator(".st-key-lesson")).to_be_visible()
    expect(page.locator(READY)).to_have_attribute("data-step", str(first.see.experiment.step))
    expect(page.locator(".rx-transport").first).to_be_visible()
    assert not covered(page)
    page.go_back()
    stands(page, 1)
    assert not covered(page), "what was uncovered in this lecture stays so"


def test_a_guess_uncovers_the_figure_and_stays(page: Page, server: str, faults):
    page.goto(f"{server}/?cell=lstm&card=forget&guess=1")
    expect(page.locator(READY)).to_be_attached()
    choices = page.locator(".rx-guess-choice")
    expect(choices).to_have_count(4)
    assert covered(page)
    choices.nth(1).click()
    expect(choices.nth(1)).to_have_attribute("aria-pressed", "true")
    assert not covered(page)
    page.locator(".rx-guess-answer").click()
    expect(page.locator(".rx-right")).to_have_text(re.compile("3"))
    page.reload()
    expect(page.locator(READY)).to_be_visible()
    expect(choices.nth(1)).to_have_attribute("aria-pressed", "true")
    page.goto(f"{server}/?cell=lstm&card=forget")
    expect(page.locator(READY)).to_be_visible()
    assert not covered(page) and page.locator(".rx-guess").count() == 0
