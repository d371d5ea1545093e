"""What the journeys do with a stage: open it, wait for it, read it."""

import re
from urllib.parse import urlencode

from playwright.sync_api import Page, expect

READY = ".rx-stage[data-ready]:not(.rx-race)"


def open_page(page: Page, server: str, **query: str) -> None:
    page.goto(f"{server}/?{urlencode(query)}")
    expect(page.locator(READY)).to_be_visible()


def draws(page: Page, kind: str) -> bool:
    """Whether the page's Plotly.js has a kind of trace ready."""
    return page.evaluate("kind => kind in Plotly.PlotSchema.get().traces", kind)


def ready_id(page: Page) -> str:
    return page.locator(READY).get_attribute("data-ready") or ""


def redrawn(page: Page, before: str) -> None:
    """Waits until the stage shows another payload than before."""
    expect(page.locator(f'{READY}:not([data-ready="{before}"])')).to_be_visible()


def step(page: Page) -> int:
    return int(page.locator(READY).get_attribute("data-step") or 0)


def chips(page: Page) -> list[str]:
    return page.locator(".rx-chip-text").all_inner_texts()


def fill_field(page: Page, label: str, text: str) -> None:
    box = page.get_by_label(label, exact=True)
    box.fill(text)
    box.press("Enter")


def choose(page: Page, label: str, option: str) -> None:
    box = page.get_by_role("combobox", name=label).first
    box.scroll_into_view_if_needed()
    box.click()
    wanted = page.get_by_role("option", name=option, exact=True)
    if not wanted.is_visible():  # scrolling closes the list again
        page.wait_for_timeout(300)
        box.press("ArrowDown")
    wanted.click()


_LEVEL = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")


def last_number(text: str) -> float:
    """The number that a text ends with, as people write it: 9.1 × 10⁻¹⁵."""
    found = re.search(r"(−?[0-9.]+)(?: × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?$", text)
    assert found, text
    mantissa, power = found.groups(default="0")
    return float(f"{mantissa}e{power}".translate(_LEVEL))
