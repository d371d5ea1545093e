"""A class in a room: simulated students and real browsers follow, guess and race; a hundred at rest.

    python -m benchmarks.room

A simulated student speaks the protocols of a browser: it joins with a cookie, hears the room's events, and
has a session of the page that takes up each new page or experiment. It draws nothing: what a step costs to
draw is measured in the browsers. Waiting begins where the lecturer posts.
"""

import argparse
import asyncio
import json
import math
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import psutil
from playwright.async_api import Browser, Page, async_playwright
from playwright.async_api import Error as PlaywrightError
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.WidgetStates_pb2 import WidgetState

from benchmarks.classroom import Server, row
from benchmarks.visitor import Answer, Visitor
from explorer.commands.terminal import table_lines
from explorer.course.stops import stops
from explorer.exact import interval
from explorer.room.race import offers
from tests.e2e.server import CHROMIUM, QUIET, started

PLACE = ("step", "unit", "card")
STEPS_EVERY, VIEWS_EVERY = 4.0, 40.0
OFFER = "temporal_50:gru"
ANSWER = ".rx-sheet-answer, .rx-sheet .rx-strong"
"""What a browser's student presses: an answer, or the number where the slider stands."""

RACE_SECONDS = 600.0
"""How long a race is waited for on a machine that does much else."""

BROWSERS_AFTER = 19
"""How far the browsers stand back (as for `nice`)."""

NOTICED = """
const painted = (then) => requestAnimationFrame(() => requestAnimationFrame(then))
addEventListener("rx-stand", () => painted(() => { window.stood = Date.now() }))
"""
"""In a browser: when the frame after a step was painted."""


