"""Asking Calven what it has: which days, what is kept of its answers, and what the comparison finds."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stamina

from calven_pipeline.api import CalvenClient
from calven_pipeline.errors import (
    CalvenUnavailableError,
    MissingKeyError,
    PermissionDeniedError,
    RefusedCallError,
    UnreadableAnswerError,
)
from calven_pipeline.reconciliation.reconcile import Reconciliation, reconcile
from calven_pipeline.retention.erasure import forget_person
from calven_pipeline.retention.persons import Asked
from calven_pipeline.sandbox import SandboxServer, World
from calven_pipeline.settings import Settings
from calven_pipeline.warehouse.database import WorkingDatabase
from tests.http.delivering import OpenPipeline, Pipeline
from tests.http.test_api_stand_in import TOKEN_PATH, Received, Reply, StandIn, token_reply

PATH = "/v1/analytics/presence"
NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
USERS = [
    {"userId": user_id, "email": f"{user_id[2:].lower()}@sandbox.example"} for user_id in ("u-ann", "U-BOB", "u-cid")
]
WORLD = World.of(USERS, [{"locationId": "Office"}], [{"deskId": "Desk", "zoneId": "Zone", "levelId": "Level"}])

Row = dict[str, Any]


class Details(StandIn):
    """A Calven that answers Presence Details in a shape of the test's choosing: any rows, filed under a day of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.instead: dict[tuple[str, str], Reply] = {}

    def take(self, received: Received) -> Reply:
        parts = urlsplit(received.path)
        if parts.path == TOKEN_PATH:
            return token_reply()
        assert parts.path == PATH
        query = parse_qs(parts.query)
        days = (query["startDate"][0], query["endDate"][0])
        self.asked.append(days)
        found = [row for day, row in self.rows if days[0] <= day <= days[1]]
        return self.instead.get(days, Reply(body=json.dumps(found).encode()))

    def knows(self, pipeline: Pipeline, shape: Callable[[Row], Any]) -> None:
        """What the sandbox took, told in that shape."""
        self.rows = [(event["timestamp"][:10], shape(event)) for event in pipeline.sandbox.accepted()]


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Tries follow each other at once, two at most."""
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(world=WORLD) as running:
        yield running


@pytest.fixture(scope="module")
def pulled_folder(server: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with reference data and nothing else."""
    folder = tmp_path_factory.mktemp("pulled") / "data"
    Pipeline(folder, server).pull()
    return folder


@pytest.fixture
def pipeline(tmp_path: Path, server: SandboxServer, pulled_folder: Path) -> Iterator[OpenPipeline]:
    """Three users and a desk, and nothing delivered yet."""
    server.clear()
    shutil.copytree(pulled_folder, tmp_path / "data")
    with OpenPipeline(tmp_path / "data", server).opened() as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
def delivered(
    server: SandboxServer, pulled_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    """Two people were accepted on two days; for tests that look at this anew, each with another Calven."""
    server.clear()
    folder = tmp_path_factory.mktemp("delivered") / "data"
    shutil.copytree(pulled_folder, folder)
    with OpenPipeline(folder, server).opened() as pipeline:
        deliver(pipeline, *days("2026-10-05", 2), users="ann bob")
        yield pipeline


@pytest.fixture
def details() -> Iterator[Details]:
    with Details() as running:
        yield running


def deliver(pipeline: Pipeline, *times: str, users: str = "ann") -> None:
    """Have an event of each of these users accepted for each of these times."""
    path = pipeline.data_dir / "exports" / f"{len(list(pipeline.data_dir.glob('exports/*')))}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{time},u-{user},Desk,place" for user in users.split() for time in times]
    path.write_text("\n".join(["timestamp,userId,locationId,locationType", *lines]) + "\n")
    pipeline.judge()
    assert pipeline.publish().accepted == len(lines)


def days(first: str, count: int) -> list[str]:
    """Noon of so many days in a row."""
    start = datetime.fromisoformat(first)
    return [f"{start + timedelta(days=n):%Y-%m-%d}T12:00:00Z" for n in range(count)]


def look(
    pipeline: Pipeline,
    details: Details | None = None,
    *,
    before: date | None = None,
    now: datetime = NOW,
    **settings: Any,
) -> Reconciliation:
    """Reconcile with the sandbox, or with another Calven."""
    if details is not None:
        settings["api_url"] = details.url
    settings = {**pipeline.settings().model_dump(), **settings}
    with pipeline.database() as database, CalvenClient(Settings(**settings)) as client:
        return reconcile(database, client, before=before, now=now)


