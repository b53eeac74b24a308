"""How keys prove themselves to Calven: tokens asked for once, reused, renewed; refusals said plainly."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import httpx
import pytest
import stamina

from calven_pipeline.api import CalvenClient, PresencePoster, fetch_to_file
from calven_pipeline.api.auth import ASSUMED_LIFE_S, RENEW_EARLY_S, TOKEN_TIMEOUT_S, TokenAuth
from calven_pipeline.errors import (
    AuthenticationError,
    CalvenUnavailableError,
    MissingKeyError,
    PermissionDeniedError,
    UnreadableAnswerError,
)
from calven_pipeline.settings import KeyRole
from tests.http.test_api_stand_in import SECRET, TOKEN_PATH, Reply, StandIn, token_reply

USERS = "/v1/analytics/users"
PRESENCE = "/v1/presence"
GOOD = Reply(body=b'{"sourceId": "s", "results": []}')


class Clock:
    """A clock in Unix seconds that stands still until told."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def calven() -> Iterator[StandIn]:
    """A stand-in for Calven that lets the key in and has an empty list of users."""
    with StandIn() as stand_in:
        stand_in.answer(TOKEN_PATH, token_reply())
        stand_in.answer(USERS, Reply(body=b"[]"))
        stand_in.answer(PRESENCE, GOOD)
        yield stand_in


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Tries follow each other at once, three at most."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def read_users(client: CalvenClient, tmp_path: Any) -> None:
    fetch_to_file(client, "users", tmp_path / "users.json")


def post_together(calven: StandIn, count: int, **settings: Any) -> tuple[PresencePoster, list[Any]]:
    """The poster and what became of so many posts at the same time."""

    async def posts() -> tuple[PresencePoster, list[Any]]:
        with CalvenClient(calven.settings(**settings)) as client:
            async with PresencePoster(client) as poster:
                bodies = ['{"sourceId":"s","presenceEvents":[]}'] * count
                return poster, await asyncio.gather(*map(poster.post, bodies), return_exceptions=True)

    return asyncio.run(posts())


def test_hmac_proof_is_the_hash_of_key_and_unix_seconds(calven: StandIn, tmp_path: Any) -> None:
    """Published: hex HMAC-SHA256 with the secret, over the key id directly followed by the timestamp, a number."""
    clock = Clock()
    with CalvenClient(calven.settings(), clock=clock) as client:
        read_users(client, tmp_path)
    (asked,) = calven.of(TOKEN_PATH)
    proof = hmac.new(SECRET.encode(), f"key-id{int(clock.now)}".encode(), hashlib.sha256).hexdigest()
    assert json.loads(asked.body) == {"apiKey": "key-id", "timestamp": int(clock.now), "hash": proof}
    assert calven.of(USERS)[0].headers["authorization"] == "Bearer token-1"


def test_token_requests_carry_region_content_type_and_correlation_id(calven: StandIn, tmp_path: Any) -> None:
    """The region goes with every call, authentication included."""
    with CalvenClient(calven.settings(region="ause1")) as client:
        read_users(client, tmp_path)
    headers = calven.of(TOKEN_PATH)[0].headers
    assert headers["x-calven-region"] == "ause1"
    assert headers["content-type"] == "application/json"
    assert headers["correlationid"] != calven.of(USERS)[0].headers["correlationid"]


def test_token_requests_have_a_timeout(calven: StandIn) -> None:
    """httpx gives none to the requests that an `httpx.Auth` makes, so they bring their own."""
    with CalvenClient(calven.settings()) as client:
        auth = client.new_auth(KeyRole.EVENTS)
        assert isinstance(auth, TokenAuth)
        timeouts = auth.token_request().extensions["timeout"]
    assert set(timeouts.values()) == {TOKEN_TIMEOUT_S}


