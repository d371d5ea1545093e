"""What a route asks of a request that changes something: from a page of this server, and not too long."""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request

LOCAL = ("127.0.0.1", "::1")
"""This machine: who asks from there without a proxy between is whoever runs the server."""


class TooLongError(Exception):
    """A body longer than a route takes."""


def foreign(request: Request) -> bool:
    """Returns whether a page of another origin sent the request: its Origin is held against its Host.

    A browser that names no origin says how it came by Sec-Fetch-Site; what is no browser names neither.
    """
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none")
    try:
        return urlsplit(origin).netloc != request.headers.get("host", "")
    except ValueError:  # half an address, "http://["
        return True


async def body(request: Request, most: int) -> bytes:
    """Returns a request's body. Raises TooLongError before more than `most` bytes are held."""
    found = b""
    async for chunk in request.stream():
        found += chunk
        if len(found) > most:
            raise TooLongError
    return found


def visitor(request: HTTPConnection) -> str:
    """Returns the address of a request; where a proxy of this machine passed it on, that of its client."""
    host = request.client.host if request.client else ""
    if host in LOCAL:
        return passed_on(request.headers.get("x-forwarded-for", host))
    return host


def passed_on(header: str) -> str:
    """Returns for whom the nearest proxy asks, by X-Forwarded-For; the rest anybody can write."""
    return header.split(",")[-1].strip()[:64]
