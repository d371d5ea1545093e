"""What the server sends of the stage: modules and payloads, compressed once; nothing from outside."""

import asyncio
import gc
import gzip
import io

import numpy as np
import pytest
import streamlit as st
from starlette.requests import Request
from starlette.responses import Response

from explorer import Experiment, view
from explorer.stage import MODULES, PLOTLY, export, files, taking, version
from explorer.stage.library import quick
from explorer.ui.payloads import HELD, PREFIX, address_of, payload_route
from explorer.ui.server import early, stage_routes


def asked(name: str, takes: str = "gzip, br", route: int = 0, of: str = "") -> Response:
    headers = [(b"accept-encoding", takes.encode())]
    scope = {"type": "http", "path_params": {"name": name, "version": of or version()}, "headers": headers}
    return asyncio.run(stage_routes()[route].endpoint(Request(scope)))


def test_every_module_and_style_sheet_is_served_from_its_folder():
    assert {"stage.js", "train/race.js", "core/stage.css", "language/units/units.css"} <= set(files())
    for name, path in (files() | {PLOTLY.name: PLOTLY}).items():
        sent = asked(name)
        assert path in (MODULES / name, PLOTLY)
        text = path.read_bytes()
        assert gzip.decompress(sent.body) == (quick(text.decode()).encode() if path == PLOTLY else text)
        assert sent.headers["content-encoding"] == "gzip" and "immutable" in sent.headers["cache-control"]
        assert sent.media_type == {".js": "text/javascript", ".css": "text/css"}[path.suffix]


def test_only_the_version_that_there_is_is_kept_for_a_year():
    assert "max-age=31536000" in asked("stage.js").headers["cache-control"]
    for of in ("anything", version() + "0"):
        assert asked("stage.js", of=of).headers["cache-control"] == "no-store"


def test_who_takes_no_compressed_answer_gets_the_file():
    sent = asked("stage.js", takes="identity")
    assert sent.body == files()["stage.js"].read_bytes() and "content-encoding" not in sent.headers


@pytest.mark.parametrize(
    "name", ["", "core", "stage.py", "../__init__.py", "core/../stage.js", "types.d.ts", "/etc/passwd"]
)
def test_nothing_else_is(name: str):
    assert asked(name).status_code == 404


def test_a_page_names_early_what_its_first_stage_imports():
    head = early("").decode()
    for name in ("stage.js", "core/base.js", "step/walk.js", "course/progress.js"):
        assert f'<link rel="modulepreload" fetchpriority="low" href="/stage/{version()}/{name}">' in head
    assert "train/race.js" not in head and "train/race.js" in early("train").decode()


def test_a_payload_is_served_at_one_address_while_somebody_shows_it(monkeypatch):
    session: dict = {}
    monkeypatch.setattr(st, "session_state", session)
    first, same, other = (address_of(data) for data in (b"one" * 100, b"one" * 100, b"two"))
    assert first == same != other
    assert asked(first.removeprefix(PREFIX), route=1).status_code == 404  # the session went on
    assert asked(other.removeprefix(PREFIX), "identity", 1).body == b"two"
    kept = session[HELD]
    assert address_of(b"two") == other and session[HELD] is kept
    sent = asked(other.removeprefix(PREFIX), route=1)
    assert gzip.decompress(sent.body) == b"two" and "private" in sent.headers["cache-control"]
    del kept
    session.clear()
    gc.collect()
    assert asked(other.removeprefix(PREFIX), route=1).status_code == 404


def test_a_payload_is_given_away_as_a_page_a_table_and_arrays(monkeypatch):
    monkeypatch.setattr(st, "session_state", {})
    seen = view("step", Experiment(text="a b c", weights="untrained", hidden=4))
    name = address_of(seen.payload).removeprefix(PREFIX)

    def given(ending: str, query: bytes = b"") -> Response:
        scope = {
            "type": "http",
            "path_params": {"name": f"{name}.{ending}"},
            "headers": [],
            "query_string": query,
        }
        return asyncio.run(payload_route().endpoint(Request(scope)))

    page = given("html", b"title=%3Cb%3EA%3C/b%3E&step=2&unit=x")
    assert page.body.decode() == export.html(seen.payload, "<b>A</b>", 2, 1)
    assert page.headers["content-disposition"] == "attachment"
    assert given("csv").body.decode() == taking.table(seen.payload)
    with np.load(io.BytesIO(given("npz").body)) as found:
        np.testing.assert_array_equal(found["h"], seen.arrays["h"])
    assert given("exe").status_code == 404
