"""Does the sandbox start, serve a world, refuse what it must not do, and stop cleanly?"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest

from calven_pipeline.errors import SandboxError
from calven_pipeline.sandbox import SandboxServer, World

SERVE = "from calven_pipeline.sandbox import serve; serve(port=0, users=5, faults=['503*1'])"


@pytest.fixture
def folder(tmp_path):
    """A world of one user, one location and one desk."""
    rows = {
        "users": {"userId": "u1", "email": "user@sandbox.example"},
        "locations": {"locationId": "l1"},
        "desks": {"deskId": "d1", "zoneId": "z1", "levelId": None},
    }
    for name, row in rows.items():
        (tmp_path / f"{name}.json").write_text(json.dumps([row], indent=1))
    return tmp_path


def read_users(url):
    return httpx.get(f"{url}/v1/users/basic", auth=("sandbox-all-basic", "sandbox-all-basic-secret"))


def test_a_world_is_served_as_its_files_say(folder):
    """The answer is the file, byte by byte."""
    with SandboxServer(world=folder) as sandbox:
        assert read_users(sandbox.url).content == (folder / "users.json").read_bytes()


@pytest.mark.parametrize("name", ["users", "locations", "desks"])
def test_a_world_with_a_bad_file_does_not_start(folder, name):
    """Missing, not UTF-8, not JSON, not an array, no ids: the message names the file."""
    path = folder / f"{name}.json"
    for content in (
        b"\xff\xfe",
        b"{not json",
        b'{"data": []}',
        b"[7]",
        b"[{}]",
        b'[{"%sId": null}]' % name[:-1].encode(),
    ):
        path.write_bytes(content)
        with pytest.raises(SandboxError) as refused:
            SandboxServer(world=folder)
        assert str(path) in str(refused.value)
    path.unlink()
    with pytest.raises(SandboxError, match=r"is missing: a world is a folder with users\.json"):
        SandboxServer(world=folder)


def test_a_generated_company_is_the_same_for_the_same_seed():
    """Another seed, or another size, is another company."""
    answers = [SandboxServer(users=users, seed=seed).world.answers for users, seed in ((300, 1), (300, 1), (300, 2))]
    assert answers[0] == answers[1]
    assert answers[0] != answers[2]


def test_a_generated_company_has_a_little_of_everything():
    """Published fields, some of them null, some users inactive, and places in proportion; no name of a person."""
    world = SandboxServer(users=3000).world
    users, locations, desks = (world.rows(table) for table in ("users", "locations", "desks"))
    assert (len(users), len(locations), len(desks)) == (3000, 4, 1800)
    fields = "userId userName email firstName lastName status onboarded primaryGroupId primaryLocationId"
    assert {tuple(user) for user in users} == {tuple(fields.split())}
    assert len({user["userId"] for user in users}) == 3000
    assert {user["status"] for user in users} > {"active", "inactive"}
    for field in ("email", "firstName", "primaryGroupId", "primaryLocationId"):
        assert 0 < sum(user[field] is None for user in users) < 300
    emails = [user["email"] for user in users if user["email"]]
    assert all(email.lower().startswith("user-") and email.endswith("@sandbox.example") for email in emails)
    assert 0 < sum(email != email.lower() for email in emails) < 300
    assert {desk["locationId"] for desk in desks} == {row["locationId"].lower() for row in locations}
    assert len({desk["zoneId"] for desk in desks}) > len({desk["levelId"] for desk in desks}) > len(locations)


def test_the_smallest_company_has_one_user_and_none_is_refused():
    """One user still has two offices to choose from."""
    assert SandboxServer(users=1).world.counts["locations"] == 2
    with pytest.raises(SandboxError, match="1 to 1000000 users, not 0"):
        SandboxServer(users=0)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "sandbox.example"])
def test_it_listens_on_loopback_only(host):
    """Its keys are known to everyone, so no other machine may reach it."""
    with pytest.raises(SandboxError, match="loopback only"):
        SandboxServer(host=host)


def test_it_says_where_it_listens_by_the_name_that_was_asked_for():
    """`localhost` stays `localhost`, with the true port."""
    with SandboxServer(users=1, host="localhost") as sandbox:
        assert sandbox.url.startswith("http://localhost:")
        assert not sandbox.url.endswith(":0")
        assert read_users(sandbox.url.replace("localhost", "127.0.0.1")).status_code == 200


def test_a_port_that_is_taken_or_impossible_is_one_clear_line():
    """The message names the port and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(SandboxError, match=f"^Port {port} on 127.0.0.1 is taken: [^\n]*$"),
            SandboxServer(port=port),
        ):
            pass
    with pytest.raises(SandboxError, match="Port 70000 does not exist"):
        SandboxServer(port=70_000)


