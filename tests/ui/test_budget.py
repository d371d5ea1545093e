"""Uploaded files: what a session and all together may hold, and who may put one."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from explorer.limits import MAX_SESSION_BYTES, MAX_SESSIONS_BYTES, MAX_UPLOAD_MODEL
from explorer.ui.budget import UPLOADS, UploadBudget

HOST = "http://class.example:8501"
BIG = b"x" * MAX_UPLOAD_MODEL


@pytest.fixture
def files() -> MemoryUploadedFileManager:
    return MemoryUploadedFileManager("/upload")


@pytest.fixture
def site(files):
    async def put(request) -> Response:
        path = request.path_params
        files.add_file(path["session"], UploadedFileRec(path["name"], "a", "b", BIG))
        return Response(status_code=204)

    routes = [Route(UPLOADS + "{session}/{name}", put, methods=["PUT"])]
    return Starlette(routes=routes, middleware=[Middleware(UploadBudget, files=lambda: files)])


@pytest.fixture
def client(site) -> TestClient:
    return TestClient(site, base_url=HOST, headers={"Origin": HOST})


def held(files: MemoryUploadedFileManager) -> dict[str, list[str]]:
    return {session: list(stored) for session, stored in files.file_storage.items() if stored}


def test_forty_files_of_one_session_leave_the_latest_and_nobody_elses(client, files):
    assert client.put(f"{UPLOADS}mine/only").status_code == 204
    for k in range(40):
        assert client.put(f"{UPLOADS}theirs/{k}").status_code == 204
    most = MAX_SESSION_BYTES // MAX_UPLOAD_MODEL
    assert held(files) == {"mine": ["only"], "theirs": [str(k) for k in range(40 - most, 40)]}


def test_all_sessions_together_stay_within_a_bound(client, files):
    for k in range(40):
        client.put(f"{UPLOADS}session{k % 20}/{k}")
    assert sum(map(len, held(files).values())) == MAX_SESSIONS_BYTES // MAX_UPLOAD_MODEL


def test_a_page_from_elsewhere_uploads_nothing_and_nobody_without_end(client, files):
    foreign = client.put(f"{UPLOADS}mine/only", headers={"Origin": "http://elsewhere.example"})
    assert foreign.status_code == 403 and not held(files)
    answers = [client.put(f"{UPLOADS}mine/{k % 2}").status_code for k in range(80)]
    assert answers[0] == 204 and answers[-1] == 429


def test_a_full_disk_is_an_answer_of_its_own_and_the_next_file_is_taken(files):
    full = [True]

    async def put(request) -> Response:
        if full:
            full.pop()
            raise OSError(28, "No space left on device")  # where what came in was to be put
        return Response(status_code=204)

    routes = [Route(UPLOADS + "{session}/{name}", put, methods=["PUT"])]
    site = Starlette(routes=routes, middleware=[Middleware(UploadBudget, files=lambda: files)])
    with TestClient(site, base_url=HOST, headers={"Origin": HOST}) as client:
        assert [client.put(f"{UPLOADS}mine/{k}").status_code for k in range(2)] == [507, 204]
