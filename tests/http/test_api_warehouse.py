"""Reading reference data into files: whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import stamina

from calven_pipeline.api import CalvenClient, check_whole_array, fetch_to_file
from calven_pipeline.api.warehouse import Limits
from calven_pipeline.errors import CalvenUnavailableError, RefusedCallError, UnreadableAnswerError
from tests.http.test_api_stand_in import TOKEN_PATH, Reply, StandIn, token_reply

USERS = "/v1/analytics/users"
BODY = json.dumps([{"userId": str(number), "email": "ana@example.org"} for number in range(500)]).encode()


@pytest.fixture
def calven() -> Iterator[StandIn]:
    """A stand-in for Calven that lets the key in."""
    with StandIn() as stand_in:
        stand_in.answer(TOKEN_PATH, token_reply())
        stand_in.answer(USERS, Reply(body=BODY))
        yield stand_in


@pytest.fixture
def client(calven: StandIn) -> Iterator[CalvenClient]:
    """A client of it."""
    with CalvenClient(calven.settings()) as client:
        yield client


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the answer goes."""
    return tmp_path / "pulled" / "users.json"


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Tries follow each other at once, three at most."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def alone(path: Path) -> bool:
    """Whether nothing but the file stands in its folder."""
    return list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("resource", ["users", "locations", "desks"])
def test_answer_lands_in_the_file_as_it_came(calven: StandIn, client: CalvenClient, path: Path, resource: str) -> None:
    """Size, hash and correlation id are told; the region goes with the call."""
    calven.answer(f"/v1/analytics/{resource}", Reply(body=BODY))
    pulled = fetch_to_file(client, resource, path)  # type: ignore[arg-type]
    (call,) = calven.of(f"/v1/analytics/{resource}")
    assert path.read_bytes() == BODY
    assert (pulled.resource, pulled.path, pulled.size_bytes, pulled.attempts) == (resource, path, len(BODY), 1)
    assert pulled.sha256 == hashlib.sha256(BODY).hexdigest()
    assert pulled.correlation_id == call.headers["correlationid"]
    assert pulled.pulled_at.tzinfo is UTC
    assert (datetime.now(UTC) - pulled.pulled_at).total_seconds() < 60
    assert (call.method, call.headers["x-calven-region"]) == ("GET", "usce1")
    assert alone(path)


def test_unknown_resource_is_a_mistake_of_ours(client: CalvenClient, path: Path) -> None:
    """Nothing is sent."""
    with pytest.raises(ValueError, match="none of users, locations, desks"):
        fetch_to_file(client, "bookings", path)  # type: ignore[arg-type]


def test_prefix_of_the_warehouse_endpoints_is_a_setting(calven: StandIn, path: Path) -> None:
    """One page of Calven's calls them /v1/users; a trailing slash in the setting does no harm."""
    calven.answer("/v1/users", Reply(body=BODY))
    with CalvenClient(calven.settings(warehouse_path="/v1/")) as client:
        assert fetch_to_file(client, "users", path).size_bytes == len(BODY)


def test_compressed_answer_is_unpacked(calven: StandIn, client: CalvenClient, path: Path) -> None:
    """gzip is asked for; size and hash are of what lies on disk."""
    packed = gzip.compress(BODY)
    calven.answer(USERS, Reply(body=packed, headers={"Content-Encoding": "gzip"}))
    pulled = fetch_to_file(client, "users", path)
    assert "gzip" in calven.of(USERS)[0].headers["accept-encoding"]
    assert path.read_bytes() == BODY
    assert pulled.size_bytes == len(BODY)


