"""A small webhook on loopback, and what it was told."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Receiver:
    """Answers every call with `status`; one that is not 2xx took nothing."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    calls: list[tuple[str, dict]] = field(default_factory=list)

    def news(self) -> list[str]:
        """The messages since somebody last asked, without the last line, where to look."""
        texts = [body["text"].rpartition("\n")[0] for _, body in self.calls]
        self.calls.clear()
        return texts


@contextmanager
def receiving(status: int = 200, **headers: str) -> Iterator[Receiver]:
    """A running receiver; its address ends in a secret."""
    receiver = Receiver(status, headers)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.calls.append((self.headers["Content-Type"], json.loads(body)))
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_):
            """Nothing on the terminal."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            receiver.url = f"http://127.0.0.1:{server.server_port}/hooks/very-secret"
            yield receiver
        finally:
            server.shutdown()
            thread.join()
