"""What the server sends of the stage: every module below its folder, nothing from outside it."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from explorer.stage import MODULES, PLOTLY, files
from explorer.ui.server import stage_routes


def asked(name: str) -> Response:
    (route,) = stage_routes()
    return asyncio.run(route.endpoint(Request({"type": "http", "path_params": {"name": name}})))


def test_every_module_and_style_sheet_is_served_from_its_folder():
    assert {"stage.js", "train/race.js", "core/stage.css", "language/units/units.css"} <= set(files())
    for name, path in files().items():
        sent = asked(name)
        assert isinstance(sent, FileResponse) and sent.path == path == MODULES / name
        assert sent.media_type == {".js": "text/javascript", ".css": "text/css"}[path.suffix]
        assert "immutable" in sent.headers["cache-control"]
    assert getattr(asked(PLOTLY.name), "path", None) == PLOTLY


@pytest.mark.parametrize(
    "name", ["", "core", "stage.py", "../__init__.py", "core/../stage.js", "types.d.ts", "/etc/passwd"]
)
def test_nothing_else_is(name: str):
    assert asked(name).status_code == 404