class Device(Visitor):
    """A device of the room: its cookie, its stream, and what it has heard, by part."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.client.headers["Origin"] = url
        self.heard: dict[str, Any] = {}
        self.at: dict[str, float] = {}
        self.waits: list[float] = []
        self.errors: list[str] = []
        self.going = asyncio.Lock()
        self.reader: asyncio.Task[None] | None = None

    async def join(self, code: str, key: str = "") -> None:
        """Joins, and hears from now on what changes."""
        self.code = code
        answer = await self.client.post(f"/r/{code}/join", json={"key": key} if key else {})
        answer.raise_for_status()
        self.reader = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        part = ""
        async with self.client.stream("GET", f"/r/{self.code}/events", timeout=None) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    part = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self.heard[part] = json.loads(line.removeprefix("data: "))
                    self.at[part] = time.perf_counter()
                    await self.hear(part)

    async def hear(self, part: str) -> None:
        """Called for each part that has changed."""

    async def act(self, name: str, **asked: object) -> None:
        """Posts an act."""
        answer = await self.client.post(f"/r/{self.code}/{name}", json=asked)
        if answer.status_code != 200:
            self.errors.append(f"{name}: {answer.status_code}")

    async def part(self) -> None:
        """Closes the tab."""
        if self.reader:
            self.reader.cancel()
            await asyncio.gather(self.reader, return_exceptions=True)
        if self.socket:
            await self.socket.close()
        await self.client.aclose()


class Student(Device):
    """Follows each view, guesses each question."""

    def __init__(self, url: str, seed: int) -> None:
        super().__init__(url)
        self.dice = random.Random(seed)
        self.shown_view, self.went = "", 0
        self.tasks: set[asyncio.Task[None]] = set()

    async def hear(self, part: str) -> None:
        if part == "view" and self.heard["view"] and self.socket:
            self._spawn(self._follow())
        if part == "question" and self.heard["question"] and not self.heard["question"]["shown"]:
            self._spawn(self._guess())

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _follow(self) -> None:
        begun = self.at["view"]
        async with self.going:
            view = self.heard["view"]
            wanted = experiment_of(view)
            if wanted == self.shown_view:
                return
            answer = await self._go(view)
            self.shown_view = wanted
            self.waits.append(time.perf_counter() - begun)
            self.errors += answer.errors

    async def _go(self, view: dict[str, Any]) -> Answer:
        """What the companion does: its trigger, and then the runs that it causes."""
        self.went += 1
        state = WidgetState(id=_make_trigger_id(self.ids["companion"], "events"))
        state.json_trigger_value = json.dumps([{"event": "go", "value": {"view": view, "id": self.went}}])
        self.widgets[state.id] = state
        answer = await self._run()
        self.widgets.pop(state.id, None)
        return answer

    async def _guess(self) -> None:
        await asyncio.sleep(0.3 + 2 * self.dice.random())
        answers = len(self.heard["question"].get("answers") or ())
        await self.act("guess", guess=self.dice.randrange(answers) if answers else self.dice.random())


def experiment_of(view: dict[str, Any]) -> str:
    """A view without what the browser sets by itself."""
    kept = {name: value for name, value in view["query"].items() if name not in PLACE}
    return json.dumps([view["page"], kept], sort_keys=True)


async def opened(server: Server) -> Device:
    """Returns the lecturer of a new room."""
    teacher = Device(server.url)
    room = (await teacher.client.post("/r/open")).json()
    await teacher.join(room["code"], room["key"])
    return teacher


async def entered(server: Server, code: str, count: int, session: bool) -> list[Student]:
    """Lets students join, with a session of the page or only in the room."""

    async def enter(k: int) -> Student:
        student = Student(server.url, k)
        if session:
            await student.open()
            student.errors += (await student.visit("room", f"room={code}")).errors
        await student.join(code)
        return student

    return list(await asyncio.gather(*map(enter, range(count))))


async def until(done: Callable[[], bool], seconds: float = 60.0) -> float:
    """Waits for a condition; returns how long that took, infinity where it was not met in that time."""
    begun = time.perf_counter()
    while not done():
        if time.perf_counter() - begun > seconds:
            return math.inf
        await asyncio.sleep(0.01)
    return time.perf_counter() - begun


async def step(
    teacher: Device, students: Sequence[Student], view: dict[str, Any], number: int
) -> list[float]:
    """Posts a step; returns how long until each student has heard of it."""
    query = view["query"] | {"step": str(number)}
    begun = time.perf_counter()
    await teacher.act("stand", page=view["page"], query=query)

    def heard(student: Student) -> bool:
        return bool((student.heard.get("view") or {}).get("query", {}).get("step") == str(number))

    await until(lambda: all(map(heard, students)))
    return [student.at["view"] - begun if heard(student) else math.inf for student in students]


async def at_rest(server: Server, count: int, seconds: float) -> list[tuple[str, ...]]:
    """A room of so many with their pages open: its steps, and the share of a core while nothing happens."""
    teacher = await opened(server)
    students = await entered(server, teacher.code, count, session=True)
    view = {"page": "step", "query": {"cell": "gru"}}
    await teacher.act("stand", **view)
    turned = await until(lambda: all(student.waits for student in students), 120)
    waits = [wait for k in range(20) for wait in await step(teacher, students, view, k + 2)]
    await asyncio.sleep(2)
    before, begun = server.cpu(), time.perf_counter()
    await asyncio.sleep(seconds)
    share = (server.cpu() - before) / (time.perf_counter() - begun)
    errors = [error for device in (teacher, *students) for error in device.errors]
    for device in (teacher, *students):
        await device.part()
    return [
        row(f"{count} at rest, of one core", 100 * share, "%", 5),
        row(f"{count} followers take up a new view, the last", turned, "s"),
        row(f"{count} followers hear of a step, p95", statistics.quantiles(waits, n=20)[-1], "s"),
        row(f"{count} followers hear of a step, the last", max(waits), "s", 0.3),
        row(f"{count} followers, errors", len(errors), "", 0),
    ]


class Lesson:
    """A room's ten minutes: steps, views, questions, a race; and what everybody met."""

    def __init__(self, teacher: Device, students: Sequence[Student], pages: Sequence[Page]) -> None:
        self.teacher, self.students, self.pages = teacher, students, pages
        self.steps: list[float] = []
        self.drawn: list[float] = []
        self.turned: list[float] = []
        self.views: list[str] = []
        self.counted: list[float] = []
        self.raced = float("nan")
        self.errors: list[str] = []
        self.view: dict[str, Any] = {"page": "step", "query": {"cell": "gru"}}

    async def run(self, seconds: float) -> None:
        views = [stop.see for stop in stops()]
        begun, turn, number = time.perf_counter(), 0, 1
        race = asyncio.create_task(self.race(seconds / 4))
        while (spent := time.perf_counter() - begun) < seconds:
            if spent >= turn * VIEWS_EVERY:
                see = views[turn % len(views)]
                await self.turn({"page": see.page, "query": see.experiment.to_query()})
                turn += 1
                await self.ask(turn)
            number = number % 4 + 1
            await self.step(number + 1)
            await asyncio.sleep(STEPS_EVERY)
        await race

    async def turn(self, view: dict[str, Any]) -> None:
        """Goes to another view; notes how long the last student waits for it."""
        self.view = view
        before = [len(student.waits) for student in self.students]
        await self.teacher.act("stand", page=view["page"], query=view["query"])
        waited = await until(
            lambda: all(len(s.waits) > n for s, n in zip(self.students, before, strict=True)), 120
        )
        self.turned.append(waited)
        self.views.append(f"{view['page']}?{urlencode(view['query'])}")

    async def step(self, number: int) -> None:
        begun = 1000 * time.time()
        self.steps += await step(self.teacher, self.students, self.view, number)
        await asyncio.sleep(1)
        for page in self.pages:
            try:
                stood = await asyncio.wait_for(page.evaluate("window.stood ?? 0"), 60)
            except (TimeoutError, PlaywrightError) as error:
                self.errors.append(f"a browser does not answer: {error}")
                continue
            if stood > begun:
                self.drawn.append((stood - begun) / 1000)

    async def ask(self, number: int) -> None:
        """Puts a question, waits for all guesses, shows them, and goes on."""
        asked: dict[str, Any] = {
            "text": "How many steps until the LSTM passes?",
            "low": 0,
            "high": 1,
            "right": 0.4,
        }
        if number % 2:
            asked = {"text": "Which states change?", "answers": ["all", "the later ones", "one"], "right": 1}
        await self.teacher.act("ask", **asked)
        await asyncio.gather(*map(self.answer, self.pages))
        everybody = len(self.students) + len(self.pages)
        self.counted.append(await until(lambda: self.teacher.heard["count"]["answered"] >= everybody))
        await self.teacher.act("show")
        await self.teacher.client.get(f"/r/{self.teacher.code}/figure/guess")
        await asyncio.sleep(2)
        await self.teacher.act("away")

    async def answer(self, page: Page) -> None:
        """A browser's student presses an answer; one that finds none in a minute is an error."""
        try:
            await page.locator(ANSWER).first.click(timeout=60_000)
        except PlaywrightError as error:
            self.errors.append(f"a browser's answer: {error}")

    async def race(self, pause: float) -> None:
        """The class's race, some time into the lesson."""
        await asyncio.sleep(pause)
        await self.teacher.act("race", offer=OFFER)
        self.raced = await until(
            lambda: (self.teacher.heard.get("race") or {}).get("over", False), RACE_SECONDS
        )


