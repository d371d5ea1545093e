"""What the server adds to Streamlit: routes for the stage's files, a content security policy."""

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.stage import PLOTLY, files, version

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
    """Returns the route that serves the stage's modules and the Plotly.js of the installed package."""
    return [Route("/stage/{version}/{name:path}", _file)]


def warm_up() -> None:
    """Loads PyTorch and carries out the first screen's experiment once."""
    import pandas  # noqa: F401 (Plotly imports it at its first subplots; two sessions at once broke that)
    import torch
    from threadpoolctl import threadpool_limits

    from explorer.experiment import Experiment
    from explorer.i18n import LANGUAGES
    from explorer.lab.learned import learn
    from explorer.ui.compute import packed

    torch.set_num_threads(1)
    threadpool_limits(1, "blas")
    learn(Experiment())  # the first training also loads the optimiser; the cached one is timed
    for lang in LANGUAGES:
        packed(Experiment(), Experiment().display(lang))


async def _file(request: Request) -> Response:
    path = (files() | {PLOTLY.name: PLOTLY}).get(request.path_params["name"])
    if path is None:
        return Response(status_code=404)
    return FileResponse(
        path,
        media_type=_TYPES[path.suffix],
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


def _early() -> bytes:
    """A Link header that lets the browser fetch the stage while Streamlit's own page still loads."""
    modules = [f"<{stage_url()}/{name}>; rel=modulepreload" for name in files() if name.endswith(".js")]
    return ", ".join([f"<{stage_url()}/{PLOTLY.name}>; rel=preload; as=script", *modules]).encode()


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
                    message["headers"].append((b"link", _early()))
            await send(message)

        await self.app(scope, receive, guarded)
