"""The course in Chromium: its stops, the lecture, architectures and the glossary, each in one language.

Every view opens in both languages in tests/pages.
"""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

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


def test_views_of_the_architectures_draw_and_say_what_they_computed(page: Page, server: str, faults):
    page.goto(f"{server}/architectures?cell=gru&arch=cost")
    for view in ("shapes", "deep", "mappings"):
        page.get_by_role("radio", name=t(f"option.arch.{view}", "ko"), exact=True).click()
        expect(page.get_by_text(t(f"architecture.try_{view}", "ko"))).to_be_visible()
        expect(page.locator(IDLE)).to_be_attached(timeout=600_000)
        expect(page.locator(f"{PLOT}, {READY}").first).to_be_visible()
        expect(page.locator("[data-testid=stSpinner]")).to_have_count(0)
        expect(page.locator("[data-testid=stException]")).to_have_count(0)


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