async def browsers(server: Server, code: str, browser: Browser, count: int) -> list[Page]:
    """Returns real pages in the room, each with a profile of its own."""
    pages = []
    for k in range(count):
        size = {"width": 390, "height": 844} if k % 2 else {"width": 1280, "height": 800}
        page = await (await browser.new_context(viewport=size)).new_page()  # type: ignore[arg-type]
        await page.add_init_script(NOTICED)
        await page.goto(f"{server.url}/r/{code}")
        await page.locator(".rx-room-bar[data-state=in]").wait_for(timeout=120_000)
        pages.append(page)
    return pages


def give_way() -> None:
    """Lets the browsers come after server and race: in a class they have machines of their own."""
    for process in psutil.Process().children(recursive=True):
        if "chrom" in process.name():
            process.nice(BROWSERS_AFTER)


async def lesson(server: Server, students: int, real: int, seconds: float) -> list[tuple[str, ...]]:
    """Thirty in a room for ten minutes; some of them are real browsers."""
    teacher = await opened(server)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        pages = await browsers(server, teacher.code, browser, real)
        give_way()
        faults: list[str] = []
        for page in pages:
            page.on("pageerror", lambda error: faults.append(str(error)))
        before, begun = server.cpu(), time.perf_counter()
        simulated = await entered(server, teacher.code, students - real, session=True)
        arrived = time.perf_counter() - begun
        whole = Lesson(teacher, simulated, pages)
        await whole.run(seconds)
        share = (server.cpu() - before) / (time.perf_counter() - begun)
        await browser.close()
    begun = time.perf_counter()
    for device in simulated:
        await device.part()
    await until(lambda: not teacher.heard["count"]["here"])
    left = time.perf_counter() - begun
    await teacher.part()
    errors = [error for device in (teacher, *simulated) for error in device.errors] + whole.errors + faults
    say_race(teacher.heard.get("race"))
    print(*errors[:5], sep="\n")
    for waited, view in sorted(zip(whole.turned, whole.views, strict=True), reverse=True)[:3]:
        print(f"The last student waited {waited:.2f} s for {view}")
    name = f"{students} in a room ({real} browsers)"
    return [
        row(f"{name}, {students - real} arrive, the last", arrived, "s"),
        row(f"{name}, a step is heard, p95", statistics.quantiles(whole.steps, n=20)[-1], "s", 0.3),
        *(
            [row(f"{name}, a step is painted, median", statistics.median(whole.drawn), "s", 0.3)]
            if whole.drawn
            else []
        ),
        row(f"{name}, a view, the last student, median", statistics.median(whole.turned), "s", 2.5),
        row(f"{name}, a view, the last student, worst", max(whole.turned), "s", 2.5),
        row(f"{name}, a race of {OFFER}", whole.raced, "s", 120),
        row(f"{name}, all are counted, the last", max(whole.counted), "s"),
        row(f"{name}, all have left", left, "s"),
        row(f"{name}, cores of the server", share, ""),
        row(f"{name}, errors", len(errors), "", 0),
    ]