def kept(pipeline: Pipeline, columns: str = "details") -> list[Any]:
    """What the working database holds of Calven's rows."""
    with pipeline.database() as database:
        rows = database.connection.execute(f"select {columns} from calven_presence order by all").fetchall()
    return [row[0] if len(row) == 1 else row for row in rows]


def by_id(event: Row) -> Row:
    """One of many shapes that are easily recognised."""
    return {"date": event["timestamp"][:10], "userId": event["userId"], "event": event["eventId"]}


# What is asked


def test_rows_are_kept_as_they_come_and_everybody_is_confirmed(pipeline: Pipeline) -> None:
    """Every field that the sandbox answers is there; day and person are recognised; analysts see the same."""
    deliver(pipeline, "2026-10-05T08:00:00Z", "2026-10-05T17:00:00Z", "2026-10-06T08:00:00Z")
    deliver(pipeline, "2026-10-05T09:00:00Z", users="bob")
    found = look(pipeline)
    assert (found.calls, found.rows_pulled, found.recognised, found.row_count) == (1, 4, 4, 4)
    assert (found.expected, found.confirmed, found.agrees) == (3, 3, True)
    assert found.story == "Calven reports all of 3 people-days."
    taken = {event["eventId"]: event for event in pipeline.sandbox.accepted()}
    told = [json.loads(details) for details in kept(pipeline)]
    assert {row["eventId"] for row in told} == set(taken)
    assert all(row["timestamp"] == taken[row["eventId"]]["timestamp"] for row in told)
    assert all({"sourceId", "sourceUserId", "locationId", "locationType"} < set(row) for row in told)
    assert pipeline.ask(
        "select reported_on::varchar, user_id, count(*) from calven_presence group by all order by all"
    ) == [
        ("2026-10-05", "U-BOB", 1),
        ("2026-10-05", "u-ann", 2),
        ("2026-10-06", "u-ann", 1),
    ]


def test_nothing_touched_means_no_call(pipeline: Pipeline) -> None:
    """Before anything is accepted, and once everything was compared; also where events were only rejected since."""
    assert look(pipeline).story == "Nothing was accepted since Calven was last asked."
    deliver(pipeline, "2026-10-05T08:00:00Z")
    assert look(pipeline).calls == 1
    pipeline.sandbox.set_faults(["code=2"])
    pipeline.export("rejected.csv", 2)
    pipeline.judge()
    assert pipeline.publish().rejected == 2
    again = look(pipeline)
    assert (again.calls, again.agrees, again.row_count) == (0, True, 1)
    assert pipeline.sandbox.stats()["calls"][PATH] == {"200": 1}


def test_only_the_days_touched_are_asked_for(pipeline: Pipeline, details: Details) -> None:
    """Days in a row are one call, the newest first; a gap is not pulled, and the next time it is the new days alone."""
    deliver(pipeline, *days("2026-10-01", 3), *days("2026-10-08", 1))
    look(pipeline, details)
    assert details.asked == [("2026-10-08", "2026-10-08"), ("2026-10-01", "2026-10-03")]
    details.asked.clear()
    deliver(pipeline, *days("2026-10-05", 2), users="bob")
    look(pipeline, details)
    assert details.asked == [("2026-10-05", "2026-10-06")]


def test_more_than_thirty_days_take_more_calls(pipeline: Pipeline) -> None:
    """At most thirty days a call, both ends counted; the sandbox refuses more."""
    deliver(pipeline, *days("2026-08-01", 61))
    found = look(pipeline)
    assert (found.calls, found.expected, found.confirmed) == (3, 61, 61)
    assert pipeline.sandbox.stats()["calls"][PATH] == {"200": 3}


def test_local_days_and_utc_days_are_both_looked_at(pipeline: Pipeline, details: Details) -> None:
    """Half past midnight in Athens is the evening before in UTC: Calven may file it under either."""
    (pipeline.data_dir / "sources.yaml").write_text(
        "sources:\n  - name: doors\n    files: '*.csv'\n    timezone: Europe/Athens\n    columns: {timestamp: timestamp,"
        " user_id: userId, location_id: locationId, location_type: locationType}\n"
    )
    deliver(pipeline, "2026-10-05 00:30")
    details.rows = [("2026-10-04", {"date": "2026-10-04", "userId": "u-ann"})]
    found = look(pipeline, details)
    assert details.asked == [("2026-10-04", "2026-10-05")]
    assert [(str(day.day), day.expected, day.confirmed) for day in found.days] == [("2026-10-05", 1, 1)]
    deliver(pipeline, "2026-10-12 00:40")
    details.rows = [("2026-10-12", {"date": "2026-10-12", "userId": "u-ann"})]
    assert look(pipeline, details).agrees


