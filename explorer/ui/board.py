"""Races of this server: one board of jobs, and the routes by which a browser follows and steers them."""

import atexit
import json
import os
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import anyio
import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.experiment import Experiment
from explorer.extras import needed
from explorer.room.pace import Paces
from explorer.training import folder as files
from explorer.training.ground import ground
from explorer.training.jobs import Engine, Jobs, StrangerError, Use
from explorer.training.wants import nobody
from explorer.ui.guard import foreign, visitor
from explorer.ui.visitors import known

SEND_SECONDS = 0.2
"""A browser hears of a race five times a second: more it cannot draw."""

COMMANDS = ("go", "pause", "step", "stop")


HELD = "used_race"
"""Key of the session state that counts a race as used while the session shows its network."""

STREAMS_EACH, STREAMS_NEAR = 8, 400
"""Event streams of one visitor, of one address: a browser opens six at most, and a class may share one."""

_once = threading.Lock()
_streams: "Counter[str]" = Counter()
_paces = Paces(rate=10, burst=100)


def jobs() -> Jobs:
    """Returns the server's board of jobs, one for all threads. Its folder goes when the server ends."""
    with _once:
        return _jobs()


@cache
def _jobs() -> Jobs:
    root, lock = ground()
    board = Jobs(root, _engine())
    board.alive = lock
    atexit.register(close)  # for whoever runs without the app's own ending
    board.engine.warm()
    return board


def close() -> None:
    """Ends all races, if there was any, and removes what was stored."""
    with _once:
        if _jobs.cache_info().currsize:
            _jobs().close()
            _jobs.cache_clear()


def _engine() -> Engine:
    """Worker processes of this machine; a Dask cluster where EXPLORER_SCHEDULER names its scheduler."""
    scheduler = os.environ.get("EXPLORER_SCHEDULER")
    if scheduler:
        with needed():
            from explorer.training.cluster import Awaited, Cluster, NoScheduler
        try:
            return Cluster(scheduler)
        except NoScheduler:
            return Awaited(scheduler)  # every page is there, and a race says what is missing
    from explorer.training.engines import Local

    return Local()


def folder(key: str) -> Path:
    """Returns the folder of a race that this server has. Raises KeyError."""
    found = jobs().folder(key)
    if found is None:
        raise KeyError(key)
    return found


def has(name: str) -> bool:
    """Returns whether this server has the race of a model's name."""
    return jobs().folder(name.partition(".")[0]) is not None


def model_of(experiment: Experiment) -> tuple[str, int] | None:
    """Returns (race, racer) of the experiment's stored model, or None where this server has none.

    A model is named `<race>.<racer>`. Where its cell is not the experiment's, the first racer of the
    same race with that cell stands for it.
    """
    key, _, number = experiment.model.partition(".")
    where = jobs().folder(key) if key else None
    if where is None or not number.isascii() or not number.isdecimal():
        return None
    cells = [run.cell for run in files.race_in(where).runs]
    named = int(number)
    if named < len(cells) and cells[named] == experiment.cell:
        return key, named
    return (key, cells.index(experiment.cell)) if experiment.cell in cells else None


def named(experiment: Experiment) -> tuple[str, int]:
    """Returns the same, used while the session shows it. Raises KeyError where there is no such model."""
    found = model_of(experiment)
    if found is None:
        raise KeyError(experiment.model)
    use(found[0])
    return found


def use(key: str) -> None:
    """Counts a race as used by this session until it uses another."""
    if get_script_run_ctx() is None:
        return
    held = st.session_state.get(HELD)
    if held is None or held[0] != key:
        held = st.session_state[HELD] = (key, Use())
    jobs().used(key, held[1])


def race_routes() -> list[Route]:
    """Returns the routes that stream a race's events and take its commands."""
    return [
        Route("/train/{key}/events", _events),
        Route("/train/{key}/{command}", _command, methods=["POST"]),
    ]


async def _events(request: Request) -> Response:
    key = request.path_params["key"]
    if foreign(request):
        return Response(status_code=403)
    if jobs().folder(key) is None:
        return Response(status_code=404)
    seen = request.headers.get("last-event-id") or request.query_params.get("from", "0")
    offset = int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 12 else 0
    who, address = known(request.cookies) or nobody(), visitor(request)
    if _streams[who] >= STREAMS_EACH or _streams[address] >= STREAMS_NEAR:
        return Response(status_code=429)
    return StreamingResponse(
        _stream(key, offset, who, address),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


@contextmanager
def _counted(*names: str) -> Iterator[None]:
    """Counts an open stream to a visitor and an address."""
    _streams.update(names)
    try:
        yield
    finally:
        _streams.subtract(names)
        for name in names:
            if not _streams[name]:
                del _streams[name]


async def _stream(key: str, offset: int, who: str, address: str) -> AsyncIterator[str]:
    """Everything that happened, then what happens, as server-sent events; counts as watching."""
    board = jobs()
    told = None
    with _counted(who, address), board.watching(key, who) as job:
        while True:
            try:
                state = board.state(key)
                lines, offset = files.events_after(job.folder, offset)
            except (KeyError, FileNotFoundError):  # its folder has vanished
                return
            if lines:
                yield f"id: {offset}\ndata: [{','.join(lines)}]\n\n"
            if job.untold and not lines and state.state == "over":
                yield f"data: [{json.dumps(job.untold)}]\n\n"
            if state != told:
                told = state
                record = {"state": state.state, "place": state.place, "watchers": state.watchers}
                yield f"event: state\ndata: {json.dumps(record)}\n\n"
            elif not lines:
                yield ": \n\n"  # a closed connection is noticed when something is sent
            if state.state == "over" and not lines:
                return
            await anyio.sleep(SEND_SECONDS)


async def _command(request: Request) -> Response:
    key, command, who = request.path_params["key"], request.path_params["command"], known(request.cookies)
    if foreign(request) or not who:
        return Response(status_code=403)
    if command not in COMMANDS or jobs().folder(key) is None:
        return Response(status_code=404)
    if not _paces.take(visitor(request)):
        return Response(status_code=429)
    try:
        wanting = jobs().command(key, command, who)
    except (StrangerError, KeyError):
        return Response(status_code=403)
    except OSError:
        return Response(status_code=507)
    if wanting:
        return JSONResponse({"shared": wanting}, status_code=409)
    return JSONResponse({"ok": True})
