"""The app: `streamlit run app.py`. Serves Plotly.js and the stage's modules beside the entry script."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.pages_manager import PagesManager

from explorer.ui import board, brought
from explorer.ui.aside import aside
from explorer.ui.budget import UploadBudget
from explorer.ui.room.address import told
from explorer.ui.room.routes import room_routes
from explorer.ui.server import ContentSecurityPolicy, Fence, ask_nobody, enough_files, stage_routes, warm_up
from explorer.ui.visitors import Visitors


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Imports and trains once before the first visitor, so that nobody waits for PyTorch; ends all races."""
    await anyio.to_thread.run_sync(brought.started_with)
    await anyio.to_thread.run_sync(aside.open)
    await anyio.to_thread.run_sync(warm_up)
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    print(told(scheme, st.get_option("server.address"), st.get_option("server.port")), flush=True)
    yield
    aside.close()
    board.close()


# A folder named pages/ makes Streamlit run its files by themselves until st.navigation was called
# once; a link straight to a page must run main.py from the first visit on.
PagesManager.uses_pages_directory = False
ask_nobody()
enough_files()

app = st.App(
    Path(__file__).parent / "main.py",
    routes=[*stage_routes(), *board.race_routes(), *room_routes()],
    middleware=[Middleware(one) for one in (ContentSecurityPolicy, Fence, Visitors, UploadBudget)],
    lifespan=lifespan,
)
