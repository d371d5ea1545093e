"""Races of this server: one board of jobs, and the routes by which a browser follows and steers them."""

import atexit
import json
import os
import tempfile
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from explorer.experiment import Experiment
from explorer.extras import needed
from explorer.training import folder as files
from explorer.training.jobs import Engine, Jobs

SEND_SECONDS = 0.2
"""A browser hears of a race five times a second: more it cannot draw."""

COMMANDS = ("go", "pause", "step", "stop")


@cache
def jobs() -> Jobs:
    """Returns the server's board of jobs. Their folder goes when the server ends."""
    board = Jobs(Path(tempfile.mkdtemp(prefix="rnn-explorer-")), _engine())
    atexit.register(close)  # for whoever runs without the app's own ending
    board.engine.warm()
    return board


def close() -> None:
    """Ends all races, if there was any, and removes what was stored."""
    if jobs.cache_info().currsize:
        jobs().close()
        jobs.cache_clear()


def _engine() -> Engine:
    """Worker processes of this machine; a Dask cluster where EXPLORER_SCHEDULER names its scheduler."""
    scheduler = os.environ.get("EXPLORER_SCHEDULER")
    if scheduler:
        with needed():
            from explorer.training.cluster import Cluster

        return Cluster(scheduler)
    from explorer.training.engines import Local

    return Local()


def folder(key: str) -> Path:
    """Returns the folder of a race that this server has. Raises KeyError."""
    return jobs().jobs[key].folder


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
    """Returns the same. Raises KeyError where this server has no such model."""
    found = model_of(experiment)
    if found is None:
        raise KeyError(experiment.model)
    return found


def race_routes() -> list[Route]:
    """Returns the routes that stream a race's events and take its commands."""
    return [
        Route("/train/{key}/events", _events),
        Route("/train/{key}/{command}", _command, methods=["POST"]),
    ]


async def _events(request: Request) -> Response:
    key = request.path_params["key"]
    if jobs().folder(key) is None:
        return Response(status_code=404)
    seen = request.headers.get("last-event-id") or request.query_params.get("from", "0")
    offset = int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 12 else 0
    return StreamingResponse(
        _stream(key, offset), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _stream(key: str, offset: int) -> AsyncIterator[str]:
    """Everything that happened, then what happens, as server-sent events; counts as watching."""
    board = jobs()
    told = None
    with board.watching(key) as job:
        while True:
            state = board.state(key)
            lines, offset = files.events_after(job.folder, offset)
            if lines:
                yield f"id: {offset}\ndata: [{','.join(lines)}]\n\n"
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
    key, command = request.path_params["key"], request.path_params["command"]
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return Response(status_code=403)
    if command not in COMMANDS or jobs().folder(key) is None:
        return Response(status_code=404)
    if not jobs().command(key, command):
        return JSONResponse({"shared": jobs().state(key).watchers}, status_code=409)
    return JSONResponse({"ok": True})
