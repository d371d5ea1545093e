"""The page Step through time beside a bare Streamlit page with eight heatmaps, both in one Chromium.

    python -m benchmarks.bare

An LSTM with H=32 over 64 words on the one side, eight st.plotly_chart of 32 x 64 numbers on the other
(bare_page.py), in turn. First paint is from the navigation's start to the task after the frame that shows the
last chart. Browser CPU is that of all of Chromium's processes, server CPU that of the server's; a busy
machine blurs neither as it does waiting.
"""

import argparse
import asyncio
import itertools
import statistics
import sys
import time
from dataclasses import dataclass
from urllib.parse import urlencode

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.stage import CELLS, LOW, QUERY
from benchmarks.visitor import Visitor
from explorer.commands.terminal import table_lines
from tests.e2e.server import CHROMIUM, QUIET, started
from tests.e2e.stage import choose

BARE_CELLS = ("GRU", "LSTM")
BARE = (sys.executable, "-m", "streamlit", "run", "benchmarks/bare_page.py")
SETTLED = 2.5
"""Seconds after a choice in which the browser's work for it is done."""

PAINTED = """
const done = () => document.querySelector(".rx-stage[data-ready]") ||
  document.querySelectorAll(".stPlotlyChart .heatmaplayer image").length === 8
const watch = new MutationObserver(() => {
  if (!done() || window.painted) return
  window.painted = Infinity
  requestAnimationFrame(() => {
    const channel = new MessageChannel()
    channel.port1.onmessage = () => { window.painted = performance.now() }
    channel.port2.postMessage(0)
  })
})
watch.observe(document, { subtree: true, childList: true, attributes: true })
"""


@dataclass
class Side:
    """One of the two pages: its address, its server's process, the cells to choose."""

    url: str
    process: int
    cells: tuple[str, str]
    query: dict[str, str]

    @property
    def address(self) -> str:
        """Returns the page's whole address."""
        return f"{self.url}/?{urlencode(self.query)}"

    def server_cpu(self) -> float:
        """Returns the server's CPU seconds so far."""
        times = psutil.Process(self.process).cpu_times()
        return times.user + times.system


def browser_cpu() -> float:
    """Returns the CPU seconds of all of Chromium's processes so far."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        try:
            if "chrom" in child.name():
                times = child.cpu_times()
                total += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return total


def first_paints(browser: Browser, sides: dict[str, Side], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Visits each page with an empty cache, then with a warm one; returns milliseconds."""
    found: dict[str, dict[str, list[float]]] = {name: {"cold": [], "warm": []} for name in sides}
    for _, (name, side) in itertools.product(range(rounds), sides.items()):
        context = browser.new_context(viewport=LOW, locale="en-US")
        context.add_init_script(PAINTED)
        for cache in ("cold", "warm"):
            page = context.new_page()
            page.goto(side.address)
            found[name][cache].append(_painted(page))
            page.close()
        context.close()
    return found


def _painted(page: Page) -> float:
    for _ in range(1200):
        if page.evaluate("Number.isFinite(window.painted)"):
            return page.evaluate("window.painted")
        page.wait_for_timeout(50)
    raise RuntimeError("nothing was painted within a minute")


def other_cells(browser: Browser, sides: dict[str, Side], rounds: int) -> dict[str, list[float]]:
    """Chooses another cell on each page in turn; returns the browser's CPU, milliseconds."""
    pages = {}
    for name, side in sides.items():
        pages[name] = browser.new_page(viewport=LOW, locale="en-US")
        pages[name].add_init_script(PAINTED)
        pages[name].goto(side.address)
        _painted(pages[name])
        pages[name].wait_for_timeout(2000)
    found: dict[str, list[float]] = {name: [] for name in sides}
    for k, (name, side) in itertools.product(range(rounds + 2), sides.items()):
        pages[name].bring_to_front()
        pages[name].wait_for_timeout(500)
        before = browser_cpu()
        choose(pages[name], "Cell", side.cells[(k + 1) % 2])
        pages[name].wait_for_timeout(1000 * SETTLED)
        if k >= 2:
            found[name].append(1e3 * (browser_cpu() - before))
    for page in pages.values():
        page.close()
    return found


def server_runs(sides: dict[str, Side], rounds: int) -> dict[str, list[float]]:
    """Chooses another cell without a browser; returns the server's CPU of blocks of ten runs, ms a run."""

    async def measure() -> dict[str, list[float]]:
        visitors = {name: Visitor(side.url) for name, side in sides.items()}
        found: dict[str, list[float]] = {name: [] for name in sides}
        for name, side in sides.items():
            await visitors[name].open()
            await visitors[name].visit("", urlencode(side.query))
            for cell in side.cells:
                await visitors[name].choose("field_cell", cell)
        for _, (name, side) in itertools.product(range(rounds), sides.items()):
            before = side.server_cpu()
            for k in range(10):
                await visitors[name].choose("field_cell", side.cells[k % 2])
            await asyncio.sleep(0.1)
            found[name].append(1e2 * (side.server_cpu() - before))
        for visitor in visitors.values():
            await visitor.close()
        return found

    return asyncio.run(measure())


def _row(name: str, ours: list[float], bare: list[float], target: float) -> tuple[str, ...]:
    a, b = statistics.median(ours), statistics.median(bare)
    return (
        name,
        f"{a:.0f}",
        f"{b:.0f}",
        f"{a / b:.2f}",
        f"<= {target:g}",
        "met" if a <= target * b else "MISSED",
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bare", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement (default 5)")
    rounds = parser.parse_args().rounds
    if CHROMIUM is None:
        parser.error("no Chromium found")
    begun = time.perf_counter()
    with started() as (ours, own), started(BARE) as (bare, other):
        sides = {"ours": Side(ours, own, CELLS, QUERY), "bare": Side(bare, other, BARE_CELLS, {})}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
            paints = first_paints(browser, sides, rounds)
            chosen = other_cells(browser, sides, rounds)
            browser.close()
        runs = server_runs(sides, rounds)
    rows = [
        *(
            _row(f"first paint, {c} cache, ms", paints["ours"][c], paints["bare"][c], 1.0)
            for c in ("cold", "warm")
        ),
        _row("another cell, browser CPU, ms", chosen["ours"], chosen["bare"], 0.8),
        _row("a run, server CPU, ms", runs["ours"], runs["bare"], 1.2),
    ]
    print(
        *table_lines(("what", "ours", "bare", "ratio", "target", "verdict"), rows, words=("what", "verdict")),
        sep="\n",
    )
    load = ", ".join(f"{one:.1f}" for one in psutil.getloadavg())
    print(f"Load of this machine: {load}; {time.perf_counter() - begun:.0f} s.")


if __name__ == "__main__":
    main()