def test_a_dry_run_asks_nothing(pipeline: Pipeline) -> None:
    """What was accepted before is asked for by the next live run."""
    deliver(pipeline, "2026-10-05T08:00:00Z")
    rehearsal = look(pipeline, publish="dry-run")
    assert (rehearsal.calls, rehearsal.agrees, rehearsal.story) == (0, True, "A dry run asks nothing.")
    assert PATH not in pipeline.sandbox.stats()["calls"]
    assert look(pipeline).confirmed == 1


# What is found


def test_a_person_whom_calven_does_not_report_is_found(pipeline: Pipeline, details: Details) -> None:
    """By day, in counts, without a name; whom Calven reports beyond what we sent is no fault."""
    deliver(pipeline, *days("2026-10-05", 2), users="ann bob")
    details.knows(pipeline, by_id)
    details.rows = [row for row in details.rows if row[1]["userId"] != "U-BOB" or row[0] != "2026-10-06"]
    details.rows.append(("2026-10-06", {"date": "2026-10-06", "userId": "u-cid"}))
    found = look(pipeline, details)
    assert [(day.expected, day.confirmed, day.missing) for day in found.days] == [(2, 2, 0), (2, 1, 1)]
    assert not found.agrees
    assert found.story == "Calven does not report 1 of 4 people-days: 1 on 2026-10-06."


def test_whoever_is_missing_is_looked_for_again(pipeline: Pipeline, details: Details) -> None:
    """Calven may need a while: an hour later that day alone is asked for again, and until then the warning stands."""
    deliver(pipeline, *days("2026-10-05", 3))
    details.knows(pipeline, by_id)
    late = details.rows.pop(1)
    assert look(pipeline, details).unconfirmed == 1
    details.asked.clear()
    soon = look(pipeline, details, now=NOW + timedelta(minutes=59))
    assert (soon.calls, soon.agrees) == (0, False)
    assert soon.story == "1 people-days are not confirmed yet, and are looked for again later."
    details.rows.append(late)
    later = look(pipeline, details, now=NOW + timedelta(minutes=60))
    assert details.asked == [("2026-10-06", "2026-10-06")]
    assert (later.expected, later.confirmed, later.unconfirmed, later.agrees) == (1, 1, 0, True)
    assert len(kept(pipeline)) == 3


def test_nobody_is_looked_for_for_ever(pipeline: Pipeline, details: Details) -> None:
    """Four looks, an hour apart; then no call is spent on it any more, and the warning stands for thirty days."""
    deliver(pipeline, *days("2026-10-05", 1), users="ann bob")
    looks = [look(pipeline, details, now=NOW + timedelta(hours=hours)) for hours in range(7)]
    assert [found.calls for found in looks] == [1, 1, 1, 1, 0, 0, 0]
    assert [found.unconfirmed for found in looks] == [2, 2, 2, 0, 0, 0, 0]
    assert [found.given_up for found in looks] == [0, 0, 0, 2, 2, 2, 2]
    assert not any(found.agrees for found in looks)
    assert looks[-1].story == (
        "Nothing was accepted since Calven was last asked. 2 people-days were given up in the last 30 days: "
        "Calven never confirmed them, and no call is spent on them any more."
    )
    nearly, after = (look(pipeline, details, now=NOW + timedelta(days=30, hours=hours)) for hours in (2, 3))
    assert (nearly.calls, nearly.given_up, nearly.agrees) == (0, 2, False)
    assert (after.calls, after.given_up, after.agrees) == (0, 0, True)


