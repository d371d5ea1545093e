"""What the server adds to Streamlit: routes for the stage's files, headers, and what it takes from nobody."""

import gzip
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

from anyio import sleep as rest
from google.protobuf.message import DecodeError
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import net_util
from streamlit.proto.BackMsg_pb2 import BackMsg

from explorer.room.pace import Pace, Paces
from explorer.stage import PLOTLY, files, version
from explorer.stage.library import quick
from explorer.ui.embedding import ancestors, embedded, is_embedded
from explorer.ui.guard import LOCAL, visitor
from explorer.ui.payloads import packed_response, payload_route
from explorer.ui.visitors import known

_TYPES = {".js": "text/javascript", ".css": "text/css"}

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' {sockets}data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
"""Nothing is loaded from elsewhere: text in a link cannot fetch a picture. Streamlit needs the rest."""

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:]{2,45}\](:[0-9]{1,5})?", re.ASCII)


def policy(host: str) -> str:
    """Returns the policy for a page of a host. Older browsers take 'self' for no socket, so it is named."""
    return POLICY.format(sockets=f"ws://{host} wss://{host} " if _HOST.fullmatch(host) else "")


def ask_nobody() -> None:
    """Keeps Streamlit from asking a site elsewhere for this machine's address.

    It would whenever a page of another origin opens a socket, and everybody would wait for the answer.
    """
    net_util.get_external_ip = lambda: None


MOST_FILES = 65_536


def enough_files() -> None:
    """Lets this process hold as many connections as the system allows it: a class of 200 has some 1,000, and
    that is all that many systems give by themselves. Whoever comes after the last one gets no answer.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if most == resource.RLIM_INFINITY else min(most, MOST_FILES)
    if now != resource.RLIM_INFINITY and now < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def stage_url() -> str:
    """Returns the folder of the stage's modules; it changes with their content."""
    return f"/stage/{version()}"


def stage_routes() -> list[Route]:
    """Returns the routes of the stage's modules, the Plotly.js of the installed package, and payloads."""
    return [Route("/stage/{version}/{name:path}", _file), payload_route()]


def warm_up() -> None:
    """Loads PyTorch, carries out the first screen's experiment once, compresses what browsers fetch."""
    import pandas  # noqa: F401 (Plotly imports it at its first subplots; two sessions at once broke that)
    import torch
    from threadpoolctl import threadpool_limits

    from explorer.experiment import Experiment
    from explorer.i18n import LANGUAGES
    from explorer.lab.learned import learn, opening
    from explorer.ui.compute import packed

    torch.set_num_threads(1)
    threadpool_limits(1, "blas")
    learn(Experiment())  # the first training also loads the optimiser; the cached one is timed
    for lang in LANGUAGES:
        packed(opening(lang), opening(lang).display(lang))
    for name in _served():
        _content(name)


def _served() -> dict[str, Path]:
    return files() | {PLOTLY.name: PLOTLY}


@cache
def _content(name: str) -> tuple[bytes, bytes]:
    """Returns a file's bytes, and compressed: thirty who arrive at once cost no more than one."""
    data = _served()[name].read_bytes()
    if name == PLOTLY.name:
        data = quick(data.decode()).encode()
    return data, gzip.compress(data, mtime=0)


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _served():
        return Response(status_code=404)
    sent = packed_response(request, *_content(name), _TYPES[_served()[name].suffix], "public")
    if request.path_params["version"] != version():  # a tab from before an update, or anybody's invention
        sent.headers["Cache-Control"] = "no-store"
    return sent


_EVERYWHERE = ("core", "course")
_BESIDE = {"": ("step",), "language": ("language", "step")}
"""Folders of modules that every page loads, and that a page does where its name is not theirs."""


@cache
def early(page: str) -> bytes:
    """Returns what a page's head says so that its stage is loaded beside Streamlit's page, and after it."""
    folders = (*_EVERYWHERE, *_BESIDE.get(page, (page,)))
    wanted = [name for name in files() if "/" not in name or name.partition("/")[0] in folders]
    folder, low = stage_url(), 'fetchpriority="low"'
    lines = [
        f'<link rel="preload" as="script" {low} href="{folder}/{PLOTLY.name}">',
        f'<link rel="preload" as="style" {low} href="{folder}/core/stage.css">',
        *(
            f'<link rel="modulepreload" {low} href="{folder}/{name}">'
            for name in wanted
            if name.endswith(".js")
        ),
        f'<script type="module" async {low} src="{folder}/early.js"></script>',
    ]
    return "\n".join(lines).encode()


