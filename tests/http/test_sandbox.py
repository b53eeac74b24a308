"""Does the sandbox answer as Calven publishes, refuse what Calven refuses, and fail as it is told?"""

from __future__ import annotations

import hashlib
import hmac
import json
import time

import httpx
import pytest

from calven_pipeline.errors import SandboxError
from calven_pipeline.sandbox import KEYS, SandboxServer, World

USER, QUIET_USER = "AAAAAAAA-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
OFFICE, LEVEL, ZONE, DESK = "OFFICE-1", "level-1", "zone-1", "desk-1"
WORLD = World.of(
    users=[
        {"userId": USER, "email": "Kim@sandbox.example", "status": "active"},
        {"userId": QUIET_USER, "email": None, "status": "inactive"},
    ],
    locations=[{"locationId": OFFICE}],
    desks=[{"deskId": DESK, "zoneId": ZONE, "levelId": LEVEL, "somethingNew": 1}],
)
RESULT_FAULTS = ("codes-as-text", "double-results", "no-message", "no-results", "only-problems", "unknown-ids")


@pytest.fixture(scope="module")
def running():
    with SandboxServer(world=WORLD) as server:
        yield server


@pytest.fixture
def sandbox(running):
    running.clear()
    return running


@pytest.fixture(scope="module")
def connection(running):
    with httpx.Client(base_url=running.url, timeout=5) as client:
        yield client


@pytest.fixture
def client(sandbox, connection):
    """A client without a key; one for all tests, because each costs 50 ms to make."""
    connection.auth, connection.headers = None, {}
    return connection


@pytest.fixture
def calven(client):
    """A client that has signed in with the key for everything."""
    client.headers["authorization"] = f"Bearer {token(client, 'sandbox-all')}"
    return client


def token(client, key):
    answer = client.post("/v1/auth/token", json={"client_id": key, "client_secret": f"{key}-secret"})
    return answer.json()["access_token"]


def signed(key="sandbox-all", secret=None, timestamp=None, **changes):
    timestamp = int(time.time()) if timestamp is None else timestamp
    secret = f"{key}-secret" if secret is None else secret
    digest = hmac.new(secret.encode(), f"{key}{timestamp}".encode(), hashlib.sha256).hexdigest()
    return {"apiKey": key, "timestamp": timestamp, "hash": digest, **changes}


def event(event_id="e1", **changes):
    fields = {
        "timestamp": "2023-05-15T10:22:45Z",
        "locationId": DESK,
        "locationType": "place",
        "eventId": event_id,
        "userId": USER,
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not ...}


def call(*events, source="badges"):
    return {"sourceId": source, "presenceEvents": list(events)}


def post(client, *events, path="/v1/presence", **options):
    return client.post(path, json=call(*events), **options)


def codes(answer):
    assert answer.status_code == 200, answer.text
    return {entry["eventId"]: entry["resultCode"] for entry in answer.json()["results"]}


def accepted_ids(sandbox):
    return [entry["eventId"] for entry in sandbox.accepted()]


def assert_refused(answer, status):
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message"}


# Signing in


def test_hmac_gives_a_token_that_works(client):
    """A right hash gives a token, and its end in Unix seconds, 409 s ahead."""
    answer = client.post("/v1/auth", json=signed())
    assert answer.json()["authenticated"] is True
    assert answer.json()["expiration"] == pytest.approx(time.time() + 409, abs=5)
    users = client.get("/v1/analytics/users", headers={"authorization": f"Bearer {answer.json()['token']}"})
    assert [user["userId"] for user in users.json()] == [USER, QUIET_USER]


def test_client_secret_gives_a_token_that_works(client):
    """The other way to a token answers seconds and a type."""
    fields = {"client_id": "sandbox-events", "client_secret": "sandbox-events-secret"}
    answer = client.post("/v1/auth/token/", json=fields).json()
    assert (answer["expires_in"], answer["token_type"]) == (409, "Bearer")
    posted = post(client, event(), headers={"authorization": f"Bearer {answer['access_token']}"})
    assert codes(posted) == {"e1": 0}


