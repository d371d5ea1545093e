"""What the server tells and takes: its headers, its metrics, messages that no page sends."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from streamlit.proto.BackMsg_pb2 import BackMsg

from explorer.ui.server import METRICS, ContentSecurityPolicy, Fence, early, policy

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
    said = TestClient(site, base_url="http://class.example:8501").get("/").headers["content-security-policy"]
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
