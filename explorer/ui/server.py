"""What the server adds to Streamlit: routes for the stage's files, a content security policy."""

import gzip
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.stage import PLOTLY, files, version
from explorer.ui.payloads import packed_response, payload_route

_TYPES = {".js": "text/javascript", ".css": "text/css"}

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss: data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
"""Nothing is loaded from elsewhere: text in a link cannot fetch a picture. Streamlit needs the rest."""


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
    return data, gzip.compress(data, mtime=0)


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _served():
        return Response(status_code=404)
    return packed_response(request, *_content(name), _TYPES[_served()[name].suffix], "public")


_EVERYWHERE = ("core", "course")
_BESIDE = {"": ("step",), "language": ("language", "step")}
"""Folders of modules that every page loads, and that a page does where its name is not theirs."""


@cache
def early(page: str) -> bytes:
    """Returns a Link header that lets the browser fetch a page's stage while Streamlit's own page loads."""
    folders = (*_EVERYWHERE, *_BESIDE.get(page, (page,)))
    wanted = [name for name in files() if "/" not in name or name.partition("/")[0] in folders]
    modules = [f"<{stage_url()}/{name}>; rel=modulepreload" for name in wanted if name.endswith(".js")]
    styles = [f"<{stage_url()}/core/stage.css>; rel=preload; as=style"]
    return ", ".join([f"<{stage_url()}/{PLOTLY.name}>; rel=preload; as=script", *styles, *modules]).encode()


def _page_of(path: str) -> str:
    """Returns the page that a path names, as far as there is one with modules of its own."""
    page = path.strip("/")
    return page if page in {name.partition("/")[0] for name in files()} else ""


class ContentSecurityPolicy:
    """ASGI middleware that adds the policy to every HTTP response, and to pages what to load early."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                ]
                if (b"content-type", b"text/html; charset=utf-8") in message["headers"]:
                    message["headers"].append((b"link", early(_page_of(scope["path"]))))
            await send(message)

        await self.app(scope, receive, guarded)
