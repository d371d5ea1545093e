"""The live view of a race on a page of its own, fed with scripted events: no training, no Streamlit."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from explorer.experiment import Experiment
from explorer.stage.race import Facts, build_race
from explorer.training.race import race_of
from explorer.ui.server import ContentSecurityPolicy, stage_routes, stage_url

T = 6
FACTS = Facts("adding", "error", 0.01, 1 / 6, 1 / 6, ("a", "b", "c", "d", "e", "f"), (True,) + (False,) * 5)
EXPERIMENT = Experiment(budget=100, racers="rnn;lstm;gru")
GATES = {1: ("f", "i", "o"), 2: ("r", "z")}
NAMES = ("rnn", "lstm", "gru")
BAND = {"step": [25, 50, 75], "low": [0.1, 0.01, 0.001], "median": [0.2] * 3, "high": [0.3] * 3}


class Board:
    """Stands in for the server's races: what a test puts here, the page hears."""

    def __init__(self) -> None:
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.state = {"state": "running", "place": 0, "watchers": 1}
        self.shared = 0
        self.commands: list[str] = []
        self.asked: list[str] = []
        self.cut = False

    def put(self, *events: dict[str, Any], key: str = "one") -> None:
        self.events.setdefault(key, []).extend(events)

    def enter(self, step: int = 0, key: str = "one") -> None:
        for index, cell in enumerate(NAMES):
            self.put(
                {"kind": "racer", "racer": index, "name": cell, "cell": cell, "parameters": 1000,
                 "step": step, "budget": 100, "tokens": 200},
                key=key,
            )  # fmt: skip

    def advance(
        self, racer: int, start: int, count: int, metric: float | None = None, key: str = "one"
    ) -> None:
        event = {"kind": "steps", "racer": racer, "from": start, "seconds": 0.01 * (start + count - 1)}
        event |= {"loss": [0.5 / (start + k) for k in range(count)], "norm": [0.5] * count}
        self.put(event | ({} if metric is None else {"metric": metric}))

    def look(self, racer: int, step: int) -> None:
        gates = {gate: [0.25] * T for gate in GATES.get(racer, ())}
        self.put({"kind": "look", "racer": racer, "step": step, "power": [-3.0] * (T + 1), "gates": gates})

    def stand(self, state: str, **more: int) -> None:
        self.state = {"state": state, "place": 0, "watchers": 1} | more

    async def stream(self, request: Request) -> Response:
        seen = request.headers.get("last-event-id") or request.query_params["from"]
        key = request.path_params["key"]
        self.asked.append(f"{key} {seen}")
        return StreamingResponse(self.said(key, int(seen)), media_type="text/event-stream")

    async def said(self, key: str, seen: int) -> AsyncIterator[str]:
        yield "retry: 50\n\n"
        told = None
        while True:
            events = self.events.get(key, [])
            if len(events) > seen:
                fresh, seen = events[seen:], len(events)
                yield f"id: {seen}\ndata: {json.dumps(fresh)}\n\n"
            if self.state != told:
                told = dict(self.state)
                yield f"event: state\ndata: {json.dumps(told)}\n\n"
            if self.cut:
                self.cut = False
                return
            yield ": \n\n"
            await asyncio.sleep(0.02)

    async def command(self, request: Request) -> Response:
        self.commands.append(request.path_params["command"])
        if self.shared:
            return JSONResponse({"shared": self.shared}, status_code=409)
        self.stand({"pause": "paused", "go": "running"}.get(self.commands[-1], self.state["state"]))
        return JSONResponse({"ok": True})


def data_of(lang: str = "en", key: str = "one", attempt: int = 1) -> dict[str, Any]:
    return build_race(race_of(EXPERIMENT), FACTS, key, lang, {"lstm": BAND}, attempt=attempt)


PAGE = """<!DOCTYPE html><html><meta charset="utf-8"><link rel="icon" href="data:,"><div id="root"></div>
<script type="module">
import { mountRace, unmountRace } from "%s/train/race.js"
const root = document.getElementById("root")
const data = %s
globalThis.said = []
const api = { onOver: (status) => said.push(status) }
globalThis.mount = (more) => mountRace(root, { ...data, ...more }, api)
globalThis.unmount = () => unmountRace(root)
globalThis.view = () => document.querySelector(".rx-race")
globalThis.course = (k) => root.rxRace.log.racers[k]
globalThis.traces = (plot, role) => plot.data.filter((trace) => trace.meta.role === role)
globalThis.band = () => traces(view().querySelector(".rx-race-metric .rx-plot"), "band_low")[0].y
globalThis.drawn = (k) => traces(view().querySelector(".rx-race-loss .rx-plot"), "raw")[k]
await mount()
</script></html>"""


