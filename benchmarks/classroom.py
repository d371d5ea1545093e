"""A class at one server: thirty visitors who choose, a hundred, thirty who arrive at once, beside races.

    python -m benchmarks.classroom

Visitors speak Streamlit's protocol and draw nothing (visitor.py). Waiting is from the choice to the run's
last message. CPU is the server process's own, its workers left out: the figure that a busy machine does
not blur, where waiting says as much of the machine's other work.
"""

import argparse
import asyncio
import itertools
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import psutil

from benchmarks.visitor import Answer, Visitor
from explorer.commands.terminal import table_lines
from explorer.data.corpora import sentences_of
from explorer.i18n import t
from tests.e2e.server import started

CELLS = tuple(t(f"cell.{cell}", "en") for cell in ("lstm", "gru", "rnn"))
SIZES = (8, 16, 24, 32)
PAGES = ("", "gradients", "train", "language", "architectures", "dynamics", "course", "glossary")
LEARN = (
    ("architectures", ""),
    ("architectures", "arch=deep"),
    ("architectures", "arch=mappings&mapping=encoder_decoder"),
    ("architectures", "arch=forecast"),
    ("dynamics", "scene=network&weights=marked"),
)
"""Views for which something is learned or searched for seconds."""

MB = 2**20


@dataclass
class Server:
    """The server under test: its address, and the process whose CPU and memory are read."""

    url: str
    process: psutil.Process

    def cpu(self) -> float:
        """Returns its CPU seconds so far."""
        times = self.process.cpu_times()
        return times.user + times.system

    def memory(self) -> float:
        """Returns its resident memory, MB."""
        return self.process.memory_info().rss / MB


@dataclass
class Load:
    """What a crowd of visitors met."""

    answers: list[Answer] = field(default_factory=list)
    seconds: float = 0.0
    cpu: float = 0.0

    def rows(self, name: str, p95: float | None) -> list[tuple[str, ...]]:
        """Returns the rows of the table."""
        waits = sorted(answer.seconds for answer in self.answers)
        errors = [error for answer in self.answers for error in answer.errors]
        late = statistics.quantiles(waits, n=20)[-1]
        return [
            row(f"{name}, median", statistics.median(waits), "s"),
            row(f"{name}, p95", late, "s", p95),
            row(f"{name}, last", waits[-1], "s"),
            row(f"{name}, server CPU a run", 1e3 * self.cpu / len(waits), "ms"),
            row(f"{name}, cores of the server", self.cpu / self.seconds, ""),
            row(f"{name}, errors on pages", len(errors), "", 0),
        ]


def row(name: str, value: float, unit: str, most: float | None = None) -> tuple[str, ...]:
    """Returns a row of the table: what, value, unit, target, verdict."""
    if most is None:
        return name, f"{value:.3g}", unit, "-", "-"
    return name, f"{value:.3g}", unit, f"<= {most:g}", "met" if value <= most else "MISSED"


async def crowd(server: Server, acts: Sequence[Callable[[], Awaitable[Answer]]], seconds: float) -> Load:
    """Lets each of some visitors act again and again until the time is over."""
    load = Load()

    async def one(act: Callable[[], Awaitable[Answer]]) -> None:
        while time.perf_counter() < until:
            load.answers.append(await act())

    cpu, begun = server.cpu(), time.perf_counter()
    until = begun + seconds
    await asyncio.gather(*(one(act) for act in acts))
    load.seconds, load.cpu = time.perf_counter() - begun, server.cpu() - cpu
    return load


def chooser(visitor: Visitor, seed: int, pause: float) -> Callable[[], Awaitable[Answer]]:
    """Returns what a student does: waits about so long, then takes another cell, sentence or size.

    The size stands behind "more": whoever takes one opens it, chooses, and closes it again.
    """
    dice = random.Random(seed)
    next_ones: list[Callable[[], Awaitable[Answer]]] = []

    async def act() -> Answer:
        await asyncio.sleep(pause * (0.5 + dice.random()))
        if next_ones:
            return await next_ones.pop(0)()
        what = dice.choice(("cell", "text", "size"))
        if what == "cell":
            return await visitor.choose("field_cell", dice.choice(CELLS))
        if what == "text":
            return await visitor.choose("field_text", sentence(dice))
        next_ones.append(lambda: visitor.number("field_hidden", dice.choice(SIZES)))
        next_ones.append(lambda: visitor.fold("bar", False))
        return await visitor.fold("bar", True)

    return act


