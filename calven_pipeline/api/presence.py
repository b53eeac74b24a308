"""Posting presence at speed: many calls in flight over few kept connections, each answer judged readable or not.

What may surprise: a body is JSON text that SQL has built and an answer goes back to SQL as text; Python looks only at
the outside of both, once a call. A call is repeated while its answer is missing or unreadable, because "a reply that
cannot be read proves nothing" and "sending an event again is harmless" (published API documentation).
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self
from uuid import uuid4

import httpx

from calven_pipeline.api.answers import (
    CORRELATION_HEADER,
    UNAUTHORIZED,
    Sent,
    clock_skew_s,
    error_for,
    is_success,
    transport_failures,
    unreadable,
)
from calven_pipeline.api.auth import TokenAuth
from calven_pipeline.api.client import (
    CONNECT_TIMEOUT_S,
    KEEPALIVE_S,
    WRITE_TIMEOUT_S,
    CalvenClient,
    stamp_correlation_id_async,
    tls_context,
)
from calven_pipeline.settings import KeyRole

if TYPE_CHECKING:
    from calven_pipeline.api.aiohttp_transport import PresenceTransport

READ_TIMEOUT_S = 30.0  # between two pieces of an answer
CALL_TIMEOUT_S = 60.0  # for one try as a whole, the wait for a token included; aiohttp's transport has no such limit
LARGEST_ANSWER_BYTES = 16 * 1024**2  # 100 results are some 20 kB

TIMEOUT = httpx.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S, write=WRITE_TIMEOUT_S, pool=CALL_TIMEOUT_S)

_SOURCE_ID_FIRST = re.compile(r'\s*\{\s*"sourceId"\s*:\s*(?=")')
_ONE_VALUE = json.JSONDecoder()


@dataclass(frozen=True)
class Answer:
    """A readable 2xx answer to one call: `text` is a JSON object with a list `results` of objects.

    `attempts` counts the tries of this call, `sent_at` and `answered_at` (aware UTC) belong to the last of them.
    """

    status: int
    text: str
    correlation_id: str
    attempts: int
    sent_at: datetime
    answered_at: datetime


@dataclass
class Try:
    """One try of a call: its JSON text, and the headers that went with it."""

    content: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Received:
    """What came back, whole and unpacked; `response` is httpx's object where it is no 2xx."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    response: httpx.Response | None = None


