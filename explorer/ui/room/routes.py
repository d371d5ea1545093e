"""The routes of rooms: joining, one event stream for each device, small posts, what the projector draws.

A device is known by a cookie that only this room's routes get: no account, no name, nothing personal. One
stream is one small task that sleeps until something changes; at rest it sends a sign of life now and then.
"""

import asyncio
import json
import os
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import cache
from typing import Any

import anyio
import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from explorer.figures.palette import THEMES
from explorer.figures.room import class_figure, guess_figure, seed_figure
from explorer.i18n import LANGUAGES
from explorer.limits import MAX_MEMBERS, MAX_ROOM_POST, ROOM_SECONDS
from explorer.room.pace import Paces
from explorer.room.questions import Question, UnaskableError, number, of_card, typed
from explorer.room.race import ClassRace, Offer, offers
from explorer.room.room import Device, FullError, Listener, Room
from explorer.room.rooms import Rooms
from explorer.ui import board
from explorer.ui.guard import TooLongError, body, foreign, visitor
from explorer.ui.room.address import qr, reachable
from explorer.ui.room.ahead import learn_ahead
from explorer.ui.room.truths import found_out, question_about
from explorer.ui.server import stage_url

BEAT_SECONDS = 20.0
"""A sign of life for proxies, and how late the server notices a device that left without a word."""

TURN_SECONDS = 0.4
"""How often the class's race is looked at."""

_REPLICA = re.compile(r"[A-Z]?", re.ASCII)
_tasks: set[asyncio.Task[None]] = set()
_openings = Paces(rate=0.1, burst=10)
_joins = Paces(rate=10, burst=300)
_misses = Paces(rate=1, burst=MAX_MEMBERS)
"""Wrong codes of one address: whoever guesses finds one of a few rooms in days, not in seconds."""


@cache
def rooms() -> Rooms:
    """Returns this server's rooms. EXPLORER_REPLICA, a letter, begins their codes where there are several."""
    replica = os.environ.get("EXPLORER_REPLICA", "").strip().upper()
    return Rooms(replica if _REPLICA.fullmatch(replica) else "")


def room_routes() -> list[Route]:
    """Returns the routes of rooms."""
    return [
        Route("/r/open", _open, methods=["POST"]),
        Route("/r/{code}", _arrive),
        Route("/r/{code}/teach", _teach),
        Route("/r/{code}/join", _join, methods=["POST"]),
        Route("/r/{code}/events", _events),
        Route("/r/{code}/address", _address),
        Route("/r/{code}/figure/{name}", _figure),
        Route("/r/{code}/result.json", _result),
        Route("/r/{code}/{act}", _act, methods=["POST"]),
    ]


# Coming in


async def _open(request: Request) -> Response:
    if foreign(request):
        return Response(status_code=403)
    if not _openings.take(visitor(request)):
        return Response(status_code=429)
    try:
        room = rooms().open(visitor(request))
    except FullError:
        return Response(status_code=503)
    learn_ahead()
    device = room.teach(room.key)
    assert device is not None
    return _known(JSONResponse({"code": room.code, "key": room.key}), room, device)


async def _arrive(request: Request) -> Response:
    """The short address that is typed: on to the room's page."""
    code = re.sub(r"[^A-Z0-9]", "", request.path_params["code"].upper())[:8]
    return RedirectResponse(f"/room?room={code}", status_code=302)


async def _teach(request: Request) -> Response:
    """The lecturer's own link: a page that joins with the key behind its #, and goes on to the room's."""
    script = f"{stage_url()}/room/teach.js"
    return HTMLResponse(
        f'<!doctype html><title>RNN Explorer</title><script type="module" src="{script}"></script>'
    )


async def _join(request: Request) -> Response:
    if foreign(request):
        return Response(status_code=403)
    room = rooms().find(request.path_params["code"])
    if room is None or room.ended:
        return Response(status_code=404 if _misses.take(visitor(request)) else 429)
    try:
        asked = await _asked(request)
    except (TooLongError, ValueError):
        return Response(status_code=400)
    token = request.cookies.get(_cookie(room), "")
    device = room.devices.get(token)
    if "key" in asked:
        device = room.teach(str(asked["key"])[:64], token)
        if device is None:
            return Response(status_code=403)
    if device is None:
        if not (_misses.some(visitor(request)) and _joins.take(visitor(request))):
            return Response(status_code=429)
        try:
            device = room.join(token, visitor(request))
        except FullError:
            return Response(status_code=503)
    told = {"code": room.code, "lecturer": device.lecturer, "number": device.number}
    if device.lecturer:
        told["key"] = room.key
    return _known(JSONResponse(told), room, device)


