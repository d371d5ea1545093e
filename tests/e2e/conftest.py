"""One server and few browsers for all journeys, a visitor for those of a file.

Without Chromium: a visible skip, a failure where REQUIRE_E2E=1 is set.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, BrowserType, Page, expect

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


@pytest.fixture(scope="session")
def profile(
    browser_type: BrowserType, browser_type_launch_args: dict, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[dict], BrowserContext]]:
    """Profiles on disk, one for all files of journeys with the same settings: what was loaded and compiled
    once is there for the next (a page then costs a quarter less)."""
    made: dict[str, BrowserContext] = {}

    def with_settings(settings: dict) -> BrowserContext:
        key = json.dumps(settings, sort_keys=True)
        if key not in made:
            folder = tmp_path_factory.mktemp("profile")
            made[key] = browser_type.launch_persistent_context(folder, **browser_type_launch_args, **settings)
        return made[key]

    yield with_settings
    for context in made.values():
        context.close()


@pytest.fixture(scope="module")
def context(
    profile: Callable[[dict], BrowserContext], browser_context_args: dict, server: str
) -> BrowserContext:
    """The profile of a file of journeys, which remembers no earlier file's visitor."""
    context = profile(browser_context_args)
    context.clear_permissions()
    context.clear_cookies()
    blank = context.new_page()
    context.new_cdp_session(blank).send(
        "Storage.clearDataForOrigin", {"origin": server, "storageTypes": "local_storage,indexeddb"}
    )
    blank.close()
    return context


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