@pytest.fixture(scope="module")
def given_up_folder(server: SandboxServer, pulled_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people on two days, of whom Calven reports nobody until we stop looking."""
    server.clear()
    folder = tmp_path_factory.mktemp("given-up") / "data"
    shutil.copytree(pulled_folder, folder)
    with OpenPipeline(folder, server).opened() as pipeline, Details() as details:
        deliver(pipeline, *days("2026-10-05", 2), users="ann bob")
        for hours in range(4):
            look(pipeline, details, now=NOW + timedelta(hours=hours))
    return folder


@pytest.fixture
def given_up(tmp_path: Path, server: SandboxServer, given_up_folder: Path) -> Iterator[OpenPipeline]:
    """A copy of that folder."""
    server.clear()
    shutil.copytree(given_up_folder, tmp_path / "data")
    with OpenPipeline(tmp_path / "data", server).opened() as pipeline:
        yield pipeline


def test_whom_calven_reports_later_was_not_given_up_for_good(given_up: Pipeline, details: Details) -> None:
    """No call is made for it; where somebody else's event has that day pulled again, whoever is there is confirmed."""
    deliver(given_up, "2026-10-06T15:00:00Z", users="cid")
    details.rows = [("2026-10-06", {"date": "2026-10-06", "userId": f"u-{user}"}) for user in ("ANN", "cid")]
    found = look(given_up, details, now=NOW + timedelta(hours=5))
    assert (found.expected, found.confirmed, found.given_up, found.agrees) == (1, 1, 3, False)
    details.rows.append(("2026-10-06", {"date": "2026-10-06", "email": "bob@sandbox.example"}))
    deliver(given_up, "2026-10-06T16:00:00Z", users="cid")
    assert look(given_up, details, now=NOW + timedelta(hours=6)).given_up == 2


def test_whoever_is_accepted_anew_is_looked_for_anew(given_up: Pipeline, details: Details) -> None:
    """Another event of the same person on the same day, after we had given up."""
    deliver(given_up, "2026-10-06T15:00:00Z")
    found = look(given_up, details, now=NOW + timedelta(hours=5))
    assert (found.expected, found.unconfirmed, found.given_up) == (1, 1, 3)


def test_who_is_given_up_is_forgotten_in_the_end(given_up: Pipeline, details: Details) -> None:
    """Thirty days later the next look that asks anything drops them."""
    deliver(given_up, "2026-10-08T15:00:00Z", users="cid")
    look(given_up, details, now=NOW + timedelta(days=31))
    with given_up.database() as database:
        assert database.connection.execute(
            "select local_date::varchar, looks from unconfirmed_presence"
        ).fetchall() == [("2026-10-08", 1)]


def test_an_empty_array_is_an_answer(pipeline: Pipeline, details: Details) -> None:
    """Read, and empty: everybody is missing."""
    deliver(pipeline, *days("2026-10-05", 2))
    found = look(pipeline, details)
    assert (found.problem, found.rows_pulled, found.expected, found.confirmed) == (None, 0, 2, 0)
    assert found.story == "Calven does not report 2 of 2 people-days: 1 on 2026-10-05, 1 on 2026-10-06."


@pytest.mark.parametrize(
    "shape",
    [
        lambda event: {"date": event["timestamp"][:10], "userId": event["userId"].upper()},
        lambda event: {"local_date": event["timestamp"][:10].replace("-", ""), "user_id": event["userId"]},
        lambda event: {"Day": f"{event['timestamp'][:10]}T00:00:00+02:00", "User": {"ID": event["userId"], "age": 7}},
        lambda event: {"presenceDate": event["timestamp"][:10], "person": {"user_id": event["userId"]}},
        lambda event: {"timestamp": event["timestamp"], "userEmail": address(event)},
        lambda event: {"seen_at": event["timestamp"].replace("T", " "), "user": {"email_address": address(event)}},
        lambda event: {"date": event["timestamp"][:10], "user": {"id": "another numbering", "email": address(event)}},
        lambda event: {"date": None, "day": event["timestamp"][:10], "userId": " ", "EMAIL": address(event)},
        lambda event: {"date": int(event["timestamp"][:10].replace("-", "")), "userId": event["userId"], "x": [1, {}]},
        lambda event: {'odd " name': 1, "": None, "date": event["timestamp"][:10], "userId": event["userId"]},
    ],
)  # fmt: skip
def test_other_shapes_are_recognised(delivered: Pipeline, details: Details, shape: Callable[[Row], Row]) -> None:
    """Other names for the same things, one level down, and fields that nobody has named; all is kept."""
    with delivered.database() as database:
        database.connection.execute("delete from calven_presence; delete from reconciliations")
    events = [{"userId": user, "timestamp": day} for user in ("u-ann", "u-bob") for day in days("2026-10-05", 2)]
    details.rows = [(event["timestamp"][:10], shape(event)) for event in events]
    found = look(delivered, details)
    assert (found.expected, found.confirmed, found.recognised) == (4, 4, 4)
    assert sorted(as_text(json.loads(row)) for row in kept(delivered)) == sorted(
        as_text(row) for _, row in details.rows
    )


def as_text(row: object) -> str:
    return json.dumps(row, separators=(",", ":"))


def address(event: Row) -> str:
    """The address of the event's user, as provisioned."""
    return f"{event['userId'][2:].lower()}@sandbox.example"


def test_shapes_may_differ_from_row_to_row(pipeline: Pipeline, details: Details) -> None:
    """What is no object, or says nothing, is kept and counted as not recognised."""
    deliver(pipeline, *days("2026-10-05", 1), users="ann bob")
    rows = [{"date": "2026-10-05", "userId": "u-ann"}, {"day": "20261005", "user": {"email": "bob@sandbox.example"}}]
    odd = [7, None, "text", [1, 2], {}, {"date": "2026-10-05"}, {"userId": "u-ann"}]
    details.rows = [("2026-10-05", row) for row in [*rows, *odd]]
    found = look(pipeline, details)
    assert (found.rows_pulled, found.recognised, found.confirmed, found.agrees) == (9, 3, 2, True)
    assert found.story == "Calven reports all of 2 people-days. 6 of 9 rows were not recognised."
    assert sorted(as_text(json.loads(row)) for row in kept(pipeline)) == sorted(map(as_text, [*rows, *odd]))


def test_addresses_compare_with_case(pipeline: Pipeline, details: Details) -> None:
    """As Calven does when it takes an event."""
    deliver(pipeline, *days("2026-10-05", 1))
    details.rows = [("2026-10-05", {"date": "2026-10-05", "email": "Ann@sandbox.example"})]
    assert look(pipeline, details).confirmed == 0


def test_a_shape_that_nobody_foresaw_cannot_be_compared(pipeline: Pipeline, details: Details) -> None:
    """The field names that came are told, no values, and no name that may be somebody's; the rows are kept."""
    deliver(pipeline, *days("2026-10-05", 2))
    details.rows = [("2026-10-05", {"wer": "u-ann", "wann": "ann@sandbox.example", "bob@sandbox.example": True})]
    found = look(pipeline, details)
    assert (found.agrees, found.days, found.unconfirmed) == (False, [], 0)
    assert found.story == (
        "Cannot compare: none of the 1 rows names a person and a day in a way that we recognise. "
        "Fields that came: wann, wer."
    )
    assert len(kept(pipeline)) == 1
    again = look(pipeline, details, now=NOW + timedelta(hours=2))
    assert (again.calls, again.agrees, again.story) == (1, False, found.story)
    details.knows(pipeline, by_id)
    known = look(pipeline, details)
    assert (known.expected, known.confirmed, known.agrees, len(kept(pipeline))) == (2, 2, True, 2)
    assert look(pipeline, details).calls == 0


def test_what_cannot_be_compared_is_not_pulled_whole_by_every_run(pipeline: Pipeline, details: Details) -> None:
    """Once all is pulled and nothing recognised, one call is a trial; rows of days not asked for stay."""
    deliver(pipeline, *days("2026-10-01", 1), *days("2026-10-03", 1), *days("2026-10-05", 1))
    details.knows(pipeline, lambda event: {"wer": event["userId"]} | {"wann": event["timestamp"]})
    assert look(pipeline, details).calls == 3
    details.asked.clear()
    assert look(pipeline, details).calls == 1
    assert details.asked == [("2026-10-05", "2026-10-05")]
    assert len(kept(pipeline)) == 3
    details.knows(pipeline, by_id)
    known = look(pipeline, details)
    assert (known.calls, known.expected, known.confirmed, len(kept(pipeline))) == (3, 3, 3, 3)


def test_whom_we_look_for_is_not_lost_where_nothing_can_be_compared(pipeline: Pipeline, details: Details) -> None:
    """Nor does that count as a look."""
    deliver(pipeline, *days("2026-10-05", 1))
    assert look(pipeline, details).unconfirmed == 1
    details.rows = [("2026-10-05", {"wer": "u-ann"})]
    for hours in range(1, 6):
        found = look(pipeline, details, now=NOW + timedelta(hours=hours))
        assert (found.calls, found.unconfirmed, found.given_up) == (1, 1, 0)
    details.knows(pipeline, by_id)
    assert look(pipeline, details, now=NOW + timedelta(hours=6)).agrees


# What is kept


def test_a_day_that_is_pulled_again_is_replaced(pipeline: Pipeline, details: Details) -> None:
    """The day's new rows stand for its old ones; other days stay, those between included."""
    deliver(pipeline, *days("2026-10-05", 3))
    details.knows(pipeline, by_id)
    look(pipeline, details)
    deliver(pipeline, "2026-10-05T15:00:00Z", "2026-10-07T15:00:00Z", users="bob")
    details.rows = [(day, {"date": day, "userId": "u-bob"}) for day in ("2026-10-05", "2026-10-07")]
    look(pipeline, details)
    assert details.asked[1:] == [("2026-10-07", "2026-10-07"), ("2026-10-05", "2026-10-05")]
    assert kept(pipeline, "reported_on::varchar, user_id") == [
        ("2026-10-05", "u-bob"),
        ("2026-10-06", "u-ann"),
        ("2026-10-07", "u-bob"),
    ]


@pytest.mark.parametrize("fields", [{}, {"timestamp": "2026-10-06T00:30:00Z"}, {"date": "2026-12-31"}])
def test_rows_without_a_day_of_their_own_are_asked_for_again_together(
    pipeline: Pipeline, details: Details, fields: Row
) -> None:
    """They stand for all days they were asked with: neither doubled nor lost when one of these is touched again."""
    deliver(pipeline, *days("2026-10-05", 3))
    details.rows = [(f"2026-10-0{day}", {"userId": "u-ann", "number": day, **fields}) for day in (5, 6, 7)]
    look(pipeline, details)
    deliver(pipeline, "2026-10-07T15:00:00Z", "2026-10-08T15:00:00Z", users="bob")
    details.rows.append(("2026-10-08", {"userId": "u-bob", "number": 8, **fields}))
    look(pipeline, details)
    assert details.asked[1:] == [("2026-10-05", "2026-10-08")]
    assert sorted(json.loads(row)["number"] for row in kept(pipeline)) == [5, 6, 7, 8]


def test_days_that_retention_removed_do_not_come_back(pipeline: Pipeline, details: Details) -> None:
    """They are compared; a row without a day of its own is of the last one asked for."""
    deliver(pipeline, *days("2026-10-05", 2), users="ann bob")
    details.knows(pipeline, by_id)
    details.rows.append(("2026-10-05", {"userId": "u-ann"}))
    found = look(pipeline, details, before=date(2026, 10, 6))
    assert (found.confirmed, found.rows_pulled, found.row_count) == (4, 5, 3)
    assert kept(pipeline, "distinct reported_on") == [date(2026, 10, 6), None]


def test_a_forgotten_person_does_not_come_back_with_the_days_of_others(
    server: SandboxServer, pulled_folder: Path, tmp_path: Path, details: Details
) -> None:
    """Not by id, by address, or by a mention in another's row; but for days on which they were seen since."""
    server.clear()
    shutil.copytree(pulled_folder, tmp_path / "data")
    pipeline = Pipeline(tmp_path / "data", server)
    deliver(pipeline, *days("2026-10-05", 2), users="ann bob")
    details.knows(pipeline, by_id)
    look(pipeline, details)
    assert len(kept(pipeline)) == 4
    forget_person(pipeline.data_dir, Asked(user_id="U-Ann"), launch="1", run_id="1")
    pipeline.pull()
    deliver(pipeline, "2026-10-05T17:00:00Z", users="bob")
    deliver(pipeline, "2026-10-06T17:00:00Z", users="ann bob")
    details.knows(pipeline, by_id)
    address = "ann@sandbox.example"
    details.rows += [
        ("2026-10-05", {"date": "2026-10-05", "email": address.upper()}),
        ("2026-10-05", {"date": "2026-10-05", "userId": "u-cid", "host": f"Ann <{address}>."}),
        ("2026-10-05", {"date": "2026-10-05", "userId": "u-cid", "host": f"j{address}"}),
    ]
    assert look(pipeline, details).confirmed == 3
    rows = Counter(kept(pipeline, "day(reported_on), lower(user_id)"))
    assert rows == {(5, "u-bob"): 2, (5, "u-cid"): 1, (6, "u-ann"): 2, (6, "u-bob"): 2}
    assert pipeline.ask("select count(*) from calven_presence") == [(7,)]


def test_where_one_day_is_asked_for_that_is_the_day(pipeline: Pipeline, details: Details) -> None:
    """Rows that name no day can be compared all the same."""
    deliver(pipeline, "2026-10-05T08:00:00Z")
    details.rows = [("2026-10-05", {"userId": "u-ann"})]
    assert look(pipeline, details).confirmed == 1


def test_two_rows_that_are_the_same_are_two_rows(pipeline: Pipeline, details: Details) -> None:
    """As they come; pulled again they are still two."""
    deliver(pipeline, "2026-10-05T08:00:00Z")
    details.rows = [("2026-10-05", {"date": "2026-10-05", "userId": "u-ann"})] * 2
    look(pipeline, details)
    deliver(pipeline, "2026-10-05T09:00:00Z", users="bob")
    look(pipeline, details)
    assert len(kept(pipeline)) == 2


def test_the_snapshot_takes_them_in_when_calven_was_asked(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The analysts' table is written anew then, and left alone otherwise."""
    ran = []
    run = WorkingDatabase.run
    monkeypatch.setattr(
        WorkingDatabase, "run", lambda self, name, *parameters: [ran.append(name), run(self, name, *parameters)][1]
    )
    written = []
    for step in (lambda: deliver(pipeline, "2026-10-05T08:00:00Z"), lambda: look(pipeline), lambda: look(pipeline)):
        step()
        ran.clear()
        rows = pipeline.ask("select count(*) from calven_presence")
        written.append((rows[0][0], "analytics/add_calven_presence" in ran))
    assert written == [(0, False), (1, True), (1, False)]


# What goes wrong


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        ({"warehouse_api_key": "sandbox-events", "warehouse_api_secret": "sandbox-events-secret"}, PermissionDeniedError),
        ({"api_key": None}, MissingKeyError),
        ({"api_url": "http://127.0.0.1:9"}, CalvenUnavailableError),
        ("truncate:on=warehouse", UnreadableAnswerError),
        ("html:on=warehouse", UnreadableAnswerError),
        ("wrong-shape=object:on=warehouse", UnreadableAnswerError),
        ("503:on=warehouse", CalvenUnavailableError),
        ("400:on=warehouse", RefusedCallError),
    ],
)  # fmt: skip
def test_where_calven_cannot_be_asked_the_old_rows_stay(
    delivered: Pipeline, trouble: str | Row, error: type[Exception]
) -> None:
    """No error is raised; one line says why; the same days are to be asked for."""
    with delivered.database() as database:
        database.connection.execute("delete from reconciliations; delete from calven_presence")
        database.connection.execute(
            "insert into calven_presence by name select date '2026-10-05' first_day, first_day last_day, now()::timestamp pulled_at"
        )
    settings = trouble if isinstance(trouble, dict) else {}
    delivered.sandbox.set_faults([trouble] if isinstance(trouble, str) else [])
    for _ in range(2):
        found = look(delivered, **settings)
        assert type(found.problem) is error
        assert (found.ranges, found.agrees, found.row_count, found.days) == (1, False, 1, [])
        assert found.story.startswith("Calven could not be asked, and the same days are asked for next time: ")
        assert "\n" not in found.story


