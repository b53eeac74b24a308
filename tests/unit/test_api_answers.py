"""Which error an answer becomes, and the wait that it asks for."""

from __future__ import annotations

import httpx
import pytest
from pydantic import SecretStr

from calven_pipeline.api.answers import Call, error_for
from calven_pipeline.api.credentials import Credentials
from calven_pipeline.api.retries import PassingError
from calven_pipeline.errors import AuthenticationError, PermissionDeniedError, RefusedCallError, UnreadableAnswerError
from calven_pipeline.settings import AuthMethod, Key, KeyRole

CREDENTIALS = Credentials(
    KeyRole.EVENTS, "CALVEN_API_KEY", AuthMethod.HMAC, Key(id="key-id", secret=SecretStr("of-the-key"))
)
CALL = Call("Posting presence", "api.calven.com", CREDENTIALS, clock=lambda: 1_000.0)


def error_of(status: int, **headers: str) -> Exception:
    request = httpx.Request("POST", "https://api.calven.com/v1/presence")
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return error_for(httpx.Response(status, headers=names, request=request), b"", CALL)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, UnreadableAnswerError),
        (400, RefusedCallError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, RefusedCallError),
        (408, PassingError),
        (422, RefusedCallError),
        (429, PassingError),
        (500, PassingError),
        (599, PassingError),
        (999, UnreadableAnswerError),
    ],
)
def test_each_status_becomes_one_error(status: int, kind: type[Exception]) -> None:
    """Only 408, 429 and 5xx may pass by themselves."""
    assert type(error_of(status)) is kind


def test_retry_after_of_an_answer_reaches_the_wait() -> None:
    """As seconds; as a date measured from the answer's own Date; as a date measured from our clock without one."""
    later = "Thu, 01 Jan 1970 00:16:50 GMT"  # Unix second 1010
    waits = [
        error_of(429, retry_after="7"),
        error_of(503, retry_after=later, date="Thu, 01 Jan 1970 00:16:45 GMT"),
        error_of(503, retry_after=later),
        error_of(503, retry_after="-3"),
    ]
    assert [error.retry_after_s for error in waits if isinstance(error, PassingError)] == [7, 5, 10, None]