def sentence(dice: random.Random) -> str:
    """Returns an example's words in another order: its network is learned, the walk is new."""
    words = dice.choice(sentences_of("english")).split()
    dice.shuffle(words)
    return " ".join(words)


async def arrive(server: Server, count: int, page: str = "") -> tuple[list[Visitor], Load]:
    """Lets visitors come at once, and returns them with what they met."""
    visitors = [Visitor(server.url) for _ in range(count)]
    load, cpu, begun = Load(), server.cpu(), time.perf_counter()

    async def come(visitor: Visitor) -> Answer:
        started_at = time.perf_counter()
        await visitor.open()
        answer = await visitor.visit(page)
        answer.seconds = time.perf_counter() - started_at
        return answer

    load.answers = list(await asyncio.gather(*map(come, visitors)))
    load.seconds, load.cpu = time.perf_counter() - begun, server.cpu() - cpu
    return visitors, load


async def leave(visitors: Sequence[Visitor]) -> None:
    """Lets visitors close their tabs."""
    await asyncio.gather(*(visitor.close() for visitor in visitors))


async def busy(server: Server, count: int, pause: float, seconds: float) -> tuple[Load, Load]:
    """Lets a class arrive and choose; returns both loads."""
    visitors, arrival = await arrive(server, count)
    load = await crowd(server, [chooser(v, k, pause) for k, v in enumerate(visitors)], seconds)
    await leave(visitors)
    return arrival, load


async def run_cost(server: Server, page: str, rounds: int) -> list[tuple[str, ...]]:
    """Measures the CPU of one visitor's runs on a page: choices that were made before, and new ones."""
    visitor, dice = Visitor(server.url), random.Random(page)
    await visitor.open()
    errors = (await visitor.visit(page)).errors
    if not {"field_text", "field_cell"} <= visitor.ids.keys():
        await visitor.close()
        return await visit_cost(server, page, rounds)
    for text in map(sentence, [dice] * 2):
        errors += (await visitor.choose("field_text", text)).errors
    cells = itertools.cycle(CELLS[:2])
    for _ in range(2):
        await visitor.choose("field_cell", next(cells))

    async def cost(act: Callable[[], Awaitable[Answer]]) -> float:
        before = server.cpu()
        for _ in range(rounds):
            errors.extend((await act()).errors)
            await asyncio.sleep(0.02)
        return 1e3 * (server.cpu() - before) / rounds

    known = await cost(lambda: visitor.choose("field_cell", next(cells)))
    new = await cost(lambda: visitor.choose("field_text", sentence(dice)))
    await visitor.close()
    name = page or "step"
    return [
        row(f"{name}: a choice computed before, server CPU", known, "ms", 30),
        row(f"{name}: a new sentence, server CPU", new, "ms", 60),
        *([row(f"{name}: errors", len(errors), "", 0)] if errors else []),
    ]


async def visit_cost(server: Server, page: str, rounds: int) -> list[tuple[str, ...]]:
    """Measures the CPU of looking at a page again, one that has no choices of cell and sentence."""
    visitor = Visitor(server.url)
    await visitor.open()
    errors = (await visitor.visit(page)).errors
    before = server.cpu()
    for _ in range(rounds):
        errors += (await visitor.visit(page)).errors
    cost = 1e3 * (server.cpu() - before) / rounds
    await visitor.close()
    return [
        row(f"{page}: the page again, server CPU", cost, "ms", 30),
        *([row(f"{page}: errors", len(errors), "", 0)] if errors else []),
    ]