def test_client_secret_key_asks_at_its_own_path(calven: StandIn, tmp_path: Any) -> None:
    """Published: `client_id` and `client_secret` in, `access_token` out."""
    calven.answer("/v1/auth/token", Reply(body=b'{"access_token": "t-2", "expires_in": 300, "token_type": "Bearer"}'))
    with CalvenClient(calven.settings(auth="client_secret")) as client:
        read_users(client, tmp_path)
        read_users(client, tmp_path)
    (asked,) = calven.of("/v1/auth/token")
    assert json.loads(asked.body) == {"client_id": "key-id", "client_secret": SECRET}
    assert {call.headers["authorization"] for call in calven.of(USERS)} == {"Bearer t-2"}


def test_basic_key_goes_with_the_call_itself(calven: StandIn, tmp_path: Any) -> None:
    """No token; the path ends in /basic, with the published header."""
    calven.answer(f"{USERS}/basic", Reply(body=b"[]"))
    with CalvenClient(calven.settings(auth="basic")) as client:
        read_users(client, tmp_path)
    (call,) = calven.received
    assert call.path == f"{USERS}/basic"
    assert call.headers["authorization"] == "Basic " + base64.b64encode(f"key-id:{SECRET}".encode()).decode()


@pytest.mark.parametrize(("seconds_later", "asked"), [(409 - RENEW_EARLY_S - 1, 1), (409 - RENEW_EARLY_S + 1, 2)])
def test_token_is_reused_until_shortly_before_it_expires(
    calven: StandIn, tmp_path: Any, seconds_later: float, asked: int
) -> None:
    """`expiration` is in Unix seconds: compared with milliseconds, every call would ask again."""
    clock = Clock()
    calven.answer(TOKEN_PATH, token_reply(life_s=409))
    with CalvenClient(calven.settings(), clock=clock) as client:
        clock.now = time.time()
        read_users(client, tmp_path)
        clock.now += seconds_later
        read_users(client, tmp_path)
    assert len(calven.of(TOKEN_PATH)) == asked


def test_short_lived_token_is_reused_too(calven: StandIn, tmp_path: Any) -> None:
    """A life shorter than the margin must not mean a token request for every call."""
    calven.answer(TOKEN_PATH, token_reply(life_s=20))
    with CalvenClient(calven.settings()) as client:
        read_users(client, tmp_path)
        read_users(client, tmp_path)
    assert len(calven.of(TOKEN_PATH)) == 1


NONSENSE = [
    None,
    "soon",
    True,
    0,
    -5,
    [],
    float("nan"),
    1e300,
    pytest.param((time.time() + 409) * 1000, id="milliseconds"),
    1_000_000,
]


@pytest.mark.parametrize("expiration", NONSENSE, ids=str)
def test_token_with_a_senseless_expiration_is_used_for_an_assumed_life(
    calven: StandIn, tmp_path: Any, caplog: pytest.LogCaptureFixture, expiration: Any
) -> None:
    """Missing, past or absurd: used as if it lived a few minutes, and the log says so."""
    clock = Clock()
    calven.answer(TOKEN_PATH, token_reply(expiration=expiration))
    with CalvenClient(calven.settings(), clock=clock) as client:
        read_users(client, tmp_path)
        clock.now += ASSUMED_LIFE_S / 2
        read_users(client, tmp_path)
        assert len(calven.of(TOKEN_PATH)) == 1
        clock.now += ASSUMED_LIFE_S
        read_users(client, tmp_path)
    assert len(calven.of(TOKEN_PATH)) == 2
    assert "without an expiry that makes sense" in caplog.text


def test_many_calls_at_the_same_time_ask_for_one_token(calven: StandIn) -> None:
    """The first call asks, the others wait for its token."""
    _, answers = post_together(calven, 40)
    assert [answer.status for answer in answers] == [200] * 40
    assert len(calven.of(TOKEN_PATH)) == 1


