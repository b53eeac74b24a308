"""A small loopback server for the tests of `calven_pipeline.api`, where Calven's answer must be unusual; and its test.

Answers are queued for a path and given in order; the last one is given for ever. Every request is remembered.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any, Self

import httpx
import pytest

from calven_pipeline.settings import Settings

SECRET = "s3cret-of-the-key"
TOKEN_PATH = "/v1/auth"


@dataclass(frozen=True)
class Reply:
    """One answer; `body_sent` cuts the body after so many bytes, `hang_up` answers nothing, `raw` is sent as it is.

    All three end the connection. A header that is None is left out.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str | None] = field(default_factory=dict)
    body_sent: int | None = None
    hang_up: bool = False
    raw: bytes | None = None
    chunked: bool = False


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class _Server(ThreadingTCPServer):
    """Not http.server's own, which asks the network for the name of 127.0.0.1 before it starts."""

    daemon_threads = True
    request_queue_size = 64


class StandIn:
    """A server on port 0 in threads of its own."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.gate: threading.Barrier | None = None  # presence calls wait here for one another
        self._answers: dict[str, list[Reply]] = defaultdict(list)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The address for CALVEN_API_URL."""
        return f"http://{self.host}"

    def answer(self, path: str, *replies: Reply) -> None:
        """Give these answers, in order, to requests for the path."""
        self._answers[path] = list(replies)

    def of(self, path: str) -> list[Received]:
        """The requests that came for a path."""
        return [received for received in self.received if received.path == path]

    def settings(self, **changes: Any) -> Settings:
        """Settings that lead here, with one key for everything."""
        return Settings(**{"api_url": self.url, "api_key": "key-id", "api_secret": SECRET} | changes, _env_file=None)

    def take(self, received: Received) -> Reply:
        """Remember a request and choose its answer."""
        with self._lock:
            self.received.append(received)
            queue = self._answers[received.path]
            if not queue:
                return Reply(404, b'{"message": "the stand-in has no answer for this path"}')
            return queue.pop(0) if len(queue) > 1 else queue[0]


def token_reply(text: str = "token-1", *, life_s: float = 409.0, **changes: Any) -> Reply:
    """The published answer to `POST /v1/auth`; `expiration` is in Unix seconds."""
    fields = {"authenticated": True, "message": "ok", "token": text, "expiration": time.time() + life_s} | changes
    return Reply(body=json.dumps(fields).encode())


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536  # head and body in one piece: two pieces cost 40 ms each time (delayed acknowledgement)

        def setup(self) -> None:
            super().setup()
            stand_in.connections += 1

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._give(stand_in.take(Received(self.command, self.path, headers, body)))

        do_POST = do_GET  # noqa: N815

        def _give(self, reply: Reply) -> None:
            if reply.raw is not None:
                self.wfile.write(reply.raw)
            self.close_connection = reply.hang_up or reply.body_sent is not None or reply.raw is not None
            if reply.hang_up or reply.raw is not None:
                return
            if stand_in.gate and self.path.startswith("/v1/presence"):
                stand_in.gate.wait(5)
            self.send_response_only(reply.status)
            length = {"Transfer-Encoding": "chunked"} if reply.chunked else {"Content-Length": str(len(reply.body))}
            for name, value in ({"Date": self.date_time_string()} | length | reply.headers).items():
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()
            body = reply.body[: reply.body_sent]
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if reply.chunked else body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def calven() -> Iterator[StandIn]:
    """A stand-in for Calven."""
    with StandIn() as stand_in:
        yield stand_in


def test_stand_in_gives_its_answers_in_order_and_remembers_requests(calven: StandIn) -> None:
    """The last answer stays; what nobody queued is a 404."""
    calven.answer("/a", Reply(503), Reply(200, b"x"))
    with httpx.Client(base_url=calven.url, trust_env=False) as http:
        assert [http.get(path).status_code for path in ("/a", "/a", "/a", "/b")] == [503, 200, 200, 404]
    assert [received.path for received in calven.received] == ["/a", "/a", "/a", "/b"]