def say_race(race: dict[str, Any] | None) -> None:
    """Prints how many seeds passed, what that says of all, and how each ended."""
    if race is None:
        print("The class's race was never heard of.")
        return
    low, high = interval(race["passed"], race["finished"]) if race["finished"] else (0.0, 1.0)
    said = f"{race['passed']} of {race['finished']} passed, between {100 * low:.0f} and {100 * high:.0f} %"
    ends = ", ".join(f"{race['states'].count(state)} {state}" for state in sorted({*race["states"]}))
    print(f"The class's race: {said} of all at 95 %. How its seeds ended: {ends}.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.room", description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="length of the lesson (default 10)")
    parser.add_argument("--students", type=int, default=30, help="students in it (default 30)")
    parser.add_argument("--browsers", type=int, default=3, help="how many of them in Chromium (default 3)")
    parser.add_argument("--rest", type=int, default=100, help="students of the room at rest (default 100)")
    given = parser.parse_args()
    if given.minutes and given.students - given.browsers < 2:
        parser.error("at least two of the students are simulated")
    assert OFFER in offers()
    with started() as (url, pid):
        server = Server(url, psutil.Process(pid))
        rows = asyncio.run(at_rest(server, given.rest, 30)) if given.rest else []
        if given.minutes:
            rows += asyncio.run(lesson(server, given.students, given.browsers, 60 * given.minutes))
    print(*table_lines(("what", "value", "", "target", "verdict"), rows, words=("what", "verdict")), sep="\n")
    print(f"Load of this machine: {', '.join(f'{load:.1f}' for load in psutil.getloadavg())}.")


if __name__ == "__main__":
    main()