@pytest.mark.parametrize(
    "body",
    [
        lambda: signed(secret="wrong"),
        lambda: signed(key="nobody"),
        lambda: signed(key="sandbox-all-basic"),
        lambda: signed(timestamp=int(time.time()) - 400),
        lambda: signed(timestamp=int(time.time() * 1000)),
        lambda: signed(timestamp=10**400),
        lambda: signed(hash="\u00e9"),
    ],
    ids=["secret", "key", "key for Basic", "clock", "milliseconds", "endless", "hash"],
)
def test_hmac_with_something_wrong_is_401_or_400(client, body):
    """A wrong secret, an unknown key, a key for Basic, a clock that is off, or milliseconds give no token."""
    sent = body()
    answer = client.post("/v1/auth", json=sent)
    assert_refused(answer, 400 if sent["timestamp"] == 10**400 else 401)


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "not json",
        "{}",
        json.dumps(signed(timestamp="1684145000")),
        json.dumps(signed(timestamp=float("nan"))),
        json.dumps(signed(timestamp=True)),
        json.dumps(signed(hash=None, timestamp=1684145000)),
        "[" * 100_000,
    ],
    ids=["list", "text", "nothing", "time as text", "no number", "truth", "no hash", "deep"],
)
def test_hmac_with_a_malformed_body_is_400(client, body):
    """The timestamp must be a number, the rest text, all of it JSON."""
    assert_refused(client.post("/v1/auth", content=body, headers={"content-type": "application/json"}), 400)


def test_client_secret_that_is_wrong_is_401(client):
    """A wrong secret gives no token, nor does a key for Basic."""
    for key, secret in (("sandbox-all", "wrong"), ("sandbox-all-basic", "sandbox-all-basic-secret")):
        assert_refused(client.post("/v1/auth/token", json={"client_id": key, "client_secret": secret}), 401)


def test_tokens_expire_and_can_be_forgotten():
    """After its lifetime a token is refused, and so is one that the server forgot."""
    now = 1_700_000_000.0
    with (
        SandboxServer(world=WORLD, clock=lambda: now, token_lifetime_s=60) as sandbox,
        httpx.Client(base_url=sandbox.url) as client,
    ):
        headers = {"authorization": f"Bearer {token(client, 'sandbox-all')}"}
        assert client.get("/v1/locations", headers=headers).headers["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
        now += 60
        assert "expired" in client.get("/v1/locations", headers=headers).text
        now -= 1
        assert client.get("/v1/locations", headers=headers).status_code == 200
        sandbox.forget_tokens()
        assert_refused(client.get("/v1/locations", headers=headers), 401)


# Keys and roles


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.id)
def test_a_key_may_do_what_its_role_says_by_its_own_method(sandbox, client, key):
    """Events keys post and read nothing, warehouse keys read and post nothing; Basic and tokens do not mix."""
    ending = "/basic" if key.is_basic else ""
    if key.is_basic:
        client.auth = (key.id, key.secret)
    else:
        client.headers["authorization"] = f"Bearer {token(client, key.id)}"
    may_post, may_read = "warehouse" not in key.id, "events" not in key.id
    assert post(client, event(), path=f"/v1/presence{ending}").status_code == (200 if may_post else 403)
    assert client.get(f"/v1/analytics/desks{ending}").status_code == (200 if may_read else 403)
    other = "" if key.is_basic else "/basic"
    assert_refused(client.get(f"/v1/analytics/desks{other}"), 401)
    assert_refused(post(client, event(), path=f"/v1/presence{other}"), 401)
    assert len(sandbox.accepted()) == may_post


def test_a_key_of_the_other_method_is_refused_on_basic_paths(client):
    """A key that signs in by HMAC is no key for Basic, and garbage is none either."""
    assert_refused(client.get("/v1/users/basic", auth=("sandbox-all", "sandbox-all-secret")), 401)
    assert_refused(client.get("/v1/users/basic", auth=("sandbox-all-basic", "wrong")), 401)
    assert_refused(client.get("/v1/users/basic", headers={"authorization": "Basic ???"}), 401)


