"""Hostile text in an address on real pages, and a page of another origin that posts to this server."""

import re
from urllib.parse import urlencode

from playwright.sync_api import Page, expect

from explorer.experiment import VIEWS
from tests.e2e.test_train_journey import LONG, RACE, open_race, press, reach
from tests.hostile.strings import HOSTILE
from tests.hostile.test_url import TEXTS

MARKUP = " ".join(text[:100] for text in HOSTILE.values() if re.search(r"[<\[!$&`:{]", text))[:1200]
NAMES = {"model", "words", "numbers"}
FIELDS = {name: MARKUP for name in TEXTS if name not in NAMES} | {"weights": "untrained", "hidden": "4"}
STAGED = "[data-ready]"
PAGES = {"?": STAGED, "train?data=yours&": ".stFileUploader"}
ALONE = [
    "gradients?embed=1&",
    *(f"language?embed=1&view={view}&" for view in VIEWS),
    *(f"architectures?embed=1&arch={view}&" for view in ("deep", "mappings")),
]
"""The other views that hold a reader's text, the stage of each alone: a session costs three times as much."""

LEADS_AWAY = """
  () => {
    const found = []
    const look = (root) => {
      for (const one of root.querySelectorAll("*")) {
        if (one.shadowRoot) look(one.shadowRoot)
        for (const name of ["href", "src", "xlink:href", "action"]) {
          const value = one.getAttribute(name) ?? ""
          const away = /^\\s*([a-z]+:)?\\/\\/|^\\s*javascript:/i.test(value)
          if (away && !value.startsWith(location.origin)) found.push(value)
        }
      }
    }
    look(document)
    return found
  }
"""


def test_hostile_text_is_text_and_nothing_else(page: Page, server: str, faults: list[str]):
    for path, there in (PAGES | dict.fromkeys(ALONE, STAGED)).items():
        page.goto(f"{server}/{path}{urlencode(FIELDS)}")
        expect(page.locator(there).first).to_be_visible()
        assert page.evaluate(LEADS_AWAY) == [], path
        expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_page_of_another_origin_stops_no_race(page: Page, server: str, faults: list[str]):
    open_race(page, f"{server}/train?race_seed=71&{LONG}")
    press(page, "Start")
    reach(page, [1])
    key = page.evaluate("[...globalThis.rxRaces.keys()][0]")
    forged = page.context.new_page()
    form = f'<form method="post" action="{server}/train/{key}/stop"><button>Win a prize</button></form>'
    elsewhere = server.replace("127.0.0.1", "localhost")
    forged.route(f"{elsewhere}/**", lambda route: route.fulfill(body=form, content_type="text/html"))
    forged.goto(f"{elsewhere}/prize")
    with forged.expect_response(lambda answer: answer.request.method == "POST") as answer:
        forged.get_by_role("button").click()
    assert answer.value.status == 403 and answer.value.url.startswith(server)
    forged.close()
    expect(page.locator(RACE)).to_have_attribute("data-state", "running")
    press(page, "Stop")
    expect(page.locator(RACE)).to_have_attribute("data-state", "over")