def _with(head: bytes, start: Message, first: Message) -> None:
    """Adds to the head of a page: to the first part that is sent, and to what is said of its size."""
    before = first.get("body", b"")
    first["body"] = before.replace(b"</head>", head + b"\n</head>", 1)
    more = len(first["body"]) - len(before)
    told = [(name, value) for name, value in start["headers"] if name not in (b"etag", b"last-modified")]
    start["headers"] = [
        (name, str(int(value) + more).encode() if name == b"content-length" else value)
        for name, value in told
    ]


def _page_of(path: str) -> str:
    """Returns the page that a path names, as far as there is one with modules of its own."""
    page = path.strip("/")
    return page if page in {name.partition("/")[0] for name in files()} else ""


METRICS = "/_stcore/metrics"
TAKEN = {"rerun_script", "stop_script", "app_heartbeat", "file_urls_request", "backend_operation_request"}
"""What a page may ask of Streamlit. Not of these: `clear_cache`, which clears everybody's."""


class Turns:
    """How fast pages are asked for: by a window, a visitor, all who share an address (a class, perhaps).

    What comes faster waits, and holds up nobody else: 50,000 messages of one student kept a class out for
    minutes. A window may ask for 4 runs a second in the long run, after 20 at once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.visitors, self.addresses = Paces(8, 60, clock=clock), Paces(30, 300, clock=clock)

    def window(self, socket: HTTPConnection) -> Callable[[], Awaitable[None]]:
        """Returns what a window's next message waits for."""
        here, address = Pace(4, 20, self.clock), visitor(socket)
        who = known(socket.cookies)

        async def turn() -> None:
            await _permit(here.take)
            if who:
                await _permit(partial(self.visitors.take, who))
            await _permit(partial(self.addresses.take, address))

        return turn


async def _permit(take: Callable[[], bool]) -> None:
    while not take():
        await rest(0.1)


class Fence:
    """ASGI middleware: what Streamlit would tell or do for anybody who asks.

    Its metrics are for programs on this machine; a message that no page sends is passed over, and one that
    comes too fast waits for its turn.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.turns = app, Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and METRICS in scope["path"] and visitor(Request(scope)) not in LOCAL:
            await Response(status_code=404)(scope, receive, send)
        elif scope["type"] == "websocket":
            turn = self.turns.window(HTTPConnection(scope))
            await self.app(scope, lambda: _taken(receive, turn), send)
        else:
            await self.app(scope, receive, send)


async def _taken(receive: Receive, turn: Callable[[], Awaitable[None]]) -> Message:
    """Returns the next message of a socket that a page may send, or that Streamlit itself refuses."""
    while True:
        message = await receive()
        if message["type"] == "websocket.receive":
            await turn()
        asked = BackMsg()
        try:
            asked.ParseFromString(message.get("bytes") or b"")
        except DecodeError:
            return message
        if (asked.WhichOneof("type") or "app_heartbeat") in TAKEN:
            return message


class ContentSecurityPolicy:
    """ASGI middleware that adds the policy to every HTTP response, and to pages what to load early.

    A page so changed is always sent anew: Streamlit names it by its own content, which no module changes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        alone = None
        if scope["method"] == "GET" and is_embedded(scope["path"], scope["query_string"]):
            alone = await embedded(Request(scope, receive), stage_url())
        allowed = policy(Headers(scope=scope).get("host", ""))
        if alone:
            allowed = allowed.replace("frame-ancestors 'self'", f"frame-ancestors {ancestors()}")

        held: Message | None = None

        async def guarded(message: Message) -> None:
            nonlocal held
            if held:
                _with(early(_page_of(scope["path"])), held, message)
                await send(held)
                held = None
            elif message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", allowed.encode()),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                ]
                page = (b"content-type", b"text/html; charset=utf-8") in message["headers"]
                if page and not alone and scope["method"] == "GET" and message["status"] == 200:
                    held = message
                    return
            await send(message)

        await (alone or self.app)(scope, receive, guarded)
