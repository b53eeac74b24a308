"""Posting presence: readable answers, tries, refusals, and few connections."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC
from email.utils import formatdate
from typing import Any

import aiohttp
import httpx
import pytest
import stamina

from calven_pipeline.api import Answer, CalvenClient, PresencePoster, presence
from calven_pipeline.api.auth import TokenAuth
from calven_pipeline.errors import CalvenUnavailableError, RefusedCallError, UnreadableAnswerError
from tests.http.test_api_stand_in import TOKEN_PATH, Reply, StandIn, token_reply

PRESENCE = "/v1/presence"
BODY = '{"sourceId":"HQ \\u0391 badges","presenceEvents":[{"eventId":"e-1","userEmail":"ana@example.org"}]}'
GOOD = Reply(body=b'{"sourceId": "HQ \\u0391 badges", "results": [{"eventId": "e-1", "resultCode": 0}]}')


@pytest.fixture(params=[False, True], ids=["no token yet", "token at hand"], autouse=True)
def has_token(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """A first call goes by httpx's whole flow, which asks for a token; later ones straight over the transport."""

    class PosterWithToken(PresencePoster):
        async def __aenter__(self) -> PresencePoster:
            if isinstance(self._auth, TokenAuth):
                asked = httpx.Request("POST", self._client.url(TOKEN_PATH))
                self._auth.remember(httpx.Response(200, content=token_reply().body, request=asked))
            return await super().__aenter__()

    if request.param:
        monkeypatch.setitem(globals(), "PresencePoster", PosterWithToken)
    return request.param


@pytest.fixture
def calven() -> Iterator[StandIn]:
    """A stand-in for Calven that lets the key in and loads everything."""
    with StandIn() as stand_in:
        stand_in.answer(TOKEN_PATH, token_reply())
        stand_in.answer(PRESENCE, GOOD)
        yield stand_in


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Tries follow each other at once, three at most."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def post(calven: StandIn, *bodies: bytes | str, **settings: Any) -> tuple[PresencePoster, list[Any]]:
    """The poster and what became of posts at the same time: answers and errors."""

    async def posts() -> tuple[PresencePoster, list[Any]]:
        with CalvenClient(calven.settings(**settings)) as client:
            async with PresencePoster(client) as poster:
                return poster, await asyncio.gather(*map(poster.post, bodies or [BODY]), return_exceptions=True)

    return asyncio.run(posts())


def post_one(calven: StandIn, body: bytes | str = BODY, **settings: Any) -> Answer:
    """The answer to one post; raises what it raises."""
    _, (answer,) = post(calven, body, **settings)
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.mark.parametrize("body", [BODY, BODY.encode()], ids=["text", "bytes"])
def test_body_is_posted_as_it_is_and_the_answer_told(calven: StandIn, body: bytes | str) -> None:
    """The text of the reply, when it was sent and answered, under which correlation id."""
    answer = post_one(calven, body)
    (call,) = calven.of(PRESENCE)
    assert call.body == BODY.encode()
    assert (call.headers["content-type"], call.headers["x-calven-region"]) == ("application/json", "usce1")
    assert json.loads(answer.text) == json.loads(GOOD.body)
    assert (answer.status, answer.attempts) == (200, 1)
    assert answer.correlation_id == call.headers["correlationid"]
    assert answer.sent_at.tzinfo is UTC
    assert answer.sent_at <= answer.answered_at


def test_basic_key_posts_to_its_own_path(calven: StandIn) -> None:
    """Published: POST /v1/presence/basic."""
    calven.answer(f"{PRESENCE}/basic", GOOD)
    assert post_one(calven, auth="basic").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"results": []}',
        b'{"sourceId": null, "results": []}',
        b'{"results": [{"eventId": "e", "resultCode": 1}], "more": 1}',
        b'\xef\xbb\xbf{"results": []}',
        '{"results": [{"eventId": "e", "message": "\\ud83d\\ude00 Ω"}]}'.encode(),
    ],
    ids=["no sourceId", "null sourceId", "result", "byte order mark", "emoji"],
)
@pytest.mark.parametrize("status", [200, 201, 207])
def test_readable_answers_are_accepted(calven: StandIn, status: int, body: bytes) -> None:
    """Any 2xx with a list of results; only a sourceId that differs speaks against it."""
    calven.answer(PRESENCE, Reply(status, body))
    answer = post_one(calven)
    assert answer.status == status
    assert isinstance(json.loads(answer.text)["results"], list)


