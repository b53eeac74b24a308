"""Answers of Calven's warehouse endpoints, streamed to a file: 200,000 users are never in memory at once.

What may surprise: the file appears under its name only when the answer was whole, one JSON array from its first bracket
to its last; until then it is `<name>.part`. Whether every byte between is good JSON is DuckDB's to say.

Published: `GET /v1/analytics/users`, `/locations`, `/desks`, bare JSON arrays, no pagination, no parameters; and
`/presence` (Presence Details) with `startDate` and `endDate`, at most 30 days, whose fields are not published.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO, Literal, get_args

import httpx

from calven_pipeline.api.answers import (
    CORRELATION_HEADER,
    WORDS_READ_BYTES,
    Call,
    error_for,
    is_success,
    transport_failures,
    unreadable,
)
from calven_pipeline.api.client import CalvenClient
from calven_pipeline.api.retries import PassingError, with_facts
from calven_pipeline.errors import UnreadableAnswerError
from calven_pipeline.settings import KeyRole

Resource = Literal["users", "locations", "desks"]

CHUNK_BYTES = 65_536
LARGEST_ANSWER_BYTES = 4 * 1024**3  # after decoding; the largest array measured was 67 MB for 200,000 users
LONGEST_ANSWER_S = 1_800.0  # a server that drips a byte a minute would otherwise hold a run for ever

MOST_DAYS = 30  # of Presence Details in one call (published); both ends count

JSON_SPACE = b" \t\r\n"


@dataclass(frozen=True)
class Limits:
    """How large (decoded bytes) and how long (seconds) one answer may be."""

    largest_bytes: int = LARGEST_ANSWER_BYTES
    longest_s: float = LONGEST_ANSWER_S


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, kw_only=True)
class AnswerFile:
    """One whole answer on disk; `sha256` is of the decoded bytes in hex, `pulled_at` is aware UTC."""

    path: Path
    size_bytes: int
    sha256: str
    pulled_at: datetime
    correlation_id: str
    attempts: int = 1


@dataclass(frozen=True, kw_only=True)
class PulledFile(AnswerFile):
    """The answer for one resource."""

    resource: Resource


@dataclass(frozen=True)
class _Question:
    """What is asked: how an error names it, the last part of the path, and the parameters."""

    doing: str
    endpoint: str
    parameters: dict[str, str] = field(default_factory=dict)


def fetch_to_file(
    client: CalvenClient, resource: Resource, path: Path, *, limits: Limits = DEFAULT_LIMITS
) -> PulledFile:
    """Write Calven's answer for a resource to `path`, replacing what was there only when the answer is whole.

    An answer that breaks off is asked for again from its start. Raises `MissingKeyError`, `AuthenticationError`,
    `PermissionDeniedError`, `RefusedCallError`, `CalvenUnavailableError`, `UnreadableAnswerError`, and `OSError` where
    the disk refuses.
    """
    if resource not in get_args(Resource):
        raise ValueError(f"{resource!r} is none of {', '.join(get_args(Resource))}")
    answer = _fetch(client, _Question(f"Reading {resource}", resource), path, limits)
    return PulledFile(resource=resource, **vars(answer))


def fetch_presence_to_file(
    client: CalvenClient, first_day: date, last_day: date, path: Path, *, limits: Limits = DEFAULT_LIMITS
) -> AnswerFile:
    """Write Calven's Presence Details of these days, both included, to `path`; an empty array is an answer.

    Whole or not at all, and with the same errors as `fetch_to_file`.
    """
    if not 0 <= (last_day - first_day).days < MOST_DAYS:
        raise ValueError(f"{first_day} to {last_day} is not 1 to {MOST_DAYS} days")
    days = {"startDate": first_day.isoformat(), "endDate": last_day.isoformat()}
    return _fetch(client, _Question(f"Reading presence of {first_day} to {last_day}", "presence", days), path, limits)


def _fetch(client: CalvenClient, question: _Question, path: Path, limits: Limits) -> AnswerFile:
    """The answer under its name, once it is whole."""
    call = client.call(question.doing, KeyRole.WAREHOUSE)
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        answer = client.retries.call(
            call.doing,
            call.host,
            lambda attempt: replace(_fetch_once(client, call, question, part, limits), attempts=attempt),
        )
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return replace(answer, path=path)


def check_whole_array(path: Path) -> None:
    """Raise `UnreadableAnswerError` unless the file reads like one JSON array: first byte `[`, last byte `]`.

    Cheap for any size; the message says what came instead, without quoting it.
    """
    what = _what_came(path)
    if what:
        raise UnreadableAnswerError(
            f"Calven's answer in {path.name} is no JSON array: {what}. Check that CALVEN_API_URL and "
            "CALVEN_WAREHOUSE_PATH lead to Calven itself, then try again."
        )


def _fetch_once(client: CalvenClient, call: Call, question: _Question, path: Path, limits: Limits) -> AnswerFile:
    """One try: the answer in the file, checked."""
    url = client.url(f"{client.settings.warehouse_path.rstrip('/')}/{question.endpoint}")
    request = client.http.build_request("GET", url, params=question.parameters or None)
    with transport_failures(request):
        response = client.http.send(request, auth=client.auth(KeyRole.WAREHOUSE), stream=True)
        try:
            if not is_success(response.status_code):
                raise error_for(response, _beginning(response), call)
            with path.open("wb") as file:
                size_bytes, sha256 = _copy(response, file, call, limits)
        finally:
            response.close()
    what = _what_came(path)
    if what:
        raise unreadable(f"the answer was no JSON array: {what}", request)
    return AnswerFile(
        path=path,
        size_bytes=size_bytes,
        sha256=sha256,
        pulled_at=datetime.now(UTC),
        correlation_id=request.headers[CORRELATION_HEADER],
    )


def _copy(response: httpx.Response, file: BinaryIO, call: Call, limits: Limits) -> tuple[int, str]:
    """Copy the decoded body; its size in bytes and its SHA-256 in hex. Too large is final, too slow or short is not."""
    size_bytes, digest, stop_at = 0, hashlib.sha256(), time.monotonic() + limits.longest_s
    for chunk in response.iter_bytes(CHUNK_BYTES):
        size_bytes += len(chunk)
        if size_bytes > limits.largest_bytes:
            raise with_facts(
                UnreadableAnswerError(
                    f"{call.doing} was given up: the answer of {call.host} is larger than {limits.largest_bytes} bytes."
                ),
                host=call.host,
                correlation_id=response.request.headers.get(CORRELATION_HEADER),
            )
        if time.monotonic() > stop_at:
            raise PassingError(f"the answer took longer than {limits.longest_s:.0f} s")
        digest.update(chunk)
        file.write(chunk)
    _check_length(response)
    return size_bytes, digest.hexdigest()


def _check_length(response: httpx.Response) -> None:
    """Raise a `PassingError` where fewer or more bytes came over the wire than Content-Length announced."""
    announced = response.headers.get("content-length", "")
    came = response.num_bytes_downloaded
    if announced.isdecimal() and "transfer-encoding" not in response.headers and int(announced) != came:
        raise unreadable(f"the answer was cut off: {came} bytes of {announced} came", response.request)


def _beginning(response: httpx.Response) -> bytes:
    """The first bytes of an error's body: enough for its words."""
    body = b""
    for chunk in response.iter_bytes(CHUNK_BYTES):
        body += chunk
        if len(body) >= WORDS_READ_BYTES:
            break
    return body


def _what_came(path: Path) -> str | None:
    """None for what reads like a JSON array; else a few words for what it is, without its content."""
    with path.open("rb") as file:
        first = next(_solid_bytes(_blocks(file)), b"")
        last = next(_solid_bytes(_blocks_from_end(file)), b"")
    if first == b"[":
        return None if last == b"]" else "an array that is cut off"
    if not first:
        return "nothing"
    if first == b"<":
        return "an HTML page"
    if first == b"{":
        return "an object"
    return "a single value" if first in b'"-0123456789tfn' else "something that is no JSON"


def _solid_bytes(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The outermost byte of each block that has any but JSON's spaces; blocks from the end come reversed."""
    return (solid[:1] for block in blocks if (solid := block.lstrip(JSON_SPACE)))


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while block := file.read(CHUNK_BYTES):
        yield block


def _blocks_from_end(file: BinaryIO) -> Iterator[bytes]:
    """Blocks from the end of the file to its start, each reversed."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - CHUNK_BYTES)
        file.seek(start)
        yield file.read(end - start)[::-1]
        end = start
