"""When a call is tried again, and how long we wait: pure functions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import stamina

from calven_pipeline.api.retries import (
    RETRY_AFTER_CAP_S,
    PassingError,
    RetryPolicy,
    http_date,
    retry_after_s,
    wait_before_next,
)
from calven_pipeline.errors import CalvenUnavailableError, UnreadableAnswerError

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def date_in(seconds: float) -> str:
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("1.5", 1.5),
        (str(RETRY_AFTER_CAP_S + 1), RETRY_AFTER_CAP_S),
        ("9" * 400, RETRY_AFTER_CAP_S),
        (date_in(20), 20),
        (date_in(86_400), RETRY_AFTER_CAP_S),
        ("Wed, 04 Mar 2026 14:00:05 +0200", 5),
        ("Wed, 04 Mar 2026 12:00:05 -0000", 5),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_and_capped(value: str, seconds: float) -> None:
    """Both forms of RFC 9110, 10.2.3; whoever asks for a day gets a minute."""
    assert retry_after_s(value, now=NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [None, "", "-5", "soon", "nan", "inf", "1e3", "\u00b2", date_in(-1), date_in(0), "Wed, 99 Foo 2026", "1 2"],
)
def test_senseless_retry_after_is_ignored(value: str | None) -> None:
    """Missing, negative, past or not understood: the usual wait holds."""
    assert retry_after_s(value, now=NOW) is None


def test_http_date_without_a_zone_is_utc() -> None:
    """HTTP dates are in GMT; the result is aware."""
    assert http_date("Wed, 04 Mar 2026 12:00:00") == NOW
    assert http_date("Wed, 04 Mar 2026 12:00:00 GMT") == NOW
    assert http_date(None) is None


def test_wait_follows_the_server_plus_jitter_and_other_errors_are_final() -> None:
    """Eight calls that were told "in 5 seconds" do not return together."""
    waits = {wait_before_next(PassingError("x", retry_after_s=5), jitter_s=1) for _ in range(20)}
    assert len(waits) > 1
    assert all(5 <= wait <= 6 for wait in waits)
    assert wait_before_next(PassingError("x"), jitter_s=1) is True
    assert wait_before_next(ValueError("x"), jitter_s=1) is False
    assert wait_before_next(UnreadableAnswerError("x"), jitter_s=1) is False


def test_waits_grow_with_jitter_up_to_a_limit() -> None:
    """0.5 s, 1 s, 2 s and so on before jitter, never more than the limit."""
    policy = RetryPolicy(attempts=9, wait_initial_s=0.5, wait_max_s=4, wait_jitter_s=0)
    context = policy._context()
    assert [context._backoff_for_attempt_number(number) for number in range(1, 7)] == [0.5, 1, 2, 4, 4, 4]


def test_error_at_the_end_tells_the_whole_story() -> None:
    """What we were doing, where, how often, what went wrong last; as message and as attributes."""

    def once(attempt: int) -> None:
        raise PassingError(f"failure {attempt}", status=503, correlation_id="c-1")

    with stamina.set_testing(True, attempts=4), pytest.raises(CalvenUnavailableError) as caught:
        RetryPolicy().call("Posting presence", "api.calven.com", once)
    error = caught.value
    facts = {
        "doing": "Posting presence",
        "host": "api.calven.com",
        "attempts": 4,
        "last_failure": "failure 4",
        "status": 503,
        "correlation_id": "c-1",
    }
    assert vars(error) == facts
    for words in ("Posting presence", "api.calven.com", "4 times", "failure 4", "c-1"):
        assert words in str(error)


def test_total_time_is_limited() -> None:
    """However many tries are left, none begins after the total time; here that is at once."""
    tries = []

    def once(attempt: int) -> None:
        tries.append(attempt)
        raise PassingError("x", retry_after_s=0)

    with pytest.raises(CalvenUnavailableError, match="once"):
        RetryPolicy(attempts=50, total_s=1e-9, wait_jitter_s=0).call("Reading users", "h", once)
    assert tries == [1]


def test_total_time_is_limited_for_awaited_calls() -> None:
    """The first try counts: one that took longer than the total time is the only one."""
    tries = []

    async def once(attempt: int) -> None:
        tries.append(attempt)
        await asyncio.sleep(0.02)
        raise PassingError("x", retry_after_s=0)

    policy = RetryPolicy(attempts=50, total_s=0.01, wait_jitter_s=0)
    with pytest.raises(CalvenUnavailableError, match="once"):
        asyncio.run(policy.call_async("Posting presence", "h", once))
    assert tries == [1]


def test_awaited_calls_are_tried_as_often_as_others() -> None:
    """The tries are numbered from 1, and the one that succeeds ends them."""
    tries = []

    async def once(attempt: int) -> str:
        tries.append(attempt)
        if attempt < 3:
            raise PassingError("x", retry_after_s=0)
        return "done"

    policy = RetryPolicy(attempts=3, wait_jitter_s=0)
    assert asyncio.run(policy.call_async("Posting presence", "h", once)) == "done"
    assert tries == [1, 2, 3]
    with pytest.raises(CalvenUnavailableError, match="2 times"):
        asyncio.run(replace(policy, attempts=2).call_async("Posting presence", "h", once))


def test_unreadable_answers_end_as_unreadable() -> None:
    """Unavailable and unreadable are different answers."""

    def once(_: int) -> None:
        raise PassingError("the answer was no JSON", becomes=UnreadableAnswerError)

    with stamina.set_testing(True, attempts=2), pytest.raises(UnreadableAnswerError, match="proves nothing"):
        RetryPolicy().call("Posting presence", "h", once)
