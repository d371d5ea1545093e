"""A visitor without a browser: speaks Streamlit's own protocol and keeps what a browser's page keeps.

It sends the states of the widgets that it touched, the address that the server wrote, and the hashes of
the large messages that it still holds, and fetches each payload of a stage once; it answers nothing else.
So the server does all of its work, and a hundred visitors fit beside it on a small machine.
"""

import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

KEPT_RUNS = 2
"""A browser forgets a large message after so many runs without it (global.maxCachedMessageAge)."""

DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


@dataclass
class Answer:
    """What one action brought: messages, their bytes, those fetched besides, seconds, page errors."""

    messages: int = 0
    size: int = 0
    fetched: int = 0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)


class Visitor:
    """One open page. `visit` opens an address, `choose` sets a widget by its key."""

    def __init__(self, url: str, locale: str = "en-US", cookie: str = "") -> None:
        self.url = url
        self.locale = locale
        self.headers = {"Cookie": cookie} if cookie else {}
        self.query = ""
        self.page = ""
        self.script = ""
        self.runs = 0
        self.widgets: dict[str, WidgetState] = {}
        self.ids: dict[str, str] = {}
        self.kept: dict[str, int] = {}
        self.shown = ""
        self.seen = {""}
        self.socket: Any = None
        self.client = httpx2.AsyncClient(base_url=url, timeout=120, headers=self.headers)

    async def open(self) -> None:
        """Connects, as the page's script does once it is loaded."""
        host = urlsplit(self.url).netloc
        self.socket = await websockets.connect(
            f"ws://{host}/_stcore/stream",
            subprotocols=[websockets.Subprotocol("streamlit")],
            origin=websockets.Origin(self.url),
            additional_headers=self.headers,
            max_size=None,
            open_timeout=120,
        )

    async def close(self) -> None:
        """Closes the tab."""
        await self.socket.close()
        await self.client.aclose()

    async def visit(self, page: str = "", query: str = "") -> Answer:
        """Goes to a page of the app; widgets of another page are forgotten."""
        self.page, self.query, self.script, self.widgets = page, query, "", {}
        return await self._run()

    async def choose(self, key: str, value: str) -> Answer:
        """Sets a selectbox or a text to a value."""
        return await self._set(key, "string_value", value)

    async def number(self, key: str, value: float) -> Answer:
        """Sets a number."""
        whole = isinstance(value, int)
        return await self._set(key, "int_value" if whole else "double_value", value)

    async def fold(self, key: str, there: bool) -> Answer:
        """Opens or closes what lies behind a button."""
        return await self._set(f"fold_{key}", "bool_value", there)

    async def press(self, key: str) -> Answer:
        """Presses a button."""
        answer = await self._set(key, "trigger_value", True)
        self.widgets.pop(self.ids[key], None)
        return answer

    async def _set(self, key: str, kind: str, value: Any) -> Answer:
        state = WidgetState(id=self.ids[key])
        setattr(state, kind, value)
        self.widgets[state.id] = state
        return await self._run()

    async def _run(self) -> Answer:
        sent = BackMsg()
        state = sent.rerun_script
        state.query_string = self.query
        state.page_name = self.page
        state.page_script_hash = self.script
        state.widget_states.widgets.extend(self.widgets.values())
        state.cached_message_hashes.extend(self.kept)
        state.context_info.locale = self.locale
        state.context_info.timezone = "Asia/Seoul"
        state.context_info.url = f"{self.url}/{self.page}"
        started, answer = time.perf_counter(), Answer()
        await self.socket.send(sent.SerializeToString())
        while not self._take(await self.socket.recv(), answer):
            pass
        if self.shown not in self.seen:
            await self._fetch(answer)
        answer.seconds = time.perf_counter() - started
        self.runs += 1
        self.kept = {name: run for name, run in self.kept.items() if self.runs - run <= KEPT_RUNS}
        return answer

    async def _fetch(self, answer: Answer) -> None:
        """Fetches what the stage shows, unless the browser holds it."""
        reply = await self.client.get(self.shown)
        if reply.status_code != 200:
            answer.errors.append(f"{self.shown}: {reply.status_code}")
        answer.fetched += int(reply.headers["content-length"])
        self.seen.add(self.shown)

    def _take(self, data: bytes, answer: Answer) -> bool:
        """Reads one message, and says whether it was the run's last."""
        message = ForwardMsg.FromString(data)
        answer.messages += 1
        answer.size += len(data)
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            self.kept[message.ref_hash] = self.runs
        if message.metadata.cacheable:
            self.kept[message.hash] = self.runs
        if kind == "navigation":
            self.script = message.navigation.page_script_hash
        if kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        if kind == "delta":
            delta = message.delta
            if delta.WhichOneof("type") == "new_element":
                self._element(delta.new_element, answer)
            elif delta.add_block.WhichOneof("type") == "popover":
                self._named(delta.add_block.popover.id)
        return kind == "script_finished" and message.script_finished in DONE

    def _element(self, element: Any, answer: Answer) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            answer.errors.append(element.exception.message)
            return
        if kind == "bidi_component":
            data = json.loads(element.bidi_component.json or "null")
            self.shown = data.get("payload", self.shown) if isinstance(data, dict) else self.shown
        shown = getattr(element, kind)
        self._named(getattr(shown, "id", ""))

    def _named(self, name: str) -> None:
        if name:
            self.ids[name.split("-", 2)[-1]] = name  # $$ID-<hash>-<key>
