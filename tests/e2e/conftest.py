"""One server and one browser for all journeys, one profile for those of a file.

Without Chromium: a visible skip, a failure where REQUIRE_E2E=1 is set.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.server import CHROMIUM, QUIET, running

expect.set_options(timeout=120_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if CHROMIUM is None and os.environ.get("REQUIRE_E2E") != "1":
                item.add_marker(pytest.mark.skip(reason="no Chromium found; the journeys did not run"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    assert CHROMIUM, "REQUIRE_E2E=1 is set, but there is no Chromium"
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": list(QUIET)}


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with running() as url:
        yield url


@pytest.fixture(scope="module")
def context(browser: Browser, browser_context_args: dict) -> Iterator[BrowserContext]:
    """A profile for a file of journeys: what it has loaded and compiled once it keeps."""
    context = browser.new_context(**browser_context_args)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    yield page
    page.close()


@pytest.fixture
def faults(page: Page, server: str) -> Iterator[list[str]]:
    """Page errors and requests to anywhere but the server; none are allowed."""
    found: list[str] = []
    watch(page, server, found)
    yield found
    assert not found


def watch(page: Page, server: str, found: list[str]) -> None:
    """Adds what goes wrong on a page from now on."""
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    page.on("console", lambda message: found.append(f"console: {message.text}") if _bad(message) else None)
    page.on(
        "request",
        lambda request: found.append(f"outside: {request.url}") if _outside(request.url, server) else None,
    )


def _bad(message) -> bool:
    """A console error, but for Streamlit's look below a page's own path for its server."""
    return message.type == "error" and "/_stcore/" not in message.location.get("url", "")


def _outside(url: str, server: str) -> bool:
    return not url.startswith((server, server.replace("http", "ws"), "data:", "blob:"))