def test_bad_faults_do_not_start():
    """A SPEC is checked before anything listens."""
    with pytest.raises(SandboxError, match="Known faults"):
        SandboxServer(users=1, faults=["nonsense"])


def test_faults_of_the_start_come_back_after_a_fresh_start():
    """Clearing makes it as freshly started, with the same faults."""
    with SandboxServer(users=1, faults=["503*1:on=warehouse"]) as sandbox:
        statuses = [read_users(sandbox.url).status_code for _ in range(2)]
        sandbox.clear()
        assert [*statuses, read_users(sandbox.url).status_code] == [503, 200, 503]


def test_calls_are_kept_whole_where_somebody_asked_for_it():
    """Whatever becomes of a call, and before any fault; a fresh start forgets them, and nobody pays for it unasked."""
    with SandboxServer(users=1, faults=["503", "drop-before-store*1"], record_calls=True) as sandbox:
        for _ in range(2):
            with contextlib.suppress(httpx.TransportError):
                httpx.post(f"{sandbox.url}/v1/presence", content=b"anything", headers={"authorization": "Bearer x"})
        assert [(call.body, call.authorization) for call in sandbox.arrivals()] == [(b"anything", "Bearer x")] * 2
        assert sandbox.arrivals("warehouse") == []
        sandbox.clear()
        assert sandbox.arrivals() == []
    with SandboxServer(users=1) as sandbox:
        read_users(sandbox.url)
        assert sandbox.arrivals("warehouse") == []


def test_it_stops_although_a_call_is_open_and_can_start_again():
    """An open call is broken off, the thread ends, and the same server can start anew."""
    before = threading.active_count()
    server = SandboxServer(users=1, faults=["delay=600s:on=warehouse"])
    with server, socket.create_connection(("127.0.0.1", httpx.URL(server.url).port), timeout=5) as connection:
        connection.sendall(b"GET /v1/users HTTP/1.1\r\nHost: sandbox\r\n\r\n")
        while not server.stats()["faults"]["delay=600s:on=warehouse"]:
            httpx.get(f"{server.url}/sandbox/stats")
    assert threading.active_count() == before
    with server:
        assert httpx.get(f"{server.url}/sandbox/stats").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_says_where_it_listens_and_ends_cleanly(number):
    """The first line of output is the address, at once; a signal ends it with exit code 0 and nothing on stderr."""
    command = [sys.executable, "-W", "error", "-c", SERVE]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        first = process.stdout.readline()
        assert first.startswith("Calven sandbox on http://127.0.0.1:")
        url = first.split()[3]
        assert [read_users(url).status_code, httpx.get(f"{url}/nowhere").status_code] == [200, 404]
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
        rest, errors = process.stdout.read(), process.stderr.read()
    assert errors == ""
    assert f"export CALVEN_API_URL={url}" in rest
    assert "sandbox-warehouse-basic" in rest
    assert "Faults: 503*1" in rest


def test_a_world_can_be_made_of_rows():
    """Tests need no files."""
    world = World.of([{"userId": "U", "email": "a@sandbox.example"}], [{"locationId": "L"}], [{"deskId": "D"}])
    assert world.find_user("u", None) == "U"
    assert world.find_user(None, "A@sandbox.example") is None
    assert world.find_location("place", "d") == "D"
    assert world.find_location("zone", "d") is None