def test_threads_share_one_token(calven: StandIn, tmp_path: Any) -> None:
    """The same holds for the blocking client under several threads."""
    with CalvenClient(calven.settings()) as client:
        threads = [
            threading.Thread(target=fetch_to_file, args=(client, "users", tmp_path / f"{number}.json"))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(calven.of(USERS)) == 8
    assert len(calven.of(TOKEN_PATH)) == 1


def test_refused_token_is_renewed_once_and_the_call_repeated_once(calven: StandIn, tmp_path: Any) -> None:
    """A 401 means that the token has ended early, so a new one is asked for."""
    calven.answer(TOKEN_PATH, token_reply("old"), token_reply("new"))
    calven.answer(USERS, Reply(401), Reply(body=b"[]"))
    with CalvenClient(calven.settings()) as client:
        read_users(client, tmp_path)
    assert [call.headers["authorization"] for call in calven.of(USERS)] == ["Bearer old", "Bearer new"]
    assert len({call.headers["correlationid"] for call in calven.received}) == 4


def test_one_renewal_serves_every_call_that_was_refused_with_the_old_token(calven: StandIn) -> None:
    """Eight calls get 401 at the same moment: one new token, eight repeats."""
    calven.gate = threading.Barrier(8)
    calven.answer(TOKEN_PATH, token_reply("old"), token_reply("new"))
    calven.answer(PRESENCE, *[Reply(401)] * 8, GOOD)
    poster, answers = post_together(calven, 8)
    assert [answer.status for answer in answers] == [200] * 8
    assert len(calven.of(TOKEN_PATH)) == 2
    assert (poster.calls, poster.retries) == (8, 0)


def test_renewal_works_where_calven_hands_out_the_same_token_again(calven: StandIn, tmp_path: Any) -> None:
    """Not the text of a token is compared but which one it is: else each call would renew for ever."""
    calven.answer(USERS, Reply(401), Reply(body=b"[]"))
    with CalvenClient(calven.settings()) as client:
        read_users(client, tmp_path)
    assert len(calven.of(TOKEN_PATH)) == 2


def test_second_401_names_the_variable_and_what_to_check(calven: StandIn, tmp_path: Any) -> None:
    """Key, secret, method and clock; with how far the clock is off where Calven's Date shows it."""
    calven.answer(USERS, Reply(401, b"nope", {"Date": formatdate(time.time() + 600, usegmt=True)}))
    settings = calven.settings(warehouse_api_key="w", warehouse_api_secret=SECRET)
    with CalvenClient(settings) as client, pytest.raises(AuthenticationError) as caught:
        read_users(client, tmp_path)
    said = str(caught.value)
    for words in ("CALVEN_WAREHOUSE_API_KEY", "CALVEN_WAREHOUSE_API_SECRET", "CALVEN_AUTH (hmac)", "Data Warehouse"):
        assert words in said
    assert "clock (600 s behind" in said or "clock (599 s behind" in said
    assert len(calven.of(USERS)) == 2
    assert caught.value.correlation_id == calven.of(USERS)[1].headers["correlationid"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["hmac", "basic"])
def test_refused_events_key_is_named(calven: StandIn, method: str) -> None:
    """The one key for everything is called by its own name, and Basic is told off at the first 401."""
    path = PRESENCE if method == "hmac" else f"{PRESENCE}/basic"
    calven.answer(path, Reply(401))
    _, (error,) = post_together(calven, 1, auth=method)
    assert isinstance(error, AuthenticationError)
    assert "CALVEN_API_KEY" in str(error)
    assert "Submitting Events" in str(error)
    assert f"CALVEN_AUTH ({method})" in str(error)
    assert len(calven.of(path)) == (2 if method == "hmac" else 1)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, b'{"message": "bad"}'),
        Reply(401, b'{"authenticated": false}'),
        Reply(403),
        Reply(404),
        Reply(200, b'{"authenticated": false, "message": "no"}'),
    ],
    ids=["400", "401", "403", "404", "authenticated false"],
)
def test_refused_token_request_is_an_authentication_error_and_not_repeated(calven: StandIn, reply: Reply) -> None:
    """Eight waiting calls learn it from the first: the key is not tried eight times."""
    calven.answer(TOKEN_PATH, reply)
    _, errors = post_together(calven, 8)
    assert {type(error) for error in errors} == {AuthenticationError}
    assert all("CALVEN_API_KEY" in str(error) for error in errors)
    assert {error.correlation_id for error in errors} == {calven.received[0].headers["correlationid"]}
    assert len(calven.received) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'"token"',
        b'{"authenticated": true}',
        b'{"token": 5}',
        b'{"token": ""}',
        b'{"token": "a\\r\\nX-Evil: 1"}',
        b"[" * 100_000,
    ],
    ids=["empty", "html", "array", "text", "no token", "number", "empty token", "line break", "deep"],
)
def test_token_answer_without_a_usable_token_is_unreadable(calven: StandIn, tmp_path: Any, body: bytes) -> None:
    """It proves nothing about the key, so it is asked again and then given up as unreadable."""
    calven.answer(TOKEN_PATH, Reply(body=body))
    with CalvenClient(calven.settings()) as client, pytest.raises(UnreadableAnswerError, match="token request"):
        read_users(client, tmp_path)
    assert len(calven.received) == 3


