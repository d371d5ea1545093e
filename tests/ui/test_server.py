"""What the server tells and takes: its headers, its metrics, messages that no page sends."""

import resource
import tomllib
from collections.abc import Awaitable, Callable

import anyio
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from streamlit import net_util
from streamlit.config import get_config_options
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.web.server.starlette.starlette_websocket import _is_origin_allowed

from explorer.i18n import ROOT
from explorer.ui import server
from explorer.ui.server import METRICS, ContentSecurityPolicy, Fence, Turns, ask_nobody, early, policy
from explorer.ui.visitors import COOKIE

PAGE = "<html><head><script src='streamlit.js'></script></head><body>\N{HANGUL SYLLABLE HAN}</body></html>"


@pytest.fixture
def site() -> Starlette:
    async def answer(request) -> Response:
        if request.path_params["path"] == "page":
            return Response(PAGE, media_type="text/html", headers={"ETag": "old", "Last-Modified": "before"})
        return Response("told")

    async def hear(socket) -> None:
        await socket.accept()
        for _ in range(2):
            asked = BackMsg.FromString(await socket.receive_bytes())
            await socket.send_text(asked.WhichOneof("type"))

    routes = [Route("/{path:path}", answer), WebSocketRoute("/_stcore/stream", hear)]
    return Starlette(routes=routes, middleware=[Middleware(ContentSecurityPolicy), Middleware(Fence)])


def test_a_page_speaks_with_its_own_host_alone(site):
    told = TestClient(site, base_url="http://class.example:8501").get("/").headers
    assert told["referrer-policy"] == "no-referrer" and told["x-content-type-options"] == "nosniff"
    said = told["content-security-policy"]
    assert said.startswith("default-src 'self';") and "img-src 'self' data: blob:;" in said
    assert "connect-src 'self' ws://class.example:8501 wss://class.example:8501 data: blob:;" in said
    for host in ("", "x y", "a;script-src *", "a\r\nb", "*", "a" * 300):
        assert "connect-src 'self' data: blob:;" in policy(host)


def test_a_page_loads_the_stage_after_its_own_scripts(site):
    with TestClient(site) as client:
        sent, asked = client.get("/page"), client.head("/page")
    before, _, after = sent.text.partition("</head>")
    assert sent.text.replace(early("").decode() + "\n", "") == PAGE and after == PAGE.partition("</head>")[2]
    assert before.index("streamlit.js") < before.index("plotly.min.js") < before.index("/early.js")
    assert int(sent.headers["content-length"]) == len(sent.content)
    assert not {"etag", "last-modified"} & set(sent.headers)  # the stage changes with another version
    assert int(asked.headers["content-length"]) == len(PAGE.encode()) and "etag" in asked.headers


def test_metrics_are_for_this_machine_alone(site):
    def found(host: str, **headers: str) -> int:
        with TestClient(site, client=(host, 1)) as client:
            return client.get(METRICS, headers=headers).status_code

    assert found("127.0.0.1") == found("::1") == 200
    assert found("10.0.0.5") == found("127.0.0.1", **{"X-Forwarded-For": "10.0.0.5"}) == 404
    with TestClient(site, client=("10.0.0.5", 1)) as client:
        assert client.get("/_stcore/health").status_code == 200


def test_what_comes_too_fast_waits_and_holds_up_nobody_else(monkeypatch):
    waited = []

    async def rest(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    def window(address: str, who: str = "") -> Callable[[], Awaitable[None]]:
        cookie = [(b"cookie", f"{COOKIE}={who * 22}".encode())] if who else []
        return turns.window(HTTPConnection({"type": "websocket", "client": (address, 1), "headers": cookie}))

    def waits(turn: Callable[[], Awaitable[None]], messages: int) -> float:
        waited.clear()
        for _ in range(messages):
            anyio.run(turn)
        return sum(waited)

    now = [0.0]
    turns = Turns(clock=lambda: now[0])
    monkeypatch.setattr(server, "rest", rest)
    flooding = window("10.0.0.5", "a")
    assert waits(flooding, 20) == 0 and 9 < waits(flooding, 40) < 11
    assert waits(window("10.0.0.5", "b"), 20) == 0, "another visitor"
    assert sum(waits(window("10.0.0.5", "a"), 20) for _ in range(10)) > 10, "ten windows of one"
    now[0] += 1000
    assert sum(waits(window("10.0.0.5", "cdefghijklmnopqrst"[k]), 20) for k in range(18)) > 1
    assert waits(window("10.0.0.6", "z"), 20) == 0, "whoever invents visitors shares an address"


def test_a_socket_waits_for_its_turn(site, monkeypatch):
    waited = []

    async def rest(seconds: float) -> None:
        waited.append(seconds)
        await anyio.sleep(seconds)

    monkeypatch.setattr(server, "rest", rest)
    with TestClient(site).websocket_connect("/_stcore/stream") as socket:
        for _ in range(21):
            socket.send_bytes(BackMsg(clear_cache=True).SerializeToString())
        socket.send_bytes(BackMsg(stop_script=True).SerializeToString())
        socket.send_bytes(BackMsg(stop_script=True).SerializeToString())
        assert socket.receive_text() == "stop_script"
    assert waited


def test_nobody_elsewhere_is_asked_who_this_machine_is(monkeypatch):
    asked = []
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda *a, **k: asked.append(a))
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)
    ask_nobody()
    assert not _is_origin_allowed("http://elsewhere.example", "class.example:8501")
    assert not asked


def test_no_message_is_held_that_would_be_refused():
    with (ROOT / ".streamlit/config.toml").open("rb") as file:
        told = tomllib.load(file)
    assert told["server"]["maxMessageSize"] <= get_config_options()["server.maxWidgetStateSize"].default_val
    assert told["logger"]["hideWelcomeMessage"], "Streamlit's own asks a site elsewhere for this address"


def test_what_no_page_sends_is_passed_over(site):
    never = (
        BackMsg(clear_cache=True),
        BackMsg(load_git_info=True),
        BackMsg(set_run_on_save=True),
        BackMsg(debug_shutdown_runtime=True),
    )
    run = BackMsg()
    run.rerun_script.page_name = "train"
    with TestClient(site).websocket_connect("/_stcore/stream") as socket:
        for message in (*never, run, BackMsg(stop_script=True)):
            socket.send_bytes(message.SerializeToString())
        assert [socket.receive_text(), socket.receive_text()] == ["rerun_script", "stop_script"]


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        ((1024, 4096), (4096, 4096)),
        ((256, resource.RLIM_INFINITY), (server.MOST_FILES, resource.RLIM_INFINITY)),
        ((4096, 4096), None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), None),
    ],
)
def test_a_server_takes_as_many_connections_as_its_system_allows(monkeypatch, limits, wanted):
    told = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: told.append(both))
    server.enough_files()
    assert told == ([] if wanted is None else [wanted])
