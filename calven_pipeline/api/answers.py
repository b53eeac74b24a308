"""Calven's answers and the transport's failures, turned into our errors.

Calven publishes neither error bodies nor the statuses 403 and 429, so nothing here relies on the shape of an error: its
words are kept, cut short, and blotted where they would show a secret or somebody's address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import httpx

from calven_pipeline.api.credentials import Credentials
from calven_pipeline.api.retries import PassingError, http_date, retry_after_s, with_facts
from calven_pipeline.errors import RefusedCallError, UnreadableAnswerError

CORRELATION_HEADER = "correlationId"  # published: an optional request header by which support can trace a call
WORDS_LIMIT = 500  # characters of Calven's own words that we keep
WORDS_READ_BYTES = 65_536  # of an error's body; more is nobody's explanation

OK, AFTER_OK = 200, 300
UNAUTHORIZED, FORBIDDEN = 401, 403
FIRST_REFUSAL, FIRST_SERVER_ERROR, AFTER_LAST = 400, 500, 600
PASSING_REFUSALS = frozenset({408, 429})

_ADDRESS = re.compile(r"[^\s@\"'<>]+@[^\s@\"'<>]+")


class Sent(Protocol):
    """What a failure tells of the request: an `httpx.Request`, or anything else with its headers."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that went with it."""
        ...


@dataclass(frozen=True)
class Call:
    """What a call is for, so that an error can name it: "reading users", the host, and the key in use."""

    doing: str
    host: str
    credentials: Credentials
    clock: Callable[[], float]


def is_success(status: int) -> bool:
    """Whether the status is a 2xx."""
    return OK <= status < AFTER_OK


def clock_skew_s(headers: Mapping[str, str], now: float) -> float | None:
    """Calven's clock minus ours in seconds (to about one second), from the Date header; None without one.

    `now` is our clock in Unix seconds.
    """
    date = http_date(headers.get("date"))
    return None if date is None else date.timestamp() - now


def words_of(body: bytes, request: httpx.Request, credentials: Credentials) -> str:
    """Calven's own words as one printable line without secrets, at most `WORDS_LIMIT` characters."""
    token = request.headers.get("authorization", "").partition(" ")[2]
    text = credentials.without_secrets(body[:WORDS_READ_BYTES].decode("utf-8", "replace"), token)
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:WORDS_LIMIT]


def without_addresses(text: str) -> str:
    """The text with every e-mail address blotted out, fit for a log."""
    return _ADDRESS.sub("<address>", text)


def error_for(response: httpx.Response, body: bytes, call: Call) -> Exception:
    """Our error for an answer that is no 2xx; a `PassingError` where trying again may help.

    A redirect is never followed: it would carry our credentials to wherever the answer says.
    """
    status = response.status_code
    words = words_of(body, response.request, call.credentials)
    correlation_id = response.request.headers.get(CORRELATION_HEADER)
    facts = {"host": call.host, "doing": call.doing, "status": status, "correlation_id": correlation_id}
    answered = f"Calven answered {status}{_quoted(words)}"
    if status in PASSING_REFUSALS or FIRST_SERVER_ERROR <= status < AFTER_LAST:
        wait = retry_after_s(response.headers.get("retry-after"), now=_server_now(response, call))
        return PassingError(answered, retry_after_s=wait, correlation_id=correlation_id, status=status)
    if status == UNAUTHORIZED:
        skew = clock_skew_s(response.headers, call.clock())
        refused = call.credentials.refused(f"{call.doing} was answered 401{_quoted(words)}", skew_s=skew)
        return with_facts(refused, **facts)
    if status == FORBIDDEN:
        return with_facts(call.credentials.not_permitted(call.doing), **facts)
    if FIRST_REFUSAL <= status < FIRST_SERVER_ERROR:
        message = f"{call.doing} was refused: {answered} (correlationId {correlation_id}). Host: {call.host}."
        return with_facts(RefusedCallError(message, status=status, detail=words), **facts)
    return with_facts(
        UnreadableAnswerError(
            f"{call.doing} got {status} from {call.host}, no answer of Calven's; a redirect is never followed. "
            "Check that CALVEN_API_URL is Calven's own address."
        ),
        **facts,
    )


@contextmanager
def transport_failures(request: Sent, *others: type[Exception]) -> Iterator[None]:
    """Turn a timeout, a broken connection or an undecodable body into a `PassingError`.

    `others` are exception types that the transport in use lets through unmapped.
    """
    connection_errors: tuple[type[Exception], ...] = (httpx.RequestError, *others)
    try:
        yield
    except httpx.DecodingError as error:
        raise unreadable(f"the body could not be decoded ({_said(error)})", request) from error
    except connection_errors as error:
        correlation_id = request.headers.get(CORRELATION_HEADER)
        raise PassingError(f"the connection failed ({_said(error)})", correlation_id=correlation_id) from error


def unreadable(what: str, request: Sent) -> PassingError:
    """The failure for a 2xx whose body is not what is published; `what` quotes nobody's data."""
    correlation_id = request.headers.get(CORRELATION_HEADER)
    return PassingError(what, becomes=UnreadableAnswerError, correlation_id=correlation_id)


def _said(error: Exception) -> str:
    """The error's text; not its type, which misleads: over aiohttp, a refused connection is a `ConnectTimeout`."""
    return str(error) or type(error).__name__


def _server_now(response: httpx.Response, call: Call) -> datetime:
    return http_date(response.headers.get("date")) or datetime.fromtimestamp(call.clock(), UTC)


def _quoted(words: str) -> str:
    return f' "{without_addresses(words)}"' if words else ""
