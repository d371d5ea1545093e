"""Two servers behind Debian's nginx: a browser keeps to one, a room's code leads to its own, links to any."""

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.visitor import Answer, Visitor
from tests.e2e.server import APP, ROOT, free_port, started

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(
    NGINX is None and not os.environ.get("REQUIRE_E2E"), reason="no nginx found; ./test installs it"
)
WHOLE = """
daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {config}
}}
"""


def config(ports: list[int], listen: str) -> str:
    spec = importlib.util.spec_from_file_location("nginx", ROOT / "deploy" / "nginx.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.config(ports, listen)


@contextmanager
def proxied(folder: Path, *servers: str) -> Iterator[str]:
    """Yields the address of an nginx before some servers."""
    listen = f"127.0.0.1:{free_port()}"
    ports = [urlsplit(server).port or 0 for server in servers]
    (folder / "nginx.conf").write_text(WHOLE.format(folder=folder, config=config(ports, listen)))
    assert NGINX, "./test installs nginx"
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"])
    try:
        for _ in range(200):
            assert process.poll() is None
            if (folder / "pid").exists():
                break
            time.sleep(0.05)
        yield f"http://{listen}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def asked(url: str, **headers: str) -> tuple[int, dict[str, str]]:
    request = urllib.request.Request(
        url, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, {name.lower(): value for name, value in error.headers.items()}


def _answers(url: str) -> bool:
    try:
        return asked(f"{url}/_stcore/health")[0] == 200
    except OSError:
        return False


def looked(url: str, replica: str, query: str = "") -> tuple[Answer, str]:
    """Opens a link as a visitor of a replica, and returns what it met and where the payload lay."""

    async def look() -> tuple[Answer, str]:
        visitor = Visitor(url, cookie=f"explorer={replica}")
        await visitor.open()
        answer = await visitor.visit("", query)
        await visitor.close()
        return answer, visitor.shown

    with ThreadPoolExecutor(1) as apart:  # a browser of another journey has a loop in this thread
        return apart.submit(asyncio.run, look()).result()


def test_a_browser_keeps_to_its_replica_and_a_link_is_served_by_any(server, tmp_path):
    env = {**os.environ, "EXPLORER_REPLICA": "B"}
    with started(APP, ROOT, env) as (second, process), proxied(tmp_path, server, second) as url:
        _, first = asked(f"{url}/")
        assert first["set-cookie"].startswith(f"explorer={first['x-replica']};")
        for replica in "AB":
            _, kept = asked(f"{url}/", cookie=f"explorer={replica}")
            assert kept["x-replica"] == replica and "set-cookie" not in kept
        _, forged = asked(f"{url}/", cookie="explorer=Z")
        assert forged["x-replica"] in ("A", "B")
        for path in ("/r/BXY7", "/room?room=bxy7"):
            _, room = asked(url + path, cookie="explorer=A")
            assert room["x-replica"] == "B" and room["set-cookie"].startswith("explorer=B;")

        answer, payload = looked(url, "B", "cell=gru&text=a+link+for+any+replica&weights=untrained")
        assert not answer.errors and answer.fetched > 1000
        assert asked(url + payload, cookie="explorer=A")[0] == 404  # it is B's session that shows it
        assert asked(f"{url}/", accept_encoding="gzip")[1].get("content-encoding") == "gzip"

        os.kill(process, signal.SIGTERM)
        while _answers(second):
            time.sleep(0.1)
        answer, again = looked(url, "B", "cell=gru&text=a+link+for+any+replica&weights=untrained")
        assert not answer.errors and again == payload