def test_unwell_token_endpoint_is_asked_again(calven: StandIn, tmp_path: Any) -> None:
    """A 503 or a dropped connection there is retried as anywhere else."""
    calven.answer(TOKEN_PATH, Reply(503), Reply(hang_up=True), token_reply())
    with CalvenClient(calven.settings()) as client:
        read_users(client, tmp_path)
    calven.answer(TOKEN_PATH, Reply(503))
    with CalvenClient(calven.settings()) as client, pytest.raises(CalvenUnavailableError, match="503"):
        read_users(client, tmp_path)


def test_403_names_the_role_that_the_key_lacks(calven: StandIn, tmp_path: Any) -> None:
    """Published roles: 'Submitting Events' posts, 'Data Warehouse' reads."""
    calven.answer(USERS, Reply(403))
    calven.answer(PRESENCE, Reply(403))
    with CalvenClient(calven.settings()) as client, pytest.raises(PermissionDeniedError) as caught:
        read_users(client, tmp_path)
    _, (error,) = post_together(calven, 1, events_api_key="e", events_api_secret=SECRET)
    assert "'Data Warehouse'" in str(caught.value)
    assert "CALVEN_API_KEY lacks" in str(caught.value)
    assert isinstance(error, PermissionDeniedError)
    assert "'Submitting Events'" in str(error)
    assert "CALVEN_EVENTS_API_KEY lacks" in str(error)


