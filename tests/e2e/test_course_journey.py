"""The course in Chromium: its stops, the lecture, architectures and the glossary, each in one language.

Every view opens in both languages in tests/pages.
"""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from explorer.course.questions import questions
from explorer.course.showing import card_of
from explorer.course.stops import stops
from explorer.course.views import lecture
from explorer.i18n import t
from tests.e2e.stage import READY, chips, step

IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
"""No run is under way: a click now is not a click into a page that is being drawn."""

PLOT = "[data-testid=stPlotlyChart] .main-svg"


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "locale": "ko-KR", "viewport": {"width": 1280, "height": 900}}


def test_a_stop_leads_to_its_view_and_what_was_opened_is_kept_in_the_browser(page: Page, server: str, faults):
    page.goto(f"{server}/course")
    page.evaluate("localStorage.clear()")
    page.goto(f"{server}/course")
    expect(page.locator(PLOT).nth(0)).to_be_visible()
    expect(page.get_by_role("heading", level=4)).to_have_count(len(stops()))
    first = page.locator(".st-key-stop_recurrence")
    expect(first.locator(".rx-seen")).to_have_count(0)
    first.get_by_test_id("stPageLink-NavLink").click()
    expect(page.locator(READY)).to_be_visible()
    expect(page.locator(".st-key-lesson p").last).to_have_css("word-break", "keep-all")
    expect(page.get_by_test_id("stCaptionContainer").locator("p").last).to_have_css("word-break", "keep-all")
    page.get_by_role("button", name=t("ui.next_card", "ko"), exact=True).click()
    expect(page.locator("button.rx-seen")).to_have_count(2)
    page.get_by_role("link", name=t("page.course", "ko")).click()
    expect(first.locator(".rx-seen")).to_have_count(2)


def test_the_lecture_is_a_list_of_views_that_stand_as_they_should(page: Page, server: str, faults):
    page.goto(f"{server}/course?lang=en")
    swapped = next(view for view in lecture() if view.key == "swapped")
    link = page.get_by_role("link", name=t("course.view_swapped", "en"))
    assert urlsplit(str(link.evaluate("a => a.href"))).path == "/"  # as a copied address leads
    link.click()
    expect(page.locator(READY)).to_be_visible()
    assert step(page) == swapped.see.experiment.step
    assert "그의" in " ".join(page.locator(".rx-chip-swap").all_inner_texts()) and len(chips(page)) == 5


CHART = "[data-testid=stMain] .st-key-{} .main-svg"

ANSWERED_BY = {
    "lag": CHART.format("forecast_forecast"),
    "gates": ".rx-drawing",
    "hand": ".rx-hand-plot .main-svg",
    "start": CHART.format("starts"),
    "fork": CHART.format("branches"),
    "bottleneck": ".rx-attention .main-svg",
    "packing": CHART.format("shapes_packing"),
    "chance": ".rx-memory-triangle .main-svg",
    "arrows": CHART.format("arrows"),
}
"""The figure that answers each question, on the view that its link opens."""


PRESSED = "link => { link.click(); return document.querySelector('.stMain').scrollTop }"


def test_the_figure_that_answers_a_question_stands_in_sight(page: Page, server: str, faults):
    """One after another in a session, half of them in Korean; each is asked on the card beside its figure."""
    page.set_viewport_size({"width": 1280, "height": 800})
    keys = list(questions())
    for lang, some in (("en", keys[:5]), ("ko", keys[5:])):
        page.goto(f"{server}/course?lang={lang}")
        for key in some:
            link = page.get_by_role("link", name=t(f"course.question_{key}", lang))
            link.scroll_into_view_if_needed()
            assert link.evaluate(PRESSED) == 0  # the next page is seen from its top, however slow it comes
            figure = page.locator(ANSWERED_BY[key]).first
            expect(figure).to_be_visible()
            expect(page.locator(IDLE)).to_be_attached(timeout=600_000)
            box, card = figure.bounding_box(), card_of(questions()[key], lang)
            assert box and box["y"] >= 0 and box["y"] + 0.8 * box["height"] <= 800, (key, box)
            assert card
            expect(page.locator(".st-key-lesson h4")).to_contain_text(card.title)
            expect(page.locator("[data-testid=stException]")).to_have_count(0)
            page.get_by_role("link", name=t("page.course", lang), exact=True).click()


def test_a_symbol_is_found_in_the_glossary_and_leads_to_its_view(page: Page, server: str, faults):
    opened = len(page.context.pages)
    page.goto(f"{server}/glossary?lang=en")
    rows = page.locator(".st-key-glossary li:not(:first-child)")
    expect(rows.first).to_be_visible()
    box = page.get_by_label(t("glossary.search", "en"))
    box.fill("peephole")
    box.press("Enter")
    expect(rows).to_have_count(2)
    rows.get_by_role("link").first.click()  # in the same session: the page is not loaded again
    expect(page.locator(READY)).to_be_visible()
    assert page.evaluate("performance.getEntriesByType('navigation')[0].name").startswith(
        f"{server}/glossary"
    )
    assert len(page.context.pages) == opened
