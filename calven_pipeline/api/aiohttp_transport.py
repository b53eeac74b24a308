"""The transport under the presence calls: httpx over aiohttp, a third of the processor time of httpx's own.

A file of its own because importing aiohttp takes most of a second, which only a run that posts should pay.

What may surprise (httpx-aiohttp 0.2.0, read and tried): a refused connection arrives as `httpx.ConnectTimeout`,
aiohttp's `ClientResponseError` (an answer that is no HTTP) and bare `OSError`s arrive unmapped, there is no limit on a
call as a whole, and the time spent waiting for a free connection counts into `pool`.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import map_aiohttp_exceptions

# TimeoutError and ssl.SSLError are OSErrors.
ESCAPING_ERRORS: tuple[type[Exception], ...] = (aiohttp.ClientError, OSError)
PIECE_BYTES = 16_384  # of a packed answer at a time, so that a small one cannot fill the memory with what it unpacks to


@dataclass(frozen=True)
class Reply:
    """An answer as it came over the line: `body` may be packed, and is cut off behind `largest` bytes."""

    status: int
    headers: Mapping[str, str]
    raw_headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def is_packed(self) -> bool:
        """Whether the body has to be decoded."""
        return "Content-Encoding" in self.headers

    def response(self, request: httpx.Request) -> httpx.Response:
        """The same as httpx's object, with a body that is still to be read (and unpacked)."""
        return httpx.Response(self.status, headers=list(self.raw_headers), stream=_Pieces(self.body), request=request)


class PresenceTransport(AiohttpTransport):
    """httpx's transport, and beside it `post`: the same connections and errors without httpx's objects around a call.

    Those objects (request, headers, response, streams) cost a third of a call. No cookie is kept.
    """

    async def post(
        self, url: str, headers: Mapping[str, str], content: bytes, *, timeout: httpx.Timeout, largest: int
    ) -> Reply:
        """The whole answer, or its first bytes where it is larger than `largest`; raises what httpx's transport does."""
        if not isinstance(self.client, aiohttp.ClientSession):
            self.client = self.get_client()
        with map_aiohttp_exceptions():
            async with self.client.post(
                url,
                headers=headers,
                data=content,
                allow_redirects=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(
                    sock_connect=timeout.connect, sock_read=timeout.read, connect=timeout.pool
                ),
            ) as response:
                body = await _read(response.content, largest)
                return Reply(response.status, response.headers, response.raw_headers, body)


def transport(*, connections: int, keepalive_s: float, tls: ssl.SSLContext) -> PresenceTransport:
    """A transport with at most so many connections, each kept so many seconds for the next call."""

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=connections, keepalive_timeout=keepalive_s, ssl=tls)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return PresenceTransport(client=session, verify=tls, trust_env=False)


async def _read(stream: aiohttp.StreamReader, largest: int) -> bytes:
    pieces, size_bytes = [], 0
    while size_bytes <= largest and (piece := await stream.readany()):
        pieces.append(piece)
        size_bytes += len(piece)
    return b"".join(pieces)


class _Pieces(httpx.AsyncByteStream):
    """A body in pieces."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), PIECE_BYTES):
            yield self._body[start : start + PIECE_BYTES]
