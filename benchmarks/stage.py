"""The page Step through time in real Chromium, against what feels immediate.

    python -m benchmarks.stage

An LSTM with H=32 over 64 distinct words, untrained, at 1280 x 800. "Key to paint" runs from the time
stamp that Chromium's browser process puts on a real key to the first task after the frame drawn for it:
its script, style, layout and paint are done, only the compositor's raster is left out. The server's
run is the script alone, run by Streamlit's test runner; the first of each choice, which computes and
fills the caches, is not counted. "Empty cache" is a new browser profile, "warm cache" the same one again.
"""

import argparse
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from explorer.commands.terminal import table_lines
from explorer.i18n import t
from tests.e2e.server import CHROMIUM, QUIET, running
from tests.e2e.stage import choose, open_page, ready_id, redrawn
from tests.pages.app import field, opened

QUERY = {
    "cell": "lstm",
    "hidden": "32",
    "weights": "untrained",
    "text": " ".join(f"w{k}" for k in range(64)),
    "lang": "en",
}
CELLS = (t("cell.gru", "en"), t("cell.lstm", "en"))
LOW: ViewportSize = {"width": 1280, "height": 800}
TALL: ViewportSize = {"width": 1280, "height": 1500}
KEYS = 40
GAP = 0.033
"""Seconds between the keys that a held key sends."""

PROBE = """
const probe = (window.probe = { keys: [], clicked: 0, ready: [], steps: new Set(), blank: 0 })
const stage = () => document.querySelector(".rx-stage[data-ready]")

function painted(tell) {
  requestAnimationFrame(() => {
    const channel = new MessageChannel()
    channel.port1.onmessage = () => tell(performance.now())
    channel.port2.postMessage(0)
  })
}
addEventListener("keydown", (event) => painted((now) => probe.keys.push(now - event.timeStamp)), true)
addEventListener("click", (event) => { probe.clicked = event.timeStamp }, true)
new MutationObserver(() => painted((now) => probe.ready.push(now)))
  .observe(document, { subtree: true, attributeFilter: ["data-ready"] })

probe.watch = () => {
  probe.steps.clear()
  const plots = [...document.querySelectorAll(".rx-plot")].filter((plot) => plot.querySelector(".main-svg"))
  const removed = new MutationObserver((changes) => {
    probe.blank += changes.filter((c) => c.removedNodes.length).length
  })
  for (const plot of plots) removed.observe(plot, { childList: true })
  const sample = () => {
    probe.steps.add(stage()?.dataset.step)
    if (plots.some((plot) => !plot.isConnected || !plot.querySelector(".main-svg"))) probe.blank += 1
    requestAnimationFrame(sample)
  }
  sample()
}
"""


@dataclass(frozen=True)
class Row:
    """A number measured and the largest (or with `least`, the smallest) that is good enough."""

    name: str
    value: float
    target: float | None = None
    unit: str = "ms"
    least: bool = False

    def cells(self) -> tuple[str, ...]:
        """Returns the row of the table."""
        value = f"{self.value:.1f}" if self.unit == "ms" else f"{self.value:g}"
        if self.target is None:
            return self.name, value, self.unit, "-", "-"
        met = self.value >= self.target if self.least else self.value <= self.target
        return (
            self.name,
            value,
            self.unit,
            f"{'>=' if self.least else '<='} {self.target:g}",
            ("MISSED", "met")[met],
        )


def key_to_paint(
    browser: Browser, url: str, name: str, size: ViewportSize, details: bool, targets: Sequence[float]
) -> list[Row]:
    """Times every step to the last and back to the first, the arithmetic in or out of sight."""
    page = _page(browser, url, size)
    shown = page.locator(".rx-arithmetic .rx-equation").last if details else page.locator(".rx-details-title")
    box = shown.bounding_box()
    assert box and (box["y"] + box["height"] <= size["height"]) is details
    page.evaluate("probe.keys.length = 0")
    pause = random.Random(0)
    for key in ("ArrowRight", "ArrowLeft"):
        for _ in range(63):
            page.keyboard.press(key)
            page.wait_for_timeout(40 + 17 * pause.random())  # at any phase of the screen's frames
    taken = page.evaluate("probe.keys")
    assert len(taken) == 126
    page.close()
    median, p95 = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
    return [Row(f"{name}, median", median, targets[0]), Row(f"{name}, p95", p95, targets[1])]