async def _page(request: Request) -> Response:
    query = request.query_params
    data = data_of(query.get("lang", "en"), query.get("key", "one"))
    return HTMLResponse(PAGE % (stage_url(), json.dumps(data)))


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def address(board: Board, page: Page) -> Iterator[str]:
    """A server of its own; page errors and errors in the console are not allowed."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    routes = [
        Route("/", _page),
        Route("/train/{key}/events", board.stream),
        Route("/train/{key}/{command}", board.command, methods=["POST"]),
        *stage_routes(),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(ContentSecurityPolicy)])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.02)
    yield f"http://127.0.0.1:{port}/"
    page.goto("about:blank")
    server.should_exit = True
    thread.join(10)
    assert not [fault for fault in faults if "409" not in fault]


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 1100}}


READY = ".rx-race[data-ready]"


def opened(page: Page, address: str, query: str = "") -> None:
    page.goto(address + query)
    expect(page.locator(READY)).to_be_visible()


def steps(page: Page, count: int) -> None:
    """Waits until so many steps are drawn."""
    expect(page.locator(READY)).to_have_attribute("data-steps", str(count))


def cards(page: Page) -> list[str]:
    return [" ".join(text.split()) for text in page.locator(".rx-card").all_inner_texts()]


def test_a_race_is_drawn_as_it_comes_and_judged_at_its_end(page: Page, address: str, board: Board):
    board.enter()
    opened(page, address)
    for racer in range(3):
        board.advance(racer, 1, 25, 0.17)
        board.look(racer, 25)
    steps(page, 25)
    expect(page.locator(".rx-race-says")).to_have_text("running")
    assert page.evaluate("drawn(1).y.length") == 25
    assert all("step 25 of 100" in card and "0.1700 error · goal 0.01" in card for card in cards(page))
    assert page.locator(".rx-card .rx-race-power .js-plotly-plot").count() == 3
    assert page.evaluate("band()") == [0.1, None, None]  # other seeds do not tell what comes
    for racer, metrics in enumerate(((0.17, 0.17), (0.17, 0.14), (0.14, 0.13))):
        for k, metric in enumerate(metrics):
            board.advance(racer, 26 + 5 * k, 5, metric)
    expect(page.locator(".rx-card-left")).to_have_text(["", "", "left the plateau at training step 30"])
    expect(page.locator(".rx-race-heard")).to_have_text(
        "GRU (reset after product): left the plateau at training step 30. "
    )
    board.advance(0, 36, 65, 0.165)
    board.put({"kind": "end", "racer": 0, "status": "spent", "step": 100})
    board.advance(1, 36, 15, 0.04)
    board.put({"kind": "end", "racer": 1, "status": "stopped", "step": 50})
    board.advance(2, 36, 40, 0.004)
    board.put({"kind": "end", "racer": 2, "status": "passed", "step": 75}, {"kind": "done"})
    board.stand("over")
    expect(page.locator(READY)).to_have_attribute("data-state", "over")
    steps(page, 100)
    rnn, lstm, gru = cards(page)
    assert page.evaluate("band()") == BAND["low"]
    assert "still at the baseline: 0.165" in rnn and "20,000 tokens/s" in rnn and "1,000 weights" in rnn
    assert "stopped at training step 50" in lstm
    assert "passed at training step 75 after 0.8 s" in gru
    assert page.evaluate("said") == ["done"]
    assert page.evaluate("rxRaces.get('one').source.readyState") == 2
    # the stopped racer carried out 50 of its 100 steps: (100 + 50 + 100) / 300
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "83")
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    ranges = page.locator(".rx-card .rx-race-power .js-plotly-plot").evaluate_all(
        "plots => plots.map((plot) => plot._fullLayout.xaxis.range.join())"
    )
    assert len(ranges) == 3 and len(set(ranges)) == 1  # they ended at different steps, and stand on one axis


def test_pausing_stepping_and_going_on_are_asked_of_the_server(page: Page, address: str, board: Board):
    board.enter()
    opened(page, address)
    one = page.get_by_role("button", name="One training step")
    expect(one).to_be_disabled()
    page.locator(READY).focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Go on")).to_be_enabled()
    one.click()
    expect(page.locator(".rx-race-says")).to_have_text("paused")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("button", name="Pause")).to_be_enabled()
    page.get_by_role("button", name="Stop").click()
    page.wait_for_timeout(200)
    assert board.commands == ["pause", "step", "go", "stop"]


def test_where_others_watch_only_the_own_view_is_held(page: Page, address: str, board: Board):
    board.shared = 3
    board.stand("running", watchers=3)
    board.enter()
    board.advance(0, 1, 10)
    opened(page, address)
    steps(page, 10)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".rx-race-says")).to_contain_text("3 people watch this race")
    board.advance(0, 11, 10)
    page.wait_for_function("course(0).step === 20")
    page.wait_for_timeout(600)
    steps(page, 10)
    page.get_by_role("button", name="Go on").click()
    steps(page, 20)
    assert board.commands == ["pause"]


def test_a_race_taken_up_again_forgets_what_came_after(page: Page, address: str, board: Board):
    board.enter()
    board.advance(0, 1, 50, 0.1)
    board.put({"kind": "kept", "racer": 0, "step": 25}, {"kind": "killed"})
    board.stand("over")
    opened(page, address)
    steps(page, 50)
    expect(page.locator(".rx-race-says.rx-notice")).to_contain_text("until training step 25 is kept")
    assert page.evaluate("said") == ["killed"]
    board.stand("running")
    board.enter(step=25)
    page.evaluate("mount({attempt: 2})")
    steps(page, 25)
    expect(page.locator(".rx-race-says")).to_have_text("running")
    board.advance(0, 26, 5)
    steps(page, 30)
    assert page.evaluate("course(0).checks.length") == 0
    assert board.asked == ["one 0", "one 0"]


def test_a_broken_connection_goes_on_where_it_was(page: Page, address: str, board: Board):
    board.enter()
    board.advance(0, 1, 10)
    opened(page, address)
    steps(page, 10)
    board.cut = True
    page.wait_for_function("rxRaces.get('one').source.readyState === 1")
    while len(board.asked) < 2:
        page.wait_for_timeout(20)
    board.advance(0, 11, 10)
    steps(page, 20)
    assert board.asked == ["one 0", "one 4"]
    assert page.evaluate("course(0).loss.length") == 20


def test_the_stream_outlives_the_view_and_a_window_follows_one_race(page: Page, address: str, board: Board):
    board.enter()
    board.advance(0, 1, 10)
    opened(page, address)
    steps(page, 10)
    page.evaluate("globalThis.first = view()")
    page.evaluate("mount()")
    assert page.evaluate("first === view() && rxRaces.get('one').listeners.size === 1")
    page.evaluate("unmount()")
    board.advance(0, 11, 10)
    page.wait_for_function("rxRaces.get('one').log.racers[0].step === 20")
    page.evaluate("mount()")
    steps(page, 20)
    assert board.asked == ["one 0"]
    board.enter(key="two")
    page.evaluate("globalThis.before = rxRaces.get('one').source; mount({key: 'two'})")
    page.wait_for_function("before.readyState === 2 && [...rxRaces.keys()].join() === 'two'")
    steps(page, 0)
    assert page.evaluate("drawn(0).y.length") == 0


def test_before_its_start_a_race_asks_nothing_of_the_server(page: Page, address: str, board: Board):
    opened(page, address, "?key=")
    expect(page.locator(".rx-race-says")).to_have_text("Not started yet.")
    assert all("step 0 of 100" in card for card in cards(page))
    assert not board.asked
    board.enter()
    board.advance(2, 1, 5)
    page.evaluate("globalThis.first = view(); mount({key: 'one', attempt: 1})")
    steps(page, 5)
    assert page.evaluate("first === view()")


def test_what_is_not_finite_ends_in_a_cross_and_a_sentence(page: Page, address: str, board: Board):
    board.enter()
    board.advance(1, 1, 3)
    broken = {"kind": "steps", "racer": 1, "from": 4, "loss": [None], "norm": [None], "seconds": 0.05}
    board.put(broken, {"kind": "end", "racer": 1, "status": "diverged", "step": 4})
    board.put({"kind": "look", "racer": 1, "step": 0, "power": [None] * (T + 1), "gates": {}})
    opened(page, address)
    steps(page, 4)
    assert "diverged at training step 4: the loss is no longer a finite number" in cards(page)[1]
    plots = "[...document.querySelectorAll('.rx-race-curves .rx-plot')]"
    crosses = page.evaluate(f"{plots}.map((plot) => traces(plot, 'broken').flatMap((trace) => trace.x))")
    assert crosses == [[4], [], [4]]
    holes = page.evaluate("document.querySelectorAll('.rx-race-power .rx-plot')[1].data[1].x.length")
    assert holes > 0


def test_by_second_the_curves_run_over_each_networks_own_time(page: Page, address: str, board: Board):
    board.enter()
    board.advance(0, 1, 50)
    opened(page, address, "?lang=ko")
    steps(page, 50)
    page.get_by_role("button", name="시간 기준").click()
    last = page.evaluate("drawn(0).x.at(-1)")
    assert last == pytest.approx(0.5)
    expect(page.get_by_role("button", name="시간 기준")).to_have_attribute("aria-pressed", "true")


def test_the_pointer_reads_exact_values(page: Page, address: str, board: Board):
    board.enter()
    for racer in range(3):
        board.look(racer, 0)
        board.advance(racer, 1, 50)
    opened(page, address)
    steps(page, 50)
    plot = page.locator(".rx-race-loss .nsewdrag")
    box = plot.bounding_box()
    end = page.evaluate("view().parentElement.rxRace.end")
    assert box
    plot.hover(position={"x": box["width"] * 20 / end, "y": 40})
    expect(page.locator(".rx-tip")).to_contain_text("step 20")
    expect(page.locator(".rx-tip")).to_contain_text("LSTM  0.025")
    page.locator(".rx-race-power .nsewdrag").first.hover(position={"x": 5, "y": 3})
    expect(page.locator(".rx-tip")).to_contain_text(f"k = {T}  f")
    expect(page.locator(".rx-tip")).to_contain_text("‖dL/dhk‖ = ")
