"""How much of visitors' files the server holds: a share for each session, a bound for all together.

Streamlit keeps every file that is put to a session, whether or not a page asked for one, until the session
ends. A page reads a file in the run after it came, and what it took of it lies elsewhere from then on.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime import get_instance
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from explorer.limits import MAX_SESSION_BYTES, MAX_SESSIONS_BYTES
from explorer.room.pace import Paces
from explorer.training.shares import giving_way
from explorer.ui.guard import foreign, visitor

UPLOADS = "/_stcore/upload_file/"


class UploadBudget:
    """ASGI middleware: uploads come from a page of this server, not too fast, and push out no others.

    Where the disk is full, read-only or gone the answer is 507, of which the browser makes a sentence.
    """

    def __init__(self, app: ASGIApp, files: "Callable[[], MemoryUploadedFileManager] | None" = None) -> None:
        self.app, self.files = app, files or _of_streamlit
        self.paces = Paces(rate=1, burst=60)  # a class behind one address, two files each

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "PUT" or UPLOADS not in scope["path"]:
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        if foreign(request):
            await Response(status_code=403)(scope, receive, send)
        elif not self.paces.take(visitor(request)):
            await Response(status_code=429)(scope, receive, send)
        else:
            try:
                await self.app(scope, receive, send)
            except ConnectionError:
                raise
            except OSError:  # Streamlit puts what comes in on disk first
                await Response(status_code=507)(scope, receive, send)
            keep_within(self.files())


def _of_streamlit() -> MemoryUploadedFileManager:
    files = get_instance().uploaded_file_mgr
    assert isinstance(files, MemoryUploadedFileManager)
    return files


def keep_within(
    files: MemoryUploadedFileManager, each: int = MAX_SESSION_BYTES, total: int = MAX_SESSIONS_BYTES
) -> None:
    """Lets go of what is too much: a session's own oldest files, then those of whoever holds most."""
    held = {
        session: [(session, name, len(file.data)) for name, file in list(stored.items())]
        for session, stored in list(files.file_storage.items())
    }
    for session, name, _ in giving_way(held, total, each, size=lambda file: file[2]):
        files.remove_file(session, name)