def test_what_could_not_be_asked_is_asked_next_time(pipeline: Pipeline) -> None:
    """With what came meanwhile; rows of before stay until then."""
    deliver(pipeline, "2026-10-05T08:00:00Z")
    look(pipeline)
    deliver(pipeline, "2026-10-05T09:00:00Z", "2026-10-06T09:00:00Z", users="bob")
    refused = look(pipeline, warehouse_api_key="sandbox-events", warehouse_api_secret="sandbox-events-secret")
    assert isinstance(refused.problem, PermissionDeniedError)
    assert refused.row_count == 1
    again = look(pipeline)
    assert (again.calls, again.expected, again.confirmed, again.row_count) == (1, 2, 2, 3)


def test_a_run_that_ends_half_way_keeps_nothing(pipeline: Pipeline, details: Details) -> None:
    """The second call fails: the first is made again with it, so that what is kept is of one time."""
    deliver(pipeline, *days("2026-10-05", 1), *days("2026-10-10", 1))
    details.knows(pipeline, by_id)
    second = ("2026-10-05", "2026-10-05")
    details.instead[second] = Reply(503)
    assert look(pipeline, details).problem is not None
    assert kept(pipeline) == []
    details.instead.clear()
    assert look(pipeline, details).confirmed == 2


def test_a_range_that_calven_refuses_keeps_no_other_from_being_compared(pipeline: Pipeline, details: Details) -> None:
    """An absurd day, refused for ever: told, looked for four times as anybody missing is, then given up."""
    absurd = ("0026-10-05", "0026-10-05")
    deliver(pipeline, "0026-10-05T12:00:00Z", *days("2026-10-05", 2))
    details.knows(pipeline, by_id)
    details.instead[absurd] = Reply(400, body=b'{"message": "startDate is out of range"}')
    first = look(pipeline, details)
    assert (first.calls, first.expected, first.confirmed, first.unconfirmed) == (2, 3, 2, 1)
    assert (first.problem, first.refused, first.agrees) == (None, [(date(26, 10, 5),) * 2], False)
    assert "1 on 0026-10-05. 1 of 2 ranges of days were refused: Reading presence of 0026-10-05" in first.story
    deliver(pipeline, *days("2026-10-08", 1))
    details.knows(pipeline, by_id)
    details.asked.clear()
    assert look(pipeline, details).agrees is False
    assert details.asked == [("2026-10-08", "2026-10-08")]
    deliver(pipeline, *days("2026-10-10", 1))
    details.knows(pipeline, by_id)
    later = look(pipeline, details, now=NOW + timedelta(hours=1))
    assert details.asked[1:] == [("2026-10-10", "2026-10-10"), absurd]
    assert (later.expected, later.confirmed, later.unconfirmed) == (2, 1, 1)
    assert len(kept(pipeline)) == 4