def test_every_error_has_one_shape(calven):
    """Unknown paths, wrong methods, missing tokens, wrong content types and what is left out all answer alike."""
    assert_refused(calven.get("/nowhere"), 404)
    assert_refused(calven.get("/v1/presence"), 405)
    assert_refused(calven.post("/v1/analytics/users", json={}), 405)
    assert_refused(calven.get("/v1/analytics/users", headers={"authorization": ""}), 401)
    assert_refused(calven.post("/v1/presence", content=json.dumps(call(event()))), 415)
    assert_refused(calven.post("/v1/timeoff", json={}), 501)


# Submitting presence


@pytest.mark.parametrize("path", ["/v1/presence", "/v1/presence/"])
def test_a_good_event_is_loaded_and_reported(sandbox, calven, path):
    """The answer repeats the sourceId, says the time, and has a result with a message; the slash does not matter."""
    answer = post(calven, event(sourceUserId="badge 7"), path=path).json()
    assert answer["sourceId"] == "badges"
    assert answer["timestamp"].endswith("Z")
    assert answer["results"] == [{"eventId": "e1", "resultCode": 0, "message": "Success"}]
    (entry,) = sandbox.accepted()
    assert entry.pop("receivedAt") == answer["timestamp"]
    assert entry == {
        "eventId": "e1",
        "timestamp": "2023-05-15T10:22:45Z",
        "sourceId": "badges",
        "userId": USER,
        "locationId": DESK,
        "locationType": "place",
        "sourceUserId": "badge 7",
        "timesReceived": 1,
    }


BAD_EVENTS = {
    "no timestamp": event(timestamp=...),
    "no eventId": event(eventId=...),
    "no locationId": event(locationId=...),
    "no locationType": event(locationType=...),
    "unknown locationType": event(locationType="desk"),
    "neither user field": event(userId=...),
    "both user fields": event(userEmail="Kim@sandbox.example"),
    "an empty userId": event(userId=""),
    "a null userId": event(userId=None),
    "a null sourceUserId": event(sourceUserId=None),
    "a number for an id": event(eventId=7),
    "a day that is none": event(timestamp="2023-02-30T10:00:00Z"),
    "no offset": event(timestamp="2023-05-15T10:22:45"),
    "Unix seconds": event(timestamp=1684145000),
    "not an object": "e1",
}


@pytest.mark.parametrize("bad", BAD_EVENTS.values(), ids=BAD_EVENTS)
def test_a_formatting_error_in_one_event_loads_nothing_of_the_call(sandbox, calven, bad):
    """The good event before it is not loaded either."""
    assert_refused(post(calven, event("good"), bad), 400)
    assert sandbox.accepted() == []
    assert sandbox.stats()["eventsReceived"] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"\xff",
        b"[]",
        b'{"presenceEvents": []}',
        b'{"sourceId": "s"}',
        json.dumps(call()).encode(),
        json.dumps({**call(event()), "sourceId": 5}).encode(),
        json.dumps({**call(event()), "sourceId": ""}).encode(),
    ],
)
def test_a_call_that_is_not_built_as_published_is_400(calven, body):
    """Not JSON, not an object, no sourceId, no events."""
    assert_refused(calven.post("/v1/presence", content=body, headers={"content-type": "application/json"}), 400)


def test_a_call_takes_at_most_100_events(sandbox, calven):
    """100 events are loaded, 101 are refused as a whole."""
    assert_refused(post(calven, *(event(f"many-{number}") for number in range(101))), 400)
    assert sandbox.accepted() == []
    assert set(codes(post(calven, *(event(f"e{number}") for number in range(100)))).values()) == {0}
    assert len(sandbox.accepted()) == 100


def test_data_errors_reject_single_events(sandbox, calven):
    """Unknown users have code 1, unknown locations 2, and the others are loaded."""
    answer = post(calven, event("a", userId="nobody"), event("b", locationId="nowhere"), event("c"))
    assert codes(answer) == {"a": 1, "b": 2, "c": 0}
    assert [entry["message"] for entry in answer.json()["results"]] == [
        "User not found",
        "Location not found",
        "Success",
    ]
    assert accepted_ids(sandbox) == ["c"]
    assert {entry["eventId"]: entry["resultCode"] for entry in sandbox.rejected()} == {"a": 1, "b": 2}


