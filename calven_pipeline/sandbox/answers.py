"""What the sandbox sends back: JSON, refusals in one shape, and answers that break off on purpose.

Every error, of whatever status, is `{"error": {"code": "...", "message": "..."}}`. Calven publishes no error bodies, so
a client must not rely on this shape; it is here for the people who read logs.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

JSON_TYPE = "application/json"
_ONLY_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing sends a reset and throws away what was not sent
_DEFAULT_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    415: "unsupported_media_type",
    429: "too_many_requests",
    500: "internal_error",
    501: "not_implemented",
    503: "unavailable",
}


class Refusal(Exception):  # noqa: N818 - an answer on its way out, not a failure of the sandbox
    """The call is refused with `status`; becomes the JSON error answer. Never leaves this package."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


def json_answer(content: object, status: int = 200) -> Response:
    """The content as a compact JSON answer."""
    return json_bytes_answer(json.dumps(content, separators=(",", ":")).encode(), status)


def json_bytes_answer(content: bytes, status: int = 200) -> Response:
    """JSON that was serialised before, as an answer."""
    return Response(content, status, media_type=JSON_TYPE)


def error_answer(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The one JSON shape of every error."""
    answer = json_answer(
        {"error": {"code": _DEFAULT_CODES.get(status, f"status_{status}"), "message": message}}, status
    )
    answer.headers.update(headers or {})
    return answer


class Dropped(Response):
    """No answer at all: the connection is reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reset the connection without a byte."""
        await _reset(scope, receive)


class CutShort(Response):
    """An answer whose connection is reset after half of its body; it starts as `whole` would."""

    def __init__(self, whole: Response) -> None:
        super().__init__(whole.body, whole.status_code)
        self.raw_headers = whole.raw_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and half of the body, then reset the connection."""
        await _send_head(self, send)
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await asyncio.sleep(0.01)  # the event loop writes when it is idle; a reset at once would take the half with it
        await _reset(scope, receive)


class Dripping(Response):
    """An answer that arrives whole, but in `pieces` with a pause before each."""

    pieces = 20

    def __init__(self, whole: Response, pause_s: float) -> None:
        super().__init__(whole.body, whole.status_code)
        self.raw_headers = whole.raw_headers
        self._pause_s = pause_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, then piece after piece."""
        await _send_head(self, send)
        body = bytes(self.body)
        step = max(1, -(-len(body) // self.pieces))
        for start in range(0, len(body), step):
            await asyncio.sleep(self._pause_s)
            await send({"type": "http.response.body", "body": body[start : start + step], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_head(answer: Response, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})


async def _reset(scope: Scope, receive: Receive) -> None:
    """Break the TCP connection and wait until the server has noticed. The transport is put there by `server.py`."""
    transport: asyncio.Transport = scope["state"]["transport"]
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ONLY_RESET)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
