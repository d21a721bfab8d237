"""
Visitors without a browser: they speak Streamlit's own protocol, as its frontend does.

- a visitor loads the page, connects by websocket with its XSRF token, answers with the states of widgets, and
  remembers messages that the server then sends only by their hash
- a film is uploaded by HTTP, to the address that the server names
- twenty of them cost less than one tab of a browser, so that the server keeps the machine's cores
"""

import asyncio
import http.client
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Common_pb2 import FileURLs, UploadedFileInfo
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

PLACE = re.compile(r"\d+ readers? (?:is|are) before you\.")
COCKPIT = "threshold_cockpit"  # in the name of its component
_LARGEST = 256 * 2**20  # bytes of a message
_BOUNDARY = "----xraylab-visitor"


class VisitorError(Exception):
    """Error: the server didn't do what it should."""


class Visitor:
    """One tab of the app.

    Parameters
    ----------
    address : str
        Of the server, such as ``http://127.0.0.1:8501``.
    page : str
        Such as ``read``; "" for the overview.
    """

    def __init__(self, address: str, page: str) -> None:
        self.address, self.page = address, page
        self.places: set[str] = set()  # sentences on the place in the queue that were shown
        self.bytes = 0  # that the server sent
        self._elements: dict[tuple[int, ...], tuple[Element, str]] = {}  # by place; with the fragment
        self._states: dict[str, WidgetState] = {}
        self._remembered: dict[str, bytes] = {}
        self._asked = 0

    async def __aenter__(self) -> "Visitor":
        """Load the page and wait until it is drawn."""
        self._cookie = await asyncio.to_thread(self._get_page)
        self._socket: ClientConnection = await connect(
            self.address.replace("http", "ws", 1) + "/_stcore/stream",
            origin=self.address,  # type: ignore[arg-type]
            subprotocols=["streamlit", self._token],  # type: ignore[list-item]
            additional_headers={"Cookie": self._cookie},
            max_size=_LARGEST,
            compression=None,
        )
        await self.rerun()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the tab."""
        await self._socket.close()

    @property
    def _token(self) -> str:
        return self._cookie.partition("=")[2]

    def _get_page(self) -> str:
        """Fetch what a browser fetches before it connects; return the cookie with the XSRF token."""
        for path in (f"/{self.page}", "/_stcore/host-config", "/_stcore/health"):
            answer, headers = self._http("GET", path)
            if not answer:
                raise VisitorError(f"{path} is empty")
        return str(headers["set-cookie"]).partition(";")[0]

    def _http(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=120)
        try:
            connection.request(method, path, body or None, headers or {})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= http.client.BAD_REQUEST:
            raise VisitorError(f"{method} {path}: {answer.status}")
        return content, answer.headers

    async def rerun(self, *states: WidgetState, fragment: str = "") -> float:
        """Send new states of widgets and wait until the page is drawn; return the seconds it took."""
        self._states |= {state.id: state for state in states}
        began = time.monotonic()
        if not fragment:
            self._elements.clear()  # the whole page is drawn again
        await self._send(rerun_script=self._client_state(fragment))
        async for message in self._messages():
            if message.WhichOneof("type") == "script_finished" and self._is_last(message):
                break
        for state in states:
            if state.WhichOneof("value") == "trigger_value":
                del self._states[state.id]
        self._require_no_fault()
        return time.monotonic() - began

    @staticmethod
    def _is_last(message: ForwardMsg) -> bool:
        # A script that st.rerun() ends is followed by the next one.
        return message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN

    def _client_state(self, fragment: str) -> ClientState:
        state = ClientState(
            page_name=self.page, fragment_id=fragment, cached_message_hashes=list(self._remembered)
        )
        state.context_info.url = f"{self.address}/{self.page}"
        state.widget_states.widgets.extend(self._states.values())
        return state

    async def _send(self, **message: Any) -> None:
        await self._socket.send(BackMsg(**message).SerializeToString())

    async def _messages(self) -> "Any":
        while True:
            data = await self._socket.recv()
            if isinstance(data, str):
                raise VisitorError("the server sent text")
            self.bytes += len(data)
            message = ForwardMsg.FromString(data)
            if message.WhichOneof("type") == "ref_hash":
                metadata = message.metadata
                message = ForwardMsg.FromString(self._remembered[message.ref_hash])
                message.metadata.delta_path[:] = metadata.delta_path
            elif message.metadata.cacheable:
                self._remembered[message.hash] = data
            self._note(message)
            yield message

    def _note(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind != "delta" or message.delta.WhichOneof("type") != "new_element":
            return
        element = message.delta.new_element
        self._elements[tuple(message.metadata.delta_path)] = (element, message.delta.fragment_id)
        self.places |= set(PLACE.findall(element.progress.text + element.markdown.body))

    def _require_no_fault(self) -> None:
        for element, _ in self._elements.values():
            kind = element.WhichOneof("type")
            if kind == "exception" or (kind == "alert" and element.alert.format == element.alert.ERROR):
                raise VisitorError(element.alert.body or element.exception.type)

    def all_of(self, kind: str) -> "Iterator[Any]":
        """Yield the elements of a kind, named as in ``Element.proto``."""
        for element, _ in self._elements.values():
            if element.WhichOneof("type") == kind:
                yield getattr(element, kind)

    def one_of(self, kind: str, fits: Callable[[Any], bool] = lambda _: True) -> tuple[Any, str]:
        """Return an element with the fragment it belongs to ("" for the whole page)."""
        for element, fragment in self._elements.values():
            if element.WhichOneof("type") == kind and fits(getattr(element, kind)):
                return getattr(element, kind), fragment
        raise VisitorError(f"the page has no such {kind}")

    async def move_threshold(self, threshold: float) -> float:
        """Release the cockpit's handle; return the seconds until the page has answered.

        Raises
        ------
        VisitorError
            If the answer doesn't offer to lock this threshold.
        """
        cockpit, fragment = self.one_of("bidi_component", lambda part: COCKPIT in part.component_name)
        self._asked += 1
        released = {"threshold": threshold, "review": None, "number": self._asked}
        state = WidgetState(id=cockpit.id, json_value=json.dumps({"let_go": released}))
        seconds = await self.rerun(state, fragment=fragment)
        labels = [button.label for button in self.all_of("button")]
        if f"Lock {threshold:.3f}" not in labels:
            raise VisitorError(f"no button locks {threshold:.3f}, only {labels}")
        return seconds

    async def read(self, name: str, data: bytes) -> float:
        """Upload a film in place of the last one; return the seconds until its heatmap is drawn.

        Raises
        ------
        VisitorError
            If the page shows no score or no heatmap of the film.
        """
        for button in list(self.all_of("button")):
            if button.label == "Remove film":
                await self.rerun(WidgetState(id=button.id, trigger_value=True))
        began = time.monotonic()
        uploader, fragment = self.one_of("file_uploader")
        urls = await self._ask_for_urls(name)
        await asyncio.to_thread(self._put, urls.upload_url, name, data)
        state = WidgetState(id=uploader.id)
        state.file_uploader_state_value.uploaded_file_info.append(
            UploadedFileInfo(file_id=urls.file_id, name=name, size=len(data), file_urls=urls)
        )
        await self.rerun(state, fragment=fragment)
        self._require_reading(name)
        return time.monotonic() - began

    def _require_reading(self, name: str) -> None:
        viewer, _ = self.one_of("bidi_component", lambda part: "film_viewer" in part.component_name)
        if '"overlays": []' in viewer.json or name not in viewer.json + viewer.mixed.json:
            raise VisitorError("the film has no heatmap")
        self.one_of("html", lambda part: "xl-decision" in part.body)

    async def _ask_for_urls(self, name: str) -> FileURLs:
        self._asked += 1
        request = BackMsg()
        request.file_urls_request.request_id = str(self._asked)
        request.file_urls_request.file_names.append(name)
        await self._socket.send(request.SerializeToString())
        async for message in self._messages():
            if message.WhichOneof("type") == "file_urls_response":
                return message.file_urls_response.file_urls[0]  # type: ignore[no-any-return]
        raise VisitorError("the server named no address")

    @property
    def _secret(self) -> dict[str, str]:
        return {"Cookie": self._cookie, "X-Xsrftoken": self._token, "Origin": self.address}

    def _put(self, path: str, name: str, data: bytes) -> None:
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + data + f"\r\n--{_BOUNDARY}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"} | self._secret
        self._http("PUT", path, body, headers)