def test_ids_compare_without_case_and_addresses_with_case(calven):
    """Capitals in an id do not matter; in an address they do."""
    answer = post(
        calven,
        event("id", userId=USER.lower(), locationId=DESK.upper()),
        event("same case", userId=..., userEmail="Kim@sandbox.example"),
        event("other case", userId=..., userEmail="kim@sandbox.example"),
        event("inactive", userId=QUIET_USER),
    )
    assert codes(answer) == {"id": 0, "same case": 0, "other case": 1, "inactive": 0}


def test_a_location_must_exist_with_the_type_that_is_said(calven):
    """Each id is good under its own type only; a space is always taken."""
    ids = {"location": OFFICE, "level": LEVEL, "zone": ZONE, "place": DESK}
    events = [
        event(f"{kind} as {said}", locationId=location_id, locationType=said)
        for kind, location_id in ids.items()
        for said in (*ids, "space")
    ]
    found = codes(post(calven, *events))
    assert {name for name, code in found.items() if code == 0} == {
        *(f"{kind} as {kind}" for kind in ids),
        *(f"{kind} as space" for kind in ids),
    }
    assert set(found.values()) == {0, 2}


def test_sending_again_is_harmless_and_counted(sandbox, calven):
    """The first content of an event stands, and each arrival counts."""
    post(calven, event())
    post(calven, event(locationId=OFFICE, locationType="location"))
    assert [(entry["locationId"], entry["timesReceived"]) for entry in sandbox.accepted()] == [(DESK, 2)]
    assert sandbox.times_received("e1") == 2
    assert sandbox.times_received("e2") == 0
    stats = sandbox.stats()
    assert (stats["eventsReceived"], stats["eventsAccepted"], stats["eventsRepeated"]) == (2, 1, 1)


# Reading


@pytest.mark.parametrize("prefix", ["/v1/analytics", "/v1"])
def test_reference_data_is_a_bare_array_under_both_prefixes(calven, prefix):
    """Users, locations and desks arrive whole, with fields that nobody named."""
    for table in ("users", "locations", "desks"):
        answer = calven.get(f"{prefix}/{table}/")
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == WORLD.rows(table)


def test_presence_details_answer_from_what_was_accepted(calven):
    """By UTC day of the timestamp, both ends included, and by ids without case."""
    post(
        calven,
        event("late", timestamp="2023-05-15T23:30:00-02:00"),
        event("early", timestamp="2023-05-15T00:00:00.250Z", userId=QUIET_USER),
        event("rejected", userId="nobody"),
    )

    def ids(**query):
        rows = calven.get("/v1/analytics/presence", params={"startDate": "2023-05-15", "endDate": "20230515", **query})
        return [(row["eventId"], row["date"]) for row in rows.json()]

    assert ids() == [("early", "2023-05-15")]
    assert ids(endDate="20230613") == [("early", "2023-05-15"), ("late", "2023-05-16")]
    assert ids(endDate="20230516", userIds=f"x,{USER.lower()}") == [("late", "2023-05-16")]
    assert ids(locationIds=OFFICE) == []
    assert ids(locationIds=DESK.upper()) == [("early", "2023-05-15")]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"startDate": "20230501"},
        {"startDate": "20230501", "endDate": "20230531"},
        {"startDate": "20230502", "endDate": "20230501"},
        {"startDate": "2023-0501", "endDate": "20230501"},
        {"startDate": "20230230", "endDate": "20230301"},
    ],
)
def test_presence_details_refuse_a_bad_period(calven, query):
    """Both dates are required, in order, and at most 30 days apart."""
    assert_refused(calven.get("/v1/analytics/presence", params=query), 400)


# The sandbox's own paths


