"""A journey through the clinic and the worksheet in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.stage import fill_field
from tests.e2e.test_train_journey import RACE, press

OVER = {"name": "data-state", "value": "over", "timeout": 600_000}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 800}, "locale": "en-US"}


def test_a_fault_is_named_mended_and_the_network_learns_and_a_number_is_graded(
    page: Page, server: str, faults: list[str], tmp_path: Path
):
    page.goto(f"{server}/clinic?card=case2")
    expect(page.locator(RACE)).to_be_visible()
    press(page, "Start")
    expect(page.locator(RACE)).to_have_attribute(**OVER)
    expect(page.locator(".rx-passed")).to_have_count(0)
    clip = page.get_by_label("Clip the gradient at norm (0: no)", exact=True)
    expect(clip).to_be_hidden()
    press(page, "The gradient is not clipped and explodes")
    press(page, "Answer")
    expect(page.locator(".rx-right")).to_have_text("The gradient is not clipped and explodes")
    fill_field(page, "Clip the gradient at norm (0: no)", "1")
    press(page, "Start")
    expect(page.locator(".rx-passed")).to_have_count(1, timeout=600_000)

    page.goto(f"{server}/worksheet?hidden=2&weights=untrained&seed=1")
    box = page.get_by_label("f 1: empty", exact=True)
    box.fill("0.09")
    box.press("Enter")
    expect(page.get_by_label("f 1: right", exact=True)).to_have_value("0.09")
    with page.expect_download() as loading:
        page.get_by_role("button", name="Sheets in English").click()
    paper = page.context.new_page()
    loading.value.save_as(tmp_path / "sheet.html")
    paper.goto((tmp_path / "sheet.html").as_uri())
    expect(paper.locator("math").first).to_be_visible()
    paper.close()