def test_missing_key_stops_only_what_needs_it(calven: StandIn, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment without a key for events may still read."""
    for name in ("CALVEN_API_KEY", "CALVEN_API_SECRET", "CALVEN_EVENTS_API_KEY", "CALVEN_EVENTS_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    settings = calven.settings(api_key=None, api_secret=None, warehouse_api_key="w", warehouse_api_secret=SECRET)
    with CalvenClient(settings) as client:
        read_users(client, tmp_path)
        with pytest.raises(MissingKeyError, match="CALVEN_EVENTS_API_KEY"):
            PresencePoster(client)


def test_secrets_and_tokens_never_show(calven: StandIn, tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Not in repr, logs or messages, even where the server echoes what it was sent."""
    caplog.set_level(logging.DEBUG)
    calven.answer(TOKEN_PATH, token_reply("tok-en-1"))
    shown = []
    for status in (401, 422, 503):
        calven.answer(USERS, Reply(status, f"you sent {SECRET} and Bearer tok-en-1".encode()))
        with CalvenClient(calven.settings()) as client, pytest.raises(Exception, match=str(status)) as caught:
            read_users(client, tmp_path)
        shown += [repr(caught.value), repr(vars(caught.value)), repr(caught.value.__cause__), repr(client)]
        shown += [repr(vars(client)), repr(vars(client.auth(KeyRole.WAREHOUSE)))]
    calven.answer(TOKEN_PATH, Reply(400, f"bad secret {SECRET}".encode()))
    with CalvenClient(calven.settings()) as client, pytest.raises(AuthenticationError) as refused:
        read_users(client, tmp_path)
    everything = "\n".join([*shown, repr(refused.value), caplog.text])
    assert "***" in everything
    assert SECRET not in everything
    assert "tok-en-1" not in everything


def test_redirect_is_an_error_and_credentials_stay_here(calven: StandIn, tmp_path: Any) -> None:
    """A redirect is never followed, from whichever endpoint it comes."""
    with StandIn() as elsewhere:
        away = Reply(307, headers={"Location": f"{elsewhere.url}/v1/presence"})
        calven.answer(USERS, away)
        calven.answer(PRESENCE, away)
        with CalvenClient(calven.settings()) as client, pytest.raises(UnreadableAnswerError, match="307"):
            read_users(client, tmp_path)
        _, (error,) = post_together(calven, 1)
        calven.answer(TOKEN_PATH, away)
        with CalvenClient(calven.settings()) as client, pytest.raises(UnreadableAnswerError, match="307"):
            read_users(client, tmp_path)
        assert elsewhere.received == []
    assert isinstance(error, UnreadableAnswerError)
    assert len(calven.of(PRESENCE)) == 1


def test_proxy_variables_of_the_environment_are_not_obeyed(
    calven: StandIn, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys go where CALVEN_API_URL says, not where HTTP_PROXY says."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with CalvenClient(calven.settings()) as client:
        read_users(client, tmp_path)
    _, (answer,) = post_together(calven, 1)
    assert answer.status == 200


def test_check_key_proves_the_key_and_tells_the_clock_skew(calven: StandIn) -> None:
    """For `doctor`: Calven's clock minus ours in seconds; None where Calven sends no Date."""
    with CalvenClient(calven.settings()) as client:
        check = client.check_key(KeyRole.EVENTS)
    assert (check.proven, check.variable) == (True, "CALVEN_API_KEY")
    assert check.clock_skew_s == pytest.approx(0, abs=2)
    calven.answer(TOKEN_PATH, token_reply())
    ahead = Clock()
    ahead.now += 90
    with CalvenClient(calven.settings(), clock=ahead) as client:
        assert client.check_key(KeyRole.EVENTS).clock_skew_s == pytest.approx(-90, abs=2)
    dateless = token_reply()
    calven.answer(TOKEN_PATH, Reply(body=dateless.body, headers={"Date": None}))
    with CalvenClient(calven.settings()) as client:
        assert client.check_key(KeyRole.WAREHOUSE).clock_skew_s is None


def test_check_key_raises_for_a_refused_key(calven: StandIn) -> None:
    """The same error as the call itself would raise."""
    calven.answer(TOKEN_PATH, Reply(401))
    with CalvenClient(calven.settings()) as client, pytest.raises(AuthenticationError, match="CALVEN_API_KEY"):
        client.check_key(KeyRole.EVENTS)


def test_check_key_cannot_prove_a_basic_key(calven: StandIn) -> None:
    """Basic has no token to ask for, so nothing is sent and nothing is claimed."""
    with CalvenClient(calven.settings(auth="basic")) as client:
        check = client.check_key(KeyRole.EVENTS)
    assert (check.proven, check.clock_skew_s) == (None, None)
    assert calven.received == []


def test_broken_token_request_frees_the_others(calven: StandIn) -> None:
    """A call that fails while it asks for the token must not leave the rest waiting behind it."""
    calven.answer(TOKEN_PATH, Reply(hang_up=True), token_reply())
    _, answers = post_together(calven, 8)
    assert [answer.status for answer in answers] == [200] * 8


def test_auth_works_with_any_httpx_client(calven: StandIn) -> None:
    """It is an ordinary `httpx.Auth`, blocking and async."""
    with CalvenClient(calven.settings()) as client:
        auth = client.new_auth(KeyRole.EVENTS)

    async def post() -> int:
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.post(calven.url + PRESENCE, auth=auth)).status_code

    with httpx.Client(trust_env=False) as http:
        assert http.post(calven.url + PRESENCE, auth=auth).status_code == 200
    assert asyncio.run(post()) == 200
    assert len(calven.of(TOKEN_PATH)) == 1