def test_the_sandbox_can_be_asked_and_ordered_over_http(calven):
    """What it accepted, its counts, faults, tokens and a fresh start need no key."""
    calven.headers["x-calven-region"] = "ause1"
    post(calven, event("a"), event("b"), event("c", userId="nobody"))
    plain = httpx.Client(base_url=calven.base_url)
    with plain:
        assert [entry["eventId"] for entry in plain.get("/sandbox/accepted").json()] == ["a", "b"]
        assert [entry["eventId"] for entry in plain.get("/sandbox/accepted?offset=1&limit=5").json()] == ["b"]
        assert_refused(plain.get("/sandbox/accepted?limit=-1"), 400)
        assert plain.get("/sandbox/rejected").json() == [{"eventId": "c", "resultCode": 1, "timesReceived": 1}]
        stats = plain.get("/sandbox/stats").json()
        assert stats["calls"] == {"/v1/auth/token": {"200": 1}, "/v1/presence": {"200": 1}}
        assert stats["callsByKey"] == {"sandbox-all": 1}
        assert stats["callsByRegion"] == {"none": 1, "ause1": 1}
        assert stats["resultCodes"] == {"0": 2, "1": 1}
        assert stats["mostCallsOpen"]["presence"] == 1
        assert plain.post("/sandbox/faults", json={"faults": ["503"]}).status_code == 200
        assert post(calven, event()).status_code == 503
        assert plain.post("/sandbox/faults", json={"faults": []}).status_code == 200
        assert_refused(plain.post("/sandbox/faults", json={"faults": ["nonsense"]}), 400)
        assert_refused(plain.post("/sandbox/faults", json=["503"]), 400)
        plain.post("/sandbox/forget-tokens")
        assert_refused(post(calven, event()), 401)
        plain.post("/sandbox/reset")
        assert plain.get("/sandbox/accepted").json() == []
        assert plain.get("/sandbox/stats").json()["eventsReceived"] == 0


def test_long_lists_arrive_whole(sandbox, calven):
    """The list of accepted events is one JSON array, however many there are."""
    for start in range(0, 2100, 100):
        post(calven, *(event(f"e{number}") for number in range(start, start + 100)))
    assert [entry["eventId"] for entry in calven.get("/sandbox/accepted").json()] == accepted_ids(sandbox)
    assert len(sandbox.accepted()) == 2100


def test_the_world_can_change_while_it_runs(sandbox, calven):
    """A user who is provisioned later is found then; a fresh start brings the first world back."""
    newcomer = {"userId": "newcomer", "email": "new@sandbox.example"}
    assert codes(post(calven, event(userId="newcomer"))) == {"e1": 1}
    sandbox.set_world(World.of([newcomer], WORLD.rows("locations"), WORLD.rows("desks")))
    assert codes(post(calven, event(userId="newcomer"))) == {"e1": 0}
    sandbox.clear()
    assert sandbox.world.counts["users"] == 2


# Faults


@pytest.mark.parametrize("status", [400, 401, 403, 429, 503])
def test_a_status_answers_instead_and_loads_nothing(sandbox, calven, status):
    """`503` and the like refuse presence calls and leave the warehouse alone."""
    sandbox.set_faults([str(status)])
    assert_refused(post(calven, event()), status)
    assert sandbox.accepted() == []
    assert calven.get("/v1/users").status_code == 200


def test_a_stored_status_loads_and_then_refuses(sandbox, calven):
    """`504:stored` is a gateway that gave up on a call that succeeded."""
    sandbox.set_faults(["504:stored"])
    assert post(calven, event()).status_code == 504
    assert accepted_ids(sandbox) == ["e1"]


def test_times_and_from_choose_the_calls(sandbox, calven):
    """`*2` strikes twice, `:from=2` spares the first call."""
    sandbox.set_faults(["503*2:from=2"])
    assert [post(calven, event()).status_code for _ in range(5)] == [200, 503, 503, 200, 200]
    assert sandbox.stats()["faults"] == {"503*2:from=2": 2}


def test_rates_are_drawn_from_the_seed(sandbox, calven):
    """Setting the same faults again repeats the same series."""

    def series():
        sandbox.set_faults(["503@50%"])
        return [post(calven, event()).status_code for _ in range(40)]

    first = series()
    assert {200, 503} == set(first)
    assert series() == first


def test_on_chooses_the_area(sandbox, calven):
    """`:on=warehouse`, `:on=auth` and `:on=all` strike other calls than presence."""
    sandbox.set_faults(["503:on=warehouse", "418:on=auth"])
    assert post(calven, event()).status_code == 200
    assert calven.get("/v1/desks").status_code == 503
    assert calven.post("/v1/auth", json=signed()).status_code == 418
    sandbox.set_faults(["502:on=all"])
    assert {post(calven, event()).status_code, calven.get("/v1/desks").status_code} == {502}
    assert calven.get("/sandbox/stats").json()["faults"] == {"502:on=all": 2}