async def learning(server: Server) -> list[tuple[str, ...]]:
    """Measures what a view that learns for seconds costs the server, and how long another reader waits."""
    reader, other = Visitor(server.url), Visitor(server.url)
    rows, waits = [], list[float]()
    for visitor in (reader, other):
        await visitor.open()
        await visitor.visit("")
    for page, query in LEARN:
        before, begun = server.cpu(), time.perf_counter()
        look = asyncio.create_task(reader.visit(page, query))
        there = 0
        while not look.done():
            waits.append((await other.visit("")).seconds)
            there += 1
            await asyncio.sleep(0.1)
        cpu = server.cpu() - before
        rows.append(row(f"{page} {query}: first look", time.perf_counter() - begun, "s"))
        rows.append(
            row(f"{page} {query}: server CPU, with {there} of another reader's runs", 1e3 * cpu, "ms")
        )
    for visitor in (reader, other):
        await visitor.close()
    return [*rows, row("another reader meanwhile, the longest wait", max(waits), "s", 0.5)]


async def come_and_go(server: Server, count: int) -> list[tuple[str, ...]]:
    """Opens and closes sessions one after the other; returns the memory that stays."""
    before = server.memory()
    for k in range(count):
        visitor = Visitor(server.url)
        await visitor.open()
        await visitor.visit(PAGES[k % 2])
        await visitor.close()
    return [row(f"{count} sessions opened and closed, growth", server.memory() - before, "MB", 50)]


async def returned(server: Server) -> list[tuple[str, ...]]:
    """Measures what is sent again when a reader goes back to a page whose stage has not changed."""
    visitor = Visitor(server.url)
    await visitor.open()
    first = await visitor.visit("", "text=" + "+".join(f"w{k}" for k in range(64)))
    await visitor.visit("gradients", visitor.query)
    again = await visitor.visit("", visitor.query)
    await visitor.close()
    return [
        row("an address of 64 words, messages", first.messages, ""),
        row("an address of 64 words, bytes of messages", first.size, "B"),
        row("an address of 64 words, bytes of the payload", first.fetched, "B"),
        row("back on Step, bytes of messages", again.size, "B"),
        row("back on Step, bytes of the payload", again.fetched, "B", 0),
    ]


async def beside_races(server: Server, seconds: float) -> list[tuple[str, ...]]:
    """Reports thirty visitors while two races hold what cores there are."""
    starters = [Visitor(server.url) for _ in range(2)]
    for k, starter in enumerate(starters):
        await starter.open()
        await starter.visit("train", f"length=400&budget=20000&racers=gru&race_seed={k}")
        await starter.press("start_race")
    _, load = await busy(server, 30, 2.0, seconds)
    await leave(starters)
    return load.rows("30 choosing every 2 s beside two races", None)


async def measure(server: Server, seconds: float, only: Sequence[str]) -> list[tuple[str, ...]]:
    """Carries out the parts that were asked for."""
    rows: list[tuple[str, ...]] = []
    if "runs" in only:
        for page in PAGES:
            rows += await run_cost(server, page, 20)
    if "back" in only:
        rows += await returned(server)
    if "learning" in only:
        rows += await learning(server)
    if "thirty" in only:
        arrival, load = await busy(server, 30, 2.0, seconds)
        waits = [answer.seconds for answer in arrival.answers]
        rows.append(row("30 arriving at once, the last", max(waits), "s", 2.5))
        rows += load.rows("30 choosing every 2 s", 0.5)
    if "hundred" in only:
        _, load = await busy(server, 100, 10.0, seconds)
        rows += load.rows("100 choosing every 10 s", 1.2)
    if "races" in only:
        rows += await beside_races(server, seconds)
    if "sessions" in only:
        rows += await come_and_go(server, 300)
    return rows


PARTS = ("runs", "back", "learning", "thirty", "hundred", "sessions", "races")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.classroom", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--seconds", type=float, default=30, help="length of each crowd's part (default 30)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts (default all)")
    given = parser.parse_args()
    with started() as (url, pid):
        server = Server(url, psutil.Process(pid))
        rows = asyncio.run(measure(server, given.seconds, given.only))
        memory = server.memory()
    own = psutil.Process().cpu_times()
    print(
        *table_lines(("what", "value", "", "target", "verdict"), rows, words=("what", "verdict")),
        sep="\n",
    )
    print(
        f"The server holds {memory:.0f} MB. The visitors took {own.user + own.system:.0f} CPU s themselves."
    )
    print(f"Load of this machine: {', '.join(f'{load:.1f}' for load in psutil.getloadavg())}.")


if __name__ == "__main__":
    main()
