"""How long a click in the app takes while a race trains, against an idle server.

    python -m benchmarks.clicks

A click chooses another cell on Step through time; it has taken until the stage is drawn anew. The race
is followed by a plain client here, so that no second browser page draws beside the one that is timed.
"""

import statistics
import threading
import urllib.request

from playwright.sync_api import Page, sync_playwright

from explorer.i18n import t
from tests.e2e.server import CHROMIUM, QUIET, running
from tests.e2e.stage import choose, open_page, ready_id, redrawn

CLICKS, ROUNDS, TARGET = 10, 2, 1.2
CELLS = (t("cell.gru", "en"), t("cell.lstm", "en"))
TIMED = """
addEventListener("pointerdown", (event) => { window.clicked = event.timeStamp }, true)
new MutationObserver(() => { window.drawn = performance.now() })
  .observe(document, { subtree: true, attributeFilter: ["data-ready"] })
"""


def clicks(page: Page) -> list[float]:
    """Returns the milliseconds from some clicks to the new stage."""
    taken = []
    for k in range(CLICKS):
        before = ready_id(page)
        choose(page, t("field.cell", "en"), CELLS[k % 2])
        redrawn(page, before)
        taken.append(page.evaluate("() => window.drawn - window.clicked"))
    return taken


def follow(url: str, stop: threading.Event) -> None:
    """Reads a race's stream, as a browser does, until told to stop."""
    with urllib.request.urlopen(url) as stream:
        while not stop.is_set() and stream.readline():
            pass


def main() -> None:
    with running() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        page = browser.new_context(locale="en-US").new_page()
        page.add_init_script(TIMED)
        open_page(page, server, lang="en")
        clicks(page)
        idle, busy = [], []
        for seed in range(ROUNDS):
            idle += clicks(page)
            starter = browser.new_context(locale="en-US").new_page()
            starter.goto(f"{server}/train?length=400&budget=20000&racers=gru&race_seed={seed}")
            starter.get_by_role("button", name="Start", exact=True).click()
            starter.wait_for_function(
                "() => +document.querySelector('.rx-card')?.dataset.step > 0", timeout=60_000
            )
            (key,) = starter.evaluate("() => [...globalThis.rxRaces.keys()]")
            stop = threading.Event()
            client = threading.Thread(target=follow, args=(f"{server}/train/{key}/events", stop))
            client.start()
            starter.wait_for_timeout(500)
            starter.close()
            busy += clicks(page)
            stop.set()
            client.join()
            page.wait_for_timeout(2500)
        browser.close()
    a, b = statistics.median(idle), statistics.median(busy)
    verdict = "met" if b <= TARGET * a else "missed"
    print(f"click to new stage, medians of {len(idle)}: idle {a:.0f} ms, while a race trains {b:.0f} ms,")
    print(f"x{b / a:.2f}  target <= {TARGET}: {verdict}")


if __name__ == "__main__":
    main()