def test_retry_after_is_sent_as_seconds_or_as_a_date(sandbox, calven):
    """The header is as given, or the date that many seconds ahead."""
    sandbox.set_faults(["429:retry-after=2"])
    assert post(calven, event()).headers["retry-after"] == "2"
    sandbox.set_faults(["429:retry-after-date=2"])
    assert post(calven, event()).headers["retry-after"].endswith(" GMT")


@pytest.mark.parametrize("spec", ["drop-before-store", "drop-after-store"])
def test_drop_breaks_the_connection(sandbox, calven, spec):
    """No byte arrives; whether the event is loaded is what the name says."""
    sandbox.set_faults([f"{spec}*1"])
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        post(calven, event())
    assert len(sandbox.accepted()) == (spec == "drop-after-store")
    assert sandbox.stats()["calls"]["/v1/presence"] == {"dropped": 1}
    assert post(calven, event()).status_code == 200


def test_reset_mid_body_breaks_after_half_of_the_answer(sandbox, calven):
    """The head arrives with 200, the body does not end, and the event is loaded."""
    sandbox.set_faults(["reset-mid-body"])
    with calven.stream("POST", "/v1/presence", json=call(event())) as answer:
        assert answer.status_code == 200
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            answer.read()
    assert accepted_ids(sandbox) == ["e1"]


def test_delay_makes_a_client_give_up(sandbox, calven):
    """A client that does not wait gets no answer; with `:stored` the event is loaded all the same."""
    sandbox.set_faults(["delay=60s:stored"])
    with pytest.raises(httpx.ReadTimeout):
        post(calven, event(), timeout=0.2)
    assert accepted_ids(sandbox) == ["e1"]
    sandbox.set_faults(["delay=60s"])
    with pytest.raises(httpx.ReadTimeout):
        post(calven, event("e2"), timeout=0.2)
    assert accepted_ids(sandbox) == ["e1"]
    sandbox.set_faults(["delay=1ms"])
    assert codes(post(calven, event("e3"))) == {"e3": 0}


def test_slow_drip_sends_the_whole_answer_in_pieces(sandbox, calven):
    """A patient client can read it."""
    sandbox.set_faults(["slow-drip=1ms", "no-message"])
    assert post(calven, event()).json()["results"] == [{"eventId": "e1", "resultCode": 0}]


def test_truncate_answers_half_of_the_json(sandbox, calven):
    """HTTP is in order, the JSON is not, and the event is loaded."""
    sandbox.set_faults(["truncate"])
    answer = post(calven, event())
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert accepted_ids(sandbox) == ["e1"]


@pytest.mark.parametrize(("spec", "start"), [("html", b"<!doctype html>"), ("empty", b"")])
def test_html_and_empty_answer_200_and_load_nothing(sandbox, calven, spec, start):
    """A proxy's sign-in page, or nothing at all, is no proof."""
    sandbox.set_faults([spec])
    answer = post(calven, event())
    assert answer.status_code == 200
    assert answer.content[:15] == start
    assert sandbox.accepted() == []


def test_redirect_leads_to_a_page_that_proves_nothing(sandbox, calven):
    """A client that follows finds a sign-in page with 200."""
    sandbox.set_faults(["redirect"])
    assert post(calven, event()).status_code == 302
    assert "Sign in" in post(calven, event(), follow_redirects=True).text
    sandbox.set_faults(["redirect=307"])
    assert post(calven, event()).status_code == 307
    assert sandbox.accepted() == []


@pytest.mark.parametrize(
    ("shape", "content"), [("object", {"ok": True}), ("list", ["ok"]), ("text", "ok"), ("null", None)]
)
def test_wrong_shape_answers_other_json(sandbox, calven, shape, content):
    """The call is carried out, the answer is something else."""
    sandbox.set_faults([f"wrong-shape={shape}"])
    assert post(calven, event()).json() == content
    assert accepted_ids(sandbox) == ["e1"]


