"""When a call to Calven is tried again, and how long we wait before that.

One policy serves every call. What may surprise: a POST is repeated too, even when nobody knows whether the first one
arrived. That is safe here alone: event ids are fixed before the first try, and "sending an event again is harmless"
(published API documentation: presence is "seen at least once that day").

All times are seconds. Only a `PassingError` is tried again; it never leaves this room.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from calven_pipeline.errors import CalvenPipelineError, CalvenUnavailableError, TryAgainError, UnreadableAnswerError

ATTEMPTS = 6
TOTAL_S = 180.0  # no try begins later than this, except for one wait that had already begun
WAIT_INITIAL_S = 0.5
WAIT_MAX_S = 20.0
WAIT_JITTER_S = 1.0
RETRY_AFTER_CAP_S = 60.0  # Calven publishes no Retry-After: whoever asks for a day gets a minute, and then our error

_PLAIN_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")

log = logging.getLogger(__name__)

T = TypeVar("T")
E = TypeVar("E", bound=CalvenPipelineError)


def with_facts(error: E, **facts: object) -> E:
    """The same error, carrying what its message says as attributes too (`host`, `status`, `correlation_id` ...)."""
    for name, value in facts.items():
        setattr(error, name, value)
    return error


class PassingError(Exception):
    """One try failed in a way that may pass: `what` happened, and which error it becomes once we give up."""

    def __init__(
        self,
        what: str,
        *,
        becomes: type[TryAgainError] = CalvenUnavailableError,
        retry_after_s: float | None = None,
        correlation_id: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.becomes = becomes
        self.retry_after_s = retry_after_s
        self.correlation_id = correlation_id
        self.status = status

    def final(self, doing: str, host: str, attempts: int) -> TryAgainError:
        """The error that our callers see.

        Its attributes: `doing`, `host`, `attempts`, `last_failure`, `status` and `correlation_id` of the last try.
        """
        tries = "once" if attempts == 1 else f"{attempts} times"
        if self.becomes is UnreadableAnswerError:
            advice = "The answer proves nothing; check that CALVEN_API_URL is Calven's own address, then try again."
        else:
            advice = "Try again later; if it lasts, check CALVEN_API_URL and the network."
        trace = f" (correlationId {self.correlation_id})" if self.correlation_id else ""
        return with_facts(
            self.becomes(f"{doing} failed: tried {host} {tries}, and at last {self.what}{trace}. {advice}"),
            doing=doing,
            host=host,
            attempts=attempts,
            last_failure=self.what,
            status=self.status,
            correlation_id=self.correlation_id,
        )


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long one call is tried; waits grow exponentially, with jitter."""

    attempts: int = ATTEMPTS
    total_s: float = TOTAL_S
    wait_initial_s: float = WAIT_INITIAL_S
    wait_max_s: float = WAIT_MAX_S
    wait_jitter_s: float = WAIT_JITTER_S

    def call(self, doing: str, host: str, once: Callable[[int], T]) -> T:
        """What `once(number of this try, from 1)` returns; raises our error when the last try failed too."""
        tries = 0
        try:
            for attempt in self._context():
                with attempt:
                    tries = attempt.num
                    return once(tries)
        except PassingError as failure:
            raise failure.final(doing, host, tries) from failure
        raise AssertionError("a retry loop ends with an answer or an error")

    async def call_async(self, doing: str, host: str, once: Callable[[int], Awaitable[T]]) -> T:
        """The same as `call`, awaited; each of our errors then says in `attempts` how many tries there were.

        The first try is made outside stamina's loop, which then begins with its failure: setting up the loop takes
        40 microseconds, a tenth of a call, and hardly any call needs a second try.
        """
        tries, began = 1, time.monotonic()
        try:
            try:
                return await once(tries)
            except PassingError as failure:
                first = failure
            async for attempt in self._context(began):
                with attempt:
                    tries = attempt.num
                    if tries == 1:
                        raise first
                    return await once(tries)
        except PassingError as failure:
            raise failure.final(doing, host, tries) from failure
        except CalvenPipelineError as error:
            with_facts(error, attempts=tries)
            raise
        raise AssertionError("a retry loop ends with an answer or an error")

    def _context(self, began: float | None = None) -> stamina._core._RetryContextIterator:
        """The loop over the tries, the first of which began then, by the monotonic clock."""
        gone_s = 0.0 if began is None else time.monotonic() - began
        return stamina.retry_context(
            on=lambda error: wait_before_next(error, jitter_s=self.wait_jitter_s),
            attempts=self.attempts,
            timeout=max(self.total_s - gone_s, 1e-9),  # stamina warns of 0
            wait_initial=self.wait_initial_s,
            wait_max=self.wait_max_s,
            wait_jitter=self.wait_jitter_s,
        )


DEFAULT_RETRIES = RetryPolicy()


def _log_retry(details: RetryDetails) -> None:
    log.warning("Trying again in %.1f s: try %d failed, %s", details.wait_for, details.retry_num, details.caused_by)


# Without this, stamina would write to stdout wherever structlog is installed, between the results of a command.
set_on_retry_hooks([_log_retry])


def wait_before_next(error: Exception, *, jitter_s: float) -> bool | float:
    """Whether to try again: no, yes after the usual wait, or yes after as many seconds as the server asked for.

    Jitter is added to the server's wish, so that eight calls which were told "in 5 seconds" do not return together.
    """
    if not isinstance(error, PassingError):
        return False
    if error.retry_after_s is None:
        return True
    return error.retry_after_s + random.uniform(0, jitter_s)  # noqa: S311 - spreads calls, protects nothing


def retry_after_s(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait, from a Retry-After header: a number of seconds or an HTTP date, at most `RETRY_AFTER_CAP_S`.

    `now` is aware: the answer's own Date where it has one, so that our clock's error does not count. None for what is
    missing, negative, past or not understood: then the usual wait holds (RFC 9110, 10.2.3; Calven publishes nothing).
    """
    text = (value or "").strip()
    if _PLAIN_SECONDS.fullmatch(text):
        return min(float(text), RETRY_AFTER_CAP_S)
    moment = http_date(text)
    if moment is None or moment <= now:
        return None
    return min((moment - now).total_seconds(), RETRY_AFTER_CAP_S)


def http_date(value: str | None) -> datetime | None:
    """An HTTP date as an aware UTC datetime; None where it cannot be read."""
    try:
        moment = parsedate_to_datetime(value or "")
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
