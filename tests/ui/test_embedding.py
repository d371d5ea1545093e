"""The stage alone for other pages: what is sent, to whom, and who may frame it."""

import asyncio
import base64
import re
from urllib.parse import urlencode

import pytest

from explorer import view
from explorer.ui.embedding import FRAMES, is_embedded
from explorer.ui.server import ContentSecurityPolicy, stage_url

SMALL = {"text": "a b c", "weights": "untrained", "hidden": "4", "lang": "ko"}


def answered(path: str, **query: str) -> tuple[dict[str, str], str]:
    """The headers and the text that a browser gets; the app itself answers `app`."""
    sent: list[dict] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": urlencode(query).encode(),
        "headers": [(b"host", b"here"), (b"accept-language", b"en-US,en")],
    }

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"app"})

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b""}

    asyncio.run(ContentSecurityPolicy(app)(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return headers, b"".join(message.get("body", b"") for message in sent[1:]).decode()


@pytest.mark.parametrize(
    ("page", "more"),
    [("gradients", {}), ("step", {"clamp": "z", "clamp_value": "0.2"})],  # of whose z, no reader decides
)
def test_the_stage_alone_is_that_of_the_link(page: str, more: dict[str, str]):
    headers, text = answered(f"/{page}", embed="1", cell="gru", step="2", **more, **SMALL)
    query = urlencode({"cell": "gru", **more, **SMALL})
    (packed,) = re.findall(r'class="rx-payload">([^<]+)<', text)
    assert base64.b64decode(packed) == view(f"/{page}?{query}", lang="ko").payload
    assert f'from "{stage_url()}/stage.js"' in text and 'data-step="2"' in text and '<html lang="ko">' in text
    assert headers["content-type"].startswith("text/html")


def test_who_may_frame_it_is_the_servers_choice(monkeypatch):
    ours, _ = answered("/", embed="1", **SMALL)
    assert ours["content-security-policy"].endswith("frame-ancestors 'self'")
    monkeypatch.setenv(FRAMES, "https://a.example, file:; script-src *")
    theirs, _ = answered("/", embed="1", **SMALL)
    policy = theirs["content-security-policy"]
    assert policy.endswith("frame-ancestors 'self' https://a.example file: script-src *")
    assert policy.count("script-src 'self'") == 1 and "; script-src *" not in policy
    app, text = answered("/", **SMALL)
    assert text == "app" and app["content-security-policy"].endswith("frame-ancestors 'self'")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/course", {}),
        ("/glossary", {}),
        ("/", {"weights": "model", "model": "gone.0"}),
        ("/language", {"view": "predict", "text": "a", "weights": "untrained"}),
    ],
)
def test_what_has_no_figure_is_the_app(path: str, query: dict[str, str]):
    assert answered(path, embed="1", **query)[1] == "app"


def test_only_embed_1_asks_for_it():
    assert is_embedded("/", b"cell=gru&embed=1") and is_embedded("/language", b"embed=1")
    assert not is_embedded("/", b"embed=true") and not is_embedded("/course", b"embed=1")