def test_the_warehouse_can_answer_wrapped_or_without_rows(sandbox, calven):
    """`wrong-shape=wrapped` puts the array into an object, `no-rows` empties it."""
    sandbox.set_faults(["wrong-shape=wrapped:on=warehouse"])
    assert calven.get("/v1/users").json() == {"data": WORLD.rows("users")}
    sandbox.set_faults(["no-rows"])
    assert calven.get("/v1/users").json() == []


def test_other_source_answers_for_another_call(sandbox, calven):
    """The sourceId of the answer is not the one that was sent."""
    sandbox.set_faults(["other-source"])
    assert post(calven, event()).json()["sourceId"] == "another source"


@pytest.mark.parametrize("spec", RESULT_FAULTS)
def test_results_can_be_spoilt(sandbox, calven, spec):
    """The events are judged as always; only the report differs."""
    sandbox.set_faults([spec])
    results = post(calven, event("a"), event("b", userId="nobody")).json().get("results")
    good = {"eventId": "a", "resultCode": 0, "message": "Success"}
    bad = {"eventId": "b", "resultCode": 1, "message": "User not found"}
    assert (
        results
        == {
            "codes-as-text": [{**good, "resultCode": "0"}, {**bad, "resultCode": "1"}],
            "double-results": [good, bad, good, bad],
            "no-message": [{"eventId": "a", "resultCode": 0}, {"eventId": "b", "resultCode": 1}],
            "no-results": None,
            "only-problems": [bad],
            "unknown-ids": [{**good, "eventId": "unknown-0"}, {**bad, "eventId": "unknown-1"}],
        }[spec]
    )
    assert accepted_ids(sandbox) == ["a"]


def test_shuffle_changes_the_order_only(sandbox, calven):
    """Every result is there, in another order."""
    sandbox.set_faults(["shuffle"])
    events = [event(f"e{number}") for number in range(20)]
    reported = list(codes(post(calven, *events)))
    sent = [sent["eventId"] for sent in events]
    assert reported != sent
    assert sorted(reported) == sorted(sent)


def test_forget_tokens_makes_the_call_that_it_strikes_401(sandbox, calven):
    """A new token works again."""
    sandbox.set_faults(["forget-tokens*1"])
    assert_refused(post(calven, event()), 401)
    calven.headers["authorization"] = f"Bearer {token(calven, 'sandbox-all')}"
    assert codes(post(calven, event())) == {"e1": 0}


def test_poison_refuses_the_whole_call(sandbox, calven):
    """A text with any characters in any field of one event; calls without it pass."""
    sandbox.set_faults(["poison=@:bad*x"])
    assert_refused(post(calven, event("good"), event("e2", sourceUserId="a@:bad*x!")), 400)
    assert sandbox.accepted() == []
    assert codes(post(calven, event("good"))) == {"good": 0}


def test_code_rejects_a_share_of_the_events_always_the_same(sandbox, calven):
    """The share depends on the event ids, not on the order or the number of calls."""
    sandbox.set_faults(["code=3@20%"])
    events = [event(f"e{number}") for number in range(100)]
    first = codes(post(calven, *events))
    again = codes(post(calven, *reversed(events)))
    assert first == again
    assert set(first.values()) == {0, 3}
    assert 5 < sum(code == 3 for code in first.values()) < 40
    assert set(accepted_ids(sandbox)) == {name for name, code in first.items() if code == 0}


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "nonsense",
        "200",
        "503@200%",
        "503@10",
        "503*0",
        "503*1*2",
        "503:on=everything",
        "503:on",
        "503:stored=yes",
        "503:retry-after-date=soon",
        "html:retry-after=2",
        "no-rows:on=presence",
        "other-source:on=all",
        "delay",
        "delay=soon",
        "poison",
        "code=0",
        "code=x",
        "truncate=5",
        "wrong-shape=round",
    ],
)
def test_a_bad_spec_is_refused_with_the_known_faults(sandbox, calven, spec):
    """The message names the SPEC and lists every fault by example; the faults in force stay."""
    sandbox.set_faults(["503"])
    with pytest.raises(SandboxError, match="Known faults, by example:") as refused:
        sandbox.set_faults([spec])
    assert repr(spec) in str(refused.value)
    assert "drop-after-store@1%" in str(refused.value)
    assert post(calven, event()).status_code == 503