def test_rows_of_a_range_that_is_refused_stay(pipeline: Pipeline, details: Details) -> None:
    """Those that came earlier for it."""
    deliver(pipeline, *days("2026-10-05", 1))
    details.knows(pipeline, by_id)
    look(pipeline, details)
    deliver(pipeline, "2026-10-05T15:00:00Z", *days("2026-10-08", 1), users="bob")
    details.knows(pipeline, by_id)
    details.instead[("2026-10-05", "2026-10-05")] = Reply(422)
    found = look(pipeline, details)
    assert (found.expected, found.confirmed, found.row_count) == (2, 1, 2)


@pytest.mark.parametrize(("status", "calls"), [(400, 3), (404, 1)])
def test_where_every_range_is_refused_it_is_not_the_days(
    pipeline: Pipeline, details: Details, status: int, calls: int
) -> None:
    """A few calls show it, one where the refusal cannot be of the days; nothing counts as a look."""
    each = ["2026-10-01", "2026-10-03", "2026-10-05", "2026-10-07", "2026-10-09"]
    deliver(pipeline, *(f"{day}T12:00:00Z" for day in each))
    details.instead = {(day, day): Reply(status) for day in each}
    found = look(pipeline, details)
    assert isinstance(found.problem, RefusedCallError)
    assert (found.calls, found.agrees, found.unconfirmed) == (calls, False, 0)
    details.instead.clear()
    details.knows(pipeline, by_id)
    assert look(pipeline, details).confirmed == 5


def test_json_that_is_broken_in_the_middle_is_told_without_its_text(pipeline: Pipeline, details: Details) -> None:
    """DuckDB's own message may quote a person."""
    deliver(pipeline, "2026-10-05T08:00:00Z")
    details.instead[("2026-10-05", "2026-10-05")] = Reply(body=b'[{"email": "ann@sandbox.example"}, {"email": }]')
    found = look(pipeline, details)
    assert isinstance(found.problem, UnreadableAnswerError)
    assert "presence of 2026-10-05 to 2026-10-05 is not one JSON array" in found.story
    assert "ann@" not in found.story


def test_another_kind_of_calven_is_not_asked(pipeline: Pipeline) -> None:
    """The folder was filled from a sandbox, and the address leads elsewhere: nothing is sent there."""
    deliver(pipeline, "2026-10-05T08:00:00Z")
    found = look(pipeline, api_url="https://calven.invalid")
    assert "was filled from a sandbox" in found.story


def test_nothing_is_left_on_disk(pipeline: Pipeline) -> None:
    """The answer is a file only while it is read."""
    deliver(pipeline, "2026-10-05T08:00:00Z")
    look(pipeline)
    assert list((pipeline.data_dir / "state" / "pulls").iterdir()) == []
