"""Who a visitor is: a cookie of chance, which tells one browser from another and nothing of whose it is."""

import re
import secrets
from collections.abc import Mapping

import streamlit as st
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.ui.guard import passed_on

COOKIE = "rx_visitor"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


def known(cookies: Mapping[str, str]) -> str:
    """Returns the visitor of some cookies, or "" where they name none."""
    token = str(cookies.get(COOKIE, ""))
    return token if _TOKEN.fullmatch(token) else ""


def of_session() -> str:
    """Returns the visitor of this run; where the browser takes no cookies, the session stands for one."""
    context = get_script_run_ctx()
    return known(st.context.cookies) or (f"session {context.session_id}" if context else "")


def address_of_session() -> str:
    """Returns the address of this run's visitor; where a proxy of this machine passed it on, its client's."""
    return st.context.ip_address or passed_on(st.context.headers.get("X-Forwarded-For") or "")


class Visitors:
    """ASGI middleware: a browser that opens a page and has no cookie yet gets one, out of scripts' reach."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _needs_one(Request(scope)):
            await self.app(scope, receive, send)
            return
        cookie = f"{COOKIE}={secrets.token_urlsafe(16)}; Path=/; HttpOnly; SameSite=Lax"

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"set-cookie", cookie.encode())]
            await send(message)

        await self.app(scope, receive, marked)


def _needs_one(request: Request) -> bool:
    """Whether a page is opened, by whoever has no cookie."""
    page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    return page and not known(request.cookies)