def test_answer_in_chunks_is_whole_too(calven: StandIn, client: CalvenClient, path: Path) -> None:
    """Without a Content-Length there is nothing to compare."""
    calven.answer(USERS, Reply(body=BODY, chunked=True))
    assert fetch_to_file(client, "users", path).size_bytes == len(BODY)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_connection_that_breaks_in_the_middle_is_tried_from_the_start(
    calven: StandIn, client: CalvenClient, path: Path, packed: bool
) -> None:
    """Content-Length promised more than came: the file holds the second answer alone."""
    whole = Reply(body=gzip.compress(BODY), headers={"Content-Encoding": "gzip"}) if packed else Reply(body=BODY)
    calven.answer(USERS, Reply(body=whole.body, headers=whole.headers, body_sent=len(whole.body) // 2), whole)
    pulled = fetch_to_file(client, "users", path)
    assert path.read_bytes() == BODY
    assert pulled.attempts == 2
    assert alone(path)


def test_file_that_was_there_survives_a_failed_read(calven: StandIn, client: CalvenClient, path: Path) -> None:
    """Yesterday's users are better than half of today's."""
    path.parent.mkdir()
    path.write_text("[1]")
    calven.answer(USERS, Reply(body=BODY, body_sent=100))
    with pytest.raises(CalvenUnavailableError) as caught:
        fetch_to_file(client, "users", path)
    assert path.read_text() == "[1]"
    assert alone(path)
    assert caught.value.attempts == 3  # type: ignore[attr-defined]
    assert calven.host in str(caught.value)
    assert "Reading users" in str(caught.value)


@pytest.mark.parametrize("reply", [Reply(408), Reply(429), Reply(500), Reply(503), Reply(599), Reply(hang_up=True)])
def test_passing_trouble_is_tried_again(calven: StandIn, client: CalvenClient, path: Path, reply: Reply) -> None:
    """Timeouts, hang-ups, 408, 429 and 5xx."""
    calven.answer(USERS, reply, Reply(body=BODY))
    assert fetch_to_file(client, "users", path).attempts == 2


def test_answer_that_takes_too_long_is_given_up(client: CalvenClient, path: Path) -> None:
    """A server that drips does not hold a run for ever."""
    with pytest.raises(CalvenUnavailableError, match="took longer"):
        fetch_to_file(client, "users", path, limits=Limits(longest_s=-1))


def test_answer_that_is_too_large_is_given_up_at_once(calven: StandIn, client: CalvenClient, path: Path) -> None:
    """Counted after unpacking, so that a small answer cannot fill the disk; a second try would be as large."""
    calven.answer(
        USERS, Reply(body=gzip.compress(b"[" + b" " * 1_000_000 + b"]"), headers={"Content-Encoding": "gzip"})
    )
    with pytest.raises(UnreadableAnswerError, match="larger than 500000 bytes"):
        fetch_to_file(client, "users", path, limits=Limits(largest_bytes=500_000))
    assert len(calven.of(USERS)) == 1
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("status", [400, 404, 410])
def test_refusal_is_final_and_keeps_calvens_words(
    calven: StandIn, client: CalvenClient, path: Path, status: int
) -> None:
    """Addresses stay out of the message, the words are cut short."""
    calven.answer(USERS, Reply(status, b"no\x1b[31m such thing, ana@example.org " + b"x" * 2_000))
    with pytest.raises(RefusedCallError) as caught:
        fetch_to_file(client, "users", path)
    assert caught.value.status == status
    assert caught.value.detail.startswith("no [31m such thing, ana@example.org xxx")
    assert len(caught.value.detail) == 500
    assert "ana@example.org" not in str(caught.value)
    assert len(calven.of(USERS)) == 1


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "nothing"),
        (b" \n ", "nothing"),
        (b"<html>ana@example.org</html>", "an HTML page"),
        (b'{"users": ["ana@example.org"]}', "an object"),
        (b'[{"email": "ana@example.org"', "an array that is cut off"),
        (b"[", "an array that is cut off"),
        (b'"ana@example.org"', "a single value"),
        (b"null", "a single value"),
        (b"userId,email", "something that is no JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_anything_but_one_whole_array_is_unreadable(
    calven: StandIn, client: CalvenClient, path: Path, body: bytes, what: str
) -> None:
    """The error says what came instead, and quotes nobody's data."""
    calven.answer(USERS, Reply(body=body))
    with pytest.raises(UnreadableAnswerError, match=what) as caught:
        fetch_to_file(client, "users", path)
    assert "ana@" not in str(caught.value)
    assert list(path.parent.iterdir()) == []
    path.write_bytes(body)
    with pytest.raises(UnreadableAnswerError, match=what) as checked:
        check_whole_array(path)
    assert "ana@" not in str(checked.value)


@pytest.mark.parametrize(
    "body", [b"[]", b" \r\n[1] \n", b" " * 200_000 + b"[" + b" " * 200_000 + b"]" + b" " * 200_000]
)
def test_whole_array_passes_the_check(path: Path, body: bytes) -> None:
    """Spaces around it may be as many as they like."""
    path.parent.mkdir()
    path.write_bytes(body)
    check_whole_array(path)


@pytest.mark.parametrize("packed", [b"not gzip at all", gzip.compress(BODY)[:-300]], ids=["no gzip", "cut gzip"])
def test_body_that_cannot_be_unpacked_is_unreadable(
    calven: StandIn, client: CalvenClient, path: Path, packed: bytes
) -> None:
    """Whatever the sizes say."""
    calven.answer(USERS, Reply(body=packed, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(UnreadableAnswerError):
        fetch_to_file(client, "users", path)


def test_answer_is_never_whole_in_memory(calven: StandIn, client: CalvenClient, path: Path) -> None:
    """20 MB pass through less than 5 MB of Python's memory, the stand-in's own included."""
    body = b"[" + b'{"userId": "x"},' * 1_250_000 + b"{}]"
    calven.answer(USERS, Reply(body=body))
    tracemalloc.start()
    try:
        fetch_to_file(client, "users", path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert path.stat().st_size == len(body)
    assert peak < 5_000_000


def test_full_disk_is_no_fault_of_calvens(client: CalvenClient, tmp_path: Path) -> None:
    """An `OSError` of the file system stays one, and is not tried again."""
    (tmp_path / "users.json.part").mkdir()
    with pytest.raises(OSError, match=r"users\.json\.part"):
        fetch_to_file(client, "users", tmp_path / "users.json")