def held_key(browser: Browser, url: str) -> list[Row]:
    """Sends the keys of a held key and counts what was painted, lost and sent."""
    page = browser.new_page(viewport=LOW, locale="en-US")
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    _open(page, url)
    page.evaluate("probe.watch()")
    before, started = len(sent), time.perf_counter()
    for k in range(KEYS):
        page.wait_for_timeout(max(0.0, 1e3 * (started + GAP * k - time.perf_counter())))
        page.keyboard.down("ArrowRight")
    took = time.perf_counter() - started
    page.wait_for_timeout(100)  # the last frame; where the user rests is told after 900 ms
    frames = len(sent) - before
    steps, blank = page.evaluate("[probe.steps.size - 1, probe.blank]")
    page.close()
    return [
        Row(f"steps painted of {KEYS} keys in {took:.2f} s", steps, KEYS, "", least=True),
        Row("messages to the server meanwhile", frames, 0, ""),
        Row("blank frames meanwhile", blank, 0, ""),
    ]


def rerun(browser: Browser, url: str, repeats: int) -> Row:
    """Times switching between two cells: from the click to the other stage painted."""
    page = _page(browser, url, LOW)
    taken = []
    for k in range(2 * repeats + 2):
        before = ready_id(page)
        choose(page, "Cell", CELLS[k % 2])
        redrawn(page, before)
        page.wait_for_timeout(1500)
        if k >= 2:  # both computed
            taken.append(page.evaluate("probe.ready.at(-1) - probe.clicked"))
    page.close()
    return Row("another cell, click to stage painted", statistics.median(taken))


def first_paint(browser: Browser, url: str, repeats: int) -> list[Row]:
    """Times a visit and a second one, from the navigation's start to the stage painted."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        context = browser.new_context(viewport=LOW, locale="en-US")
        context.add_init_script(PROBE)
        for visit in taken:
            page = context.new_page()
            open_page(page, url, **QUERY)
            page.wait_for_timeout(200)
            visit.append(page.evaluate("probe.ready[0]"))
            page.close()
        context.close()
    empty, warm = map(statistics.median, taken)
    return [Row("first paint, empty cache", empty, 3500), Row("first paint, warm cache", warm, 1000)]


def script_run(repeats: int) -> list[Row]:
    """Times the script that a widget's change runs on the server, everything computed before."""
    app = opened(**QUERY)
    cells = [("gru", "lstm")[k % 2] for k in range(2 * repeats + 2)]
    taken = []
    for cell in cells:
        field(app, "selectbox", "cell").set_value(cell)
        started = time.perf_counter()
        app.run()
        taken.append(1e3 * (time.perf_counter() - started))
    return [Row("another cell, the server's run alone", statistics.median(taken[2:]), 100)]


def _page(browser: Browser, url: str, size: ViewportSize) -> Page:
    page = browser.new_page(viewport=size, locale="en-US")
    _open(page, url)
    return page


def _open(page: Page, url: str) -> None:
    page.add_init_script(PROBE)
    open_page(page, url, **QUERY)
    page.wait_for_timeout(2000)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stage", description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5, help="visits and switches (default 5)")
    repeats = parser.parse_args().repeats
    if CHROMIUM is None:
        parser.error("no Chromium found")
    with running() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        rows = [
            *key_to_paint(browser, url, "key to paint, charts", LOW, False, (12, 17)),
            *key_to_paint(browser, url, "key to paint, all details", TALL, True, (20, 28)),
            *held_key(browser, url),
            rerun(browser, url, repeats),
            *first_paint(browser, url, repeats),
        ]
        browser.close()
    rows += script_run(repeats)
    table = [row.cells() for row in rows]
    print("An LSTM, H=32, T=64, untrained, 1280 x 800.")
    print(
        *table_lines(("what", "value", "", "target", "verdict"), table, words=("what", "verdict")), sep="\n"
    )


if __name__ == "__main__":
    main()
