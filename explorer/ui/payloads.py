"""What stages draw, served by its content: a browser fetches a payload once, and thirty share one.

A message of a run holds the address alone. So a payload that has not changed is not sent again, and the
same one is packed once for a whole class. It is there as long as a session shows it.
"""

import gzip
import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from weakref import WeakValueDictionary

import anyio
import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from explorer.limits import MAX_TITLE
from explorer.stage import export, taking
from explorer.text import clean

PREFIX = "/payload/"

HELD = "stage_payload"
"""Key of the session state that keeps what the session shows."""


class Served:
    """A payload, as it is and compressed."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @cached_property
    def packed(self) -> bytes:
        """The payload in gzip."""
        return gzip.compress(self.data, 3)


_served: WeakValueDictionary[str, Served] = WeakValueDictionary()


def address_of(data: bytes, held: str = HELD) -> str:
    """Returns the path at which a payload is served while this session shows it, under a key of its own."""
    name = hashlib.sha256(data).hexdigest()[:40]
    st.session_state[held] = _served.setdefault(name, Served(data))
    return PREFIX + name


def payload_route() -> Route:
    """Returns the route that serves payloads."""
    return Route(PREFIX + "{name}", _payload)


async def _payload(request: Request) -> Response:
    name, _, ending = request.path_params["name"].partition(".")
    found = _served.get(name)
    if found is None or (ending and ending not in _MADE):
        return Response(status_code=404)
    if ending:
        return await anyio.to_thread.run_sync(_taken_away, found.data, ending, dict(request.query_params))
    return packed_response(request, found.data, found.packed, "application/octet-stream", "private")


def _taken_away(data: bytes, ending: str, query: Mapping[str, str]) -> Response:
    """Returns a payload as a file to keep."""
    make, media_type = _MADE[ending]
    return Response(make(data, query), media_type=media_type, headers=_TO_KEEP)


def _page(data: bytes, query: Mapping[str, str]) -> str:
    title = clean(query.get("title", "")[: 2 * MAX_TITLE])
    return export.html(data, title, _number(query.get("step", "")), _number(query.get("unit", "")))


def _number(raw: str) -> int:
    return int(raw) if raw.isascii() and raw.isdecimal() and len(raw) < 6 else 1


_MADE: dict[str, tuple[Callable[[bytes, Mapping[str, str]], str | bytes], str]] = {
    "html": (_page, "text/html; charset=utf-8"),
    "npz": (lambda data, _: taking.npz(data), "application/octet-stream"),
    "csv": (lambda data, _: taking.table(data), "text/csv; charset=utf-8"),
}
"""What the server makes of a payload, by the end of the address, and its media type."""

_TO_KEEP = {"Content-Disposition": "attachment", "Cache-Control": "private, no-store"}


def packed_response(request: Request, data: bytes, packed: bytes, media_type: str, kept: str) -> Response:
    """Returns content that never changes at its address, compressed for whoever takes it so."""
    headers = {"Cache-Control": f"{kept}, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type=media_type, headers=headers | {"Content-Encoding": "gzip"})
    return Response(data, media_type=media_type, headers=headers)