def _cookie(room: Room) -> str:
    return f"rx_{room.code}"


def _known(response: Response, room: Room, device: Device) -> Response:
    """Lets the browser keep the device's token, out of reach of any script."""
    response.set_cookie(
        _cookie(room),
        device.token,
        max_age=int(2 * ROOM_SECONDS),
        path=f"/r/{room.code}",
        httponly=True,
        samesite="strict",
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _who(request: Request) -> tuple[Room, Device] | None:
    """Returns the room of the address and the device of the cookie."""
    room = rooms().find(request.path_params["code"])
    device = None if room is None else room.devices.get(request.cookies.get(_cookie(room), ""))
    return None if room is None or device is None else (room, device)


async def _asked(request: Request) -> dict[str, Any]:
    """Returns a post's JSON object, {} for an empty one. Raises TooLongError, ValueError."""
    raw = await body(request, MAX_ROOM_POST)
    try:
        asked = json.loads(raw) if raw else {}
    except RecursionError as error:  # thousands of brackets
        raise ValueError("too deep") from error
    if not isinstance(asked, dict):
        raise ValueError("not an object")
    return asked


# Hearing


async def _events(request: Request) -> Response:
    found = _who(request)
    if found is None:
        return Response(status_code=404)
    return StreamingResponse(
        _stream(*found),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(room: Room, device: Device) -> AsyncIterator[str]:
    """What there is, then what changes, as server-sent events; counts as being there."""
    woken = asyncio.Event()
    listener = room.listen(device, _waker(woken))
    try:
        while not listener.over:
            woken.clear()
            room.carry(device)
            yield _messages(room, listener)
            await _rest(woken)
            rooms().sweep()
        yield "event: over\ndata: {}\n\n"
    finally:
        room.leave(listener)


async def _rest(woken: asyncio.Event) -> None:
    with anyio.move_on_after(BEAT_SECONDS):
        await woken.wait()


def _messages(room: Room, listener: Listener) -> str:
    """What is new to a listener, and who it is where that may have changed; a sign of life for nothing."""
    news = room.news(listener)
    if not news:
        return ": \n\n"
    device = listener.device
    you = {
        "number": device.number,
        "seed": room.seed_of(device),
        "guess": room.guesses.get(device.token),
    }
    told = [("you", json.dumps(you)), *news]
    if curve := room.curve(listener):
        told.append(("curve", json.dumps(curve)))
    return "".join(f"event: {name}\ndata: {text}\n\n" for name, text in told)


def _waker(woken: asyncio.Event) -> Callable[[], None]:
    """Returns what wakes a stream, from its own thread or another."""
    loop, here = asyncio.get_running_loop(), threading.get_ident()

    def wake() -> None:
        if threading.get_ident() == here:
            woken.set()
        elif not loop.is_closed():
            loop.call_soon_threadsafe(woken.set)

    return wake


# Saying


async def _act(request: Request) -> Response:
    if foreign(request):
        return Response(status_code=403)
    found = _who(request)
    if found is None or request.path_params["act"] not in ACTS:
        return Response(status_code=404)
    room, device = found
    if not device.pace.take():
        return Response(status_code=429)
    act, lecturers = ACTS[request.path_params["act"]]
    if lecturers and not device.lecturer:
        return Response(status_code=403)
    try:
        asked = await _asked(request)
    except (TooLongError, ValueError):
        return Response(status_code=400)
    try:
        done = act(room, device, asked)
        done = await done if isinstance(done, Awaitable) else done
    except UnaskableError:
        return Response(status_code=400)
    return JSONResponse({"ok": True}) if done else Response(status_code=409)


def _stand(room: Room, _: Device, asked: Mapping[str, Any]) -> bool:
    return room.stand(asked.get("page"), asked.get("query"))


def _ask(room: Room, _: Device, asked: Mapping[str, Any]) -> bool:
    room.ask(_question(room, asked))
    return True


def _question(room: Room, asked: Mapping[str, Any]) -> Question:
    """Returns a card's question, one for a number to find out, or a typed one. Raises UnaskableError."""
    if "card" in asked:
        return of_card(asked.get("lesson"), asked["card"])
    if "about" in asked:
        return question_about(asked["about"], room)
    if "answers" in asked:
        return typed(asked.get("text"), asked["answers"], asked.get("right"))
    if "low" in asked:
        return number(asked.get("text"), asked["low"], asked.get("high"), asked.get("right"))
    raise UnaskableError("nothing")


def _guess(room: Room, device: Device, asked: Mapping[str, Any]) -> bool:
    return room.guess(device, asked.get("guess"))


async def _show(room: Room, _: Device, asked: Mapping[str, Any]) -> bool:
    room.show(await anyio.to_thread.run_sync(found_out, room))
    return True


def _put_away(room: Room, _: Device, asked: Mapping[str, Any]) -> bool:
    room.put_away()
    return True


async def _race(room: Room, _: Device, asked: Mapping[str, Any]) -> bool:
    """Begins the class's race, unless one is on."""
    offer = offers().get(str(asked.get("offer")))
    if offer is None:
        return False
    race = await anyio.to_thread.run_sync(_prepared, offer)
    if room.race is not None and not room.race.over:
        return False
    room.start(race)
    task = asyncio.get_running_loop().create_task(_carry_out(room, race))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return True


def _prepared(offer: Offer) -> ClassRace:
    """A race on this server's board, one core of which stays the server's. It may have to make its data."""
    races = board.jobs()
    return ClassRace(offer, races, races.engine.slots - 1)


async def _carry_out(room: Room, race: ClassRace) -> None:
    """Goes on with a race until it is over, and tells the room."""
    while not race.settled:
        try:
            changed = await anyio.to_thread.run_sync(race.turn)
        except (OSError, KeyError):  # the board's folder is full or gone
            race.give_up()
            changed = True
        if changed:
            room.raced()
        await anyio.sleep(TURN_SECONDS)


def _stop(room: Room, _: Device, asked: Mapping[str, Any]) -> bool:
    if room.race is None:
        return False
    room.race.stop()
    room.raced()
    return True


def _end(room: Room, _: Device, asked: Mapping[str, Any]) -> bool:
    rooms().end(room)
    return True


Act = Callable[[Room, Device, Mapping[str, Any]], bool | Awaitable[bool]]

ACTS: Mapping[str, tuple[Act, bool]] = {
    "stand": (_stand, True),
    "ask": (_ask, True),
    "show": (_show, True),
    "away": (_put_away, True),
    "race": (_race, True),
    "stop": (_stop, True),
    "end": (_end, True),
    "guess": (_guess, False),
}
"""What can be posted to a room, and whether it takes the lecturer."""


# Looking


async def _address(request: Request) -> Response:
    """Where students reach the room: its address and that as a picture, null where they cannot."""
    found = _who(request)
    if found is None:
        return Response(status_code=404)
    bound, port = st.get_option("server.address"), st.get_option("server.port")
    base = reachable(request.url.scheme, request.headers.get("host", ""), bound, port)
    address = None if base is None else f"{base}/r/{found[0].code}"
    return JSONResponse({"address": address, "qr": None if address is None else qr(address)})


async def _figure(request: Request) -> Response:
    """The projector's figure of guesses or race, the place of a student's curve: as Plotly's JSON."""
    found, query, name = _who(request), request.query_params, request.path_params["name"]
    if found is None or not (found[1].lecturer or name == "mine"):
        return Response(status_code=404)
    if not found[1].pace.take():
        return Response(status_code=429)
    lang = query["lang"] if query.get("lang") in LANGUAGES else "en"
    theme = query["theme"] if query.get("theme") in THEMES else "light"
    room = found[0]
    with room.lock:
        question, guesses, race = room.question, list(room.guesses.values()), room.race
    if name == "guess" and question is not None and room.shown:
        figure = await anyio.to_thread.run_sync(guess_figure, question, guesses, lang, theme)
    elif name == "race" and race is not None:
        figure = await anyio.to_thread.run_sync(class_figure, race, lang, theme)
    elif name == "mine" and race is not None:
        return _plotted(await anyio.to_thread.run_sync(_place_of_a_curve, race.offer, lang, theme))
    else:
        return Response(status_code=404)
    return _plotted(figure.to_json())


def _plotted(figure: str) -> Response:
    return Response(figure, media_type="application/json", headers={"Cache-Control": "no-store"})


@cache
def _place_of_a_curve(offer: Offer, lang: str, theme: str) -> str:
    """A hundred phones ask for it at once: it is drawn once, the points come over the stream."""
    return seed_figure(offer, lang, theme).to_json()


async def _result(request: Request) -> Response:
    """The class's race as a file."""
    found = _who(request)
    if found is None or found[0].race is None:
        return Response(status_code=404)
    named = {"Content-Disposition": 'attachment; filename="class.json"', "Cache-Control": "no-store"}
    return JSONResponse(found[0].race.result(), headers=named)