UNREADABLE = {
    "empty": b"",
    "html": b"<html>OK</html>",
    "cut": GOOD.body[:-5],
    "array": b"[]",
    "text": b'"ok"',
    "null": b"null",
    "no results": b'{"sourceId": "HQ"}',
    "null results": b'{"results": null}',
    "results an object": b'{"results": {}}',
    "results of texts": b'{"results": ["ok"]}',
    "other source": b'{"sourceId": "Lobby", "results": []}',
    "not a number": b'{"results": [], "x": NaN}',
    "half a pair": b'{"results": [{"message": "\\ud800"}]}',
    "latin-1": '{"results": [], "x": "é"}'.encode("latin-1"),
    "deep": b'{"results": ' + b"[" * 100_000,
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_unreadable_2xx_proves_nothing_and_is_tried_again(calven: StandIn, body: bytes) -> None:
    """A gateway's page or another call's answer must not count as loaded."""
    calven.answer(PRESENCE, Reply(200, body), GOOD)
    assert post_one(calven).attempts == 2
    calven.answer(PRESENCE, Reply(200, body))
    with pytest.raises(UnreadableAnswerError, match="proves nothing") as caught:
        post_one(calven)
    assert caught.value.attempts == 3  # type: ignore[attr-defined]
    assert caught.value.correlation_id == calven.received[-1].headers["correlationid"]  # type: ignore[attr-defined]


PASSING = {
    "408": Reply(408),
    "429": Reply(429, headers={"Retry-After": "3600"}),
    "500": Reply(500),
    "503": Reply(503, b"busy", {"Retry-After": formatdate(time.time() + 60, usegmt=True)}),
    "hang-up": Reply(hang_up=True),
    "cut off": Reply(body=GOOD.body, body_sent=10),
    "no HTTP": Reply(raw=b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "bad chunk": Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "bad gzip": Reply(body=b"xx", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("reply", PASSING.values(), ids=PASSING.keys())
def test_passing_trouble_is_tried_again_with_a_new_correlation_id(calven: StandIn, reply: Reply) -> None:
    """Every failure of the transport becomes ours, whichever library it comes from."""
    calven.answer(PRESENCE, reply, GOOD)
    poster, (answer,) = post(calven)
    assert isinstance(answer, Answer), answer
    assert (answer.attempts, poster.calls, poster.retries) == (2, 2, 1)
    assert answer.correlation_id == calven.of(PRESENCE)[1].headers["correlationid"]
    assert len({call.headers["correlationid"] for call in calven.of(PRESENCE)}) == 2


@pytest.mark.parametrize(
    ("reply", "said"), [(Reply(503, b"out to lunch"), "503"), (Reply(hang_up=True), "isconnected")]
)
def test_trouble_that_stays_is_calven_unavailable(calven: StandIn, reply: Reply, said: str) -> None:
    """What we were doing, the host, the last failure and the number of tries."""
    calven.answer(PRESENCE, reply)
    with pytest.raises(CalvenUnavailableError, match=said) as caught:
        post_one(calven)
    for words in ("Posting presence", calven.host, "3 times"):
        assert words in str(caught.value)
    assert vars(caught.value)["attempts"] == 3
    assert vars(caught.value)["host"] == calven.host
    assert said in vars(caught.value)["last_failure"]


def test_closed_port_is_calven_unavailable(calven: StandIn) -> None:
    """The error names the host that could not be reached."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CalvenUnavailableError, match=url.removeprefix("http://")) as caught:
            post_one(calven, api_url=url)
    assert "onnect" in vars(caught.value)["last_failure"]


def test_call_as_a_whole_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the call and says nothing, here one that never reads, does not hold a run for ever."""
    monkeypatch.setattr(presence, "CALL_TIMEOUT_S", 0.05)
    with StandIn() as calven, socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(CalvenUnavailableError) as caught:
            post_one(calven, api_url=url, auth="basic")
    assert vars(caught.value)["attempts"] == 3


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_refused_call_keeps_calvens_words_and_is_not_repeated(calven: StandIn, status: int) -> None:
    """Published: nothing of a call with a formatting error is loaded. The message holds nobody's address."""
    calven.answer(PRESENCE, Reply(status, b'{"message": "presenceEvents[3] of ana@example.org"}' + b" x" * 900))
    with pytest.raises(RefusedCallError) as caught:
        post_one(calven)
    assert caught.value.status == status
    assert caught.value.detail.startswith('{"message": "presenceEvents[3] of ana@example.org"}')
    assert len(caught.value.detail) == 500
    assert "<address>" in str(caught.value)
    assert "ana@" not in str(caught.value)
    assert len(calven.of(PRESENCE)) == 1


def test_logs_of_tries_hold_no_address_and_leave_stdout_alone(
    calven: StandIn, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bodies are people's data: neither what we send nor what comes back is logged."""
    caplog.set_level("DEBUG")
    calven.answer(PRESENCE, Reply(503, b"cannot store ana@example.org"), Reply(200, b"ana@example.org"), GOOD)
    assert post_one(calven).attempts == 3
    everything = caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    assert 'Trying again in 0.0 s: try 1 failed, Calven answered 503 "cannot store <address>"' in everything
    assert "ana@" not in everything
    assert capsys.readouterr().out == ""


def test_connections_are_kept_and_no_more_than_the_concurrency(calven: StandIn) -> None:
    """Sixty posts, four at a time, over at most four connections."""
    poster, answers = post(calven, *[BODY] * 60, concurrency=4)
    assert [answer.status for answer in answers] == [200] * 60
    assert calven.connections <= 4
    assert (poster.calls, poster.retries) == (60, 0)


def test_compressed_answer_is_unpacked(calven: StandIn) -> None:
    """The transport leaves it packed, httpx unpacks it; a refusal too."""
    calven.answer(PRESENCE, Reply(body=gzip.compress(GOOD.body), headers={"Content-Encoding": "gzip"}))
    assert post_one(calven).text == GOOD.body.decode()
    calven.answer(PRESENCE, Reply(400, gzip.compress(b"no such field"), headers={"Content-Encoding": "gzip"}))
    with pytest.raises(RefusedCallError, match="no such field"):
        post_one(calven)


def test_a_token_that_is_refused_is_renewed_and_the_call_repeated(calven: StandIn) -> None:
    """As one try; each of the two requests has a correlation id of its own, and the answer tells the last one."""
    calven.answer(PRESENCE, Reply(401), GOOD)
    poster, (answer,) = post(calven)
    assert (answer.attempts, poster.calls) == (1, 1)
    assert len(calven.of(PRESENCE)) == 2
    assert answer.correlation_id == calven.received[-1].headers["correlationid"]
    assert len({call.headers["correlationid"] for call in calven.of(PRESENCE)}) == 2


def test_cookies_are_not_kept(calven: StandIn) -> None:
    """Calven publishes none; what a gateway sets does not come back to it."""
    calven.answer(PRESENCE, Reply(body=GOOD.body, headers={"Set-Cookie": "a=b"}))
    post(calven, BODY, BODY, BODY, concurrency=1, api_url=calven.url.replace("127.0.0.1", "localhost"))
    assert len(calven.of(PRESENCE)) == 3
    assert not any("cookie" in call.headers for call in calven.received)


@pytest.mark.parametrize("tries", [1, 2, 3])
def test_an_error_tells_the_tries_before_it(calven: StandIn, tries: int) -> None:
    """A call may fail in a passing way before it is refused for good."""
    calven.answer(PRESENCE, *[Reply(503)] * (tries - 1), Reply(400))
    with pytest.raises(RefusedCallError) as caught:
        post_one(calven)
    assert vars(caught.value)["attempts"] == tries


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}], ids=["plain", "packed"])
@pytest.mark.parametrize("status", [200, 400])
def test_answer_larger_than_any_of_calvens_is_unreadable(
    calven: StandIn, monkeypatch: pytest.MonkeyPatch, status: int, headers: dict[str, str | None]
) -> None:
    """An endless page does not fill the memory, nor does a small one that unpacks to an endless one."""
    monkeypatch.setattr(presence, "LARGEST_ANSWER_BYTES", 10)
    body = b" " * 9_000 + GOOD.body
    calven.answer(PRESENCE, Reply(status, gzip.compress(body) if headers else body, headers))
    with pytest.raises(UnreadableAnswerError, match="larger than 10 bytes"):
        post_one(calven)


def test_clock_skew_is_told_from_the_first_answer(calven: StandIn) -> None:
    """Calven's clock minus ours, in seconds."""
    calven.answer(PRESENCE, Reply(body=GOOD.body, headers={"Date": formatdate(time.time() + 120, usegmt=True)}))
    poster, _ = post(calven)
    assert poster.server_clock_skew_s == pytest.approx(120, abs=2)
    calven.answer(PRESENCE, Reply(body=GOOD.body, headers={"Date": None}))
    assert post(calven)[0].server_clock_skew_s is None


def test_poster_posts_only_while_it_is_open(calven: StandIn) -> None:
    """A forgotten `async with` is told at once, not tried again."""
    with CalvenClient(calven.settings()) as client, pytest.raises(RuntimeError, match="async with"):
        asyncio.run(PresencePoster(client).post(BODY))
    assert calven.received == []


def test_any_error_of_aiohttp_becomes_ours(calven: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those too that the transport lets through: here one is raised where the session sends."""

    class Unnamed(aiohttp.ClientError):
        pass

    async def fail(*_: Any, **__: Any) -> None:
        raise Unnamed("odd")

    monkeypatch.setattr(aiohttp.ClientSession, "_request", fail)
    with pytest.raises(CalvenUnavailableError, match="odd"):
        post_one(calven)