class PresencePoster:
    """Posts presence calls, at most `concurrency` at a time; an async context manager for one event loop.

    A call that waits before its next try keeps its place, so that a Calven in trouble is not asked more and more.
    `calls` counts the tries made so far and `retries` those that were not the first of their call; the repeat after a
    renewed token counts as the same try. `server_clock_skew_s` is Calven's clock minus ours in seconds, from the first
    answer; None before it, or where Calven did not say. `latencies_ms` are the milliseconds from sent to answered, of each try
    that was answered, whatever the answer.
    """

    def __init__(self, client: CalvenClient, *, concurrency: int | None = None) -> None:
        """`concurrency` defaults to the settings'. Raises `MissingKeyError` where no key for events is set."""
        self.calls = 0
        self.retries = 0
        self.server_clock_skew_s: float | None = None
        self.latencies_ms = array("f")
        self._client = client
        self._call = client.call("Posting presence", KeyRole.EVENTS)
        self._auth = client.new_auth(KeyRole.EVENTS)
        self._url = client.url("/v1/presence")
        self._headers = {**client.headers, "Content-Type": "application/json"}
        self._concurrency = concurrency or client.settings.concurrency
        self._places = asyncio.Semaphore(self._concurrency)
        self._skew_known = False
        self._http: httpx.AsyncClient | None = None
        self._transport: PresenceTransport | None = None
        self._escaping: tuple[type[Exception], ...] = ()

    async def __aenter__(self) -> Self:
        from calven_pipeline.api import aiohttp_transport

        self._escaping = aiohttp_transport.ESCAPING_ERRORS
        self._transport = aiohttp_transport.transport(
            connections=self._concurrency,
            keepalive_s=KEEPALIVE_S,
            tls=tls_context(encrypted=self._client.encrypted),
        )
        self._http = httpx.AsyncClient(
            transport=self._transport,
            follow_redirects=False,
            trust_env=False,
            event_hooks={"request": [stamp_correlation_id_async]},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = self._transport = None

    async def post(self, body: bytes | str) -> Answer:
        """Calven's answer to one call whose JSON text is `body`.

        Raises `CalvenUnavailableError` or `UnreadableAnswerError` once the tries are used up, and at once
        `AuthenticationError`, `PermissionDeniedError`, `RefusedCallError` (published: nothing of the call is loaded),
        or `UnreadableAnswerError` for a redirect.
        """
        text = body if isinstance(body, str) else body.decode()
        source_id, content = sent_source_id(text), text.encode()
        async with self._places:
            return await self._client.retries.call_async(
                self._call.doing, self._call.host, lambda attempt: self._post_once(content, source_id, attempt)
            )

    async def _post_once(self, content: bytes, source_id: str | None, attempt: int) -> Answer:
        self.calls += 1
        self.retries += attempt > 1
        this, sent_at, began = Try(content, self._headers), datetime.now(UTC), time.perf_counter()
        with transport_failures(this, *self._escaping):
            async with asyncio.timeout(CALL_TIMEOUT_S):
                received = await self._send(this)
        answered_at = datetime.now(UTC)
        self.latencies_ms.append(1000 * (time.perf_counter() - began))
        self._note_skew(received.headers)
        if received.response is not None:
            raise error_for(received.response, received.body, self._call)
        text = readable(received.body, source_id, this)
        return Answer(received.status, text, this.headers[CORRELATION_HEADER], attempt, sent_at, answered_at)

    async def _send(self, this: Try) -> Received:
        """The answer: straight over the transport while a token is at hand, else by httpx's whole flow.

        The flow (authentication, hooks, cookies, redirects) and httpx's objects cost as much as all the rest of a call.
        """
        if self._http is None or self._transport is None:
            raise RuntimeError("a PresencePoster posts only inside `async with`")
        header = self._auth.ready_header() if isinstance(self._auth, TokenAuth) else None
        if header is not None:
            this.headers = {**self._headers, "Authorization": header, CORRELATION_HEADER: str(uuid4())}
            reply = await self._transport.post(
                self._url, this.headers, this.content, timeout=TIMEOUT, largest=LARGEST_ANSWER_BYTES
            )
            if is_success(reply.status) and not reply.is_packed:
                return Received(reply.status, reply.headers, _not_too_large(reply.body, this))
            if reply.status != UNAUTHORIZED:
                return await _received(reply.response(self._request(this)))
        request = self._request(this)
        this.headers = request.headers
        return await _received(await self._http.send(request, auth=self._auth, stream=True))

    def _request(self, this: Try) -> httpx.Request:
        return httpx.Request(
            "POST",
            self._url,
            headers=this.headers,
            content=this.content,
            extensions={"timeout": TIMEOUT.as_dict()},
        )

    def _note_skew(self, headers: Mapping[str, str]) -> None:
        if not self._skew_known:
            self._skew_known = True
            self.server_clock_skew_s = clock_skew_s(headers, self._client.clock())


def sent_source_id(body: str) -> str | None:
    """The `sourceId` in the JSON text of a call; None where there is none to compare with.

    Only the first value is parsed where `sourceId` comes first, as our SQL writes it: 2 microseconds, not 150.
    """
    first = _SOURCE_ID_FIRST.match(body)
    try:
        if first:
            value = _ONE_VALUE.raw_decode(body, first.end())[0]
        else:
            call = json.loads(body)
            value = call.get("sourceId") if isinstance(call, dict) else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, str) else None


def readable(reply: bytes, source_id: str | None, request: Sent) -> str:
    """The text of a 2xx reply that has the published shape and answers this call.

    Otherwise raises the `PassingError` that becomes an `UnreadableAnswerError`. Reading the results is SQL's work.
    """
    try:
        text = reply.decode("utf-8-sig")
        fields = json.loads(text, parse_constant=_no_constant)
        if "\\u" in text:
            json.dumps(fields, ensure_ascii=False).encode()  # half a surrogate pair is JSON for Python, not for DuckDB
    except (ValueError, RecursionError) as error:
        what = "the answer was empty" if not reply.strip() else "the answer was no JSON"
        raise unreadable(what, request) from error
    if not isinstance(fields, dict):
        raise unreadable("the answer was no JSON object", request)
    results = fields.get("results")
    if not isinstance(results, list) or not set(map(type, results)) <= {dict}:
        raise unreadable("the answer held no list of results", request)
    if text.count('"results"') > 1:  # where a field stands twice, Python takes the last one and DuckDB the first
        raise unreadable("the answer held more than one list of results", request)
    answered_for = fields.get("sourceId")
    if source_id is not None and answered_for is not None and str(answered_for) != source_id:
        raise unreadable("the answer was for another sourceId than the one sent", request)
    return text


async def _received(response: httpx.Response) -> Received:
    """The answer with its whole (decoded) body."""
    pieces, size_bytes = [], 0
    try:
        async for piece in response.aiter_bytes():
            pieces.append(piece)
            size_bytes += len(piece)
            if size_bytes > LARGEST_ANSWER_BYTES:
                break
    finally:
        await response.aclose()
    body = _not_too_large(b"".join(pieces), response.request)
    is_loaded = is_success(response.status_code)
    return Received(response.status_code, response.headers, body, None if is_loaded else response)


def _not_too_large(body: bytes, request: Sent) -> bytes:
    """The body; raises a `PassingError` where it is larger than any answer of Calven's."""
    if len(body) > LARGEST_ANSWER_BYTES:
        raise unreadable(f"the answer was larger than {LARGEST_ANSWER_BYTES} bytes", request)
    return body


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
