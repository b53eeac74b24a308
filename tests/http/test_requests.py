"""What somebody asks for: replays and dismissals, against the sandbox."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import stamina

from calven_pipeline.delivery.requests import Choice, Request, dismiss, replay
from calven_pipeline.errors import RequestError
from calven_pipeline.sandbox import SandboxServer
from calven_pipeline.validation.books import balance
from tests.http.delivering import OpenPipeline, Pipeline

ODD = """
timestamp,eventId,userId,locationId,locationType,result
2026-10-05T08:00:00Z,odd-1,nobody,{desk},place,granted
2026-10-06T08:00:00Z,odd-2,{user},{desk},place,granted
2026-10-06T08:00:00Z,odd-2,{user},{desk},place,granted
2026-10-06T09:00:00Z,odd-3,{user},{desk},place,denied
soon,odd-4,{user},{desk},place,granted
"""
PROFILE = """
sources:
  - name: desks
    files: "*.csv"
    columns: {timestamp: timestamp, event_id: eventId, user_id: userId, location_id: locationId, location_type: locationType}
  - name: doors
    files: "doors/*.csv"
    columns: {timestamp: timestamp, event_id: eventId, user_id: userId, location_id: locationId, location_type: locationType}
    keep: {result: [granted]}
"""


@pytest.fixture(scope="module")
def delivered_folder(server: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """28 delivered events, one a day, and five odd rows: an unknown user, a good one with its duplicate, a denied one, a bad time."""
    server.clear()
    pipeline = Pipeline(tmp_path_factory.mktemp("delivered") / "data", server)
    pipeline.pull()
    pipeline.export("events.csv", 28)
    (pipeline.data_dir / "sources.yaml").write_text(PROFILE)
    user, desk = (server.world.rows(name)[0][key] for name, key in (("users", "userId"), ("desks", "deskId")))
    odd = pipeline.data_dir / "exports" / "doors" / "odd.csv"
    odd.parent.mkdir()
    odd.write_text(ODD.format(user=user, desk=desk).lstrip())
    pipeline.judge()
    assert pipeline.publish().accepted == 29
    return pipeline.data_dir


@pytest.fixture
def pipeline(tmp_path: Path, delivered_folder: Path, sandbox: SandboxServer) -> Iterator[Pipeline]:
    """A copy of that folder; the sandbox counts anew."""
    shutil.copytree(delivered_folder, tmp_path / "data")
    with OpenPipeline(tmp_path / "data", sandbox).opened() as pipeline, stamina.set_testing(True, attempts=1):
        yield pipeline


def ask_for(pipeline: Pipeline, choice: Choice, *, run_id: str = "run-1", dry_run: bool = False) -> Request:
    with pipeline.database() as database:
        return replay(database, choice, run_id=run_id, dry_run=dry_run)


def close(pipeline: Pipeline, choice: Choice, note: str = "left the company", *, run_id: str = "run-1") -> Request:
    with pipeline.database() as database:
        return dismiss(database, choice, note, run_id=run_id, dry_run=False)


def times_received(pipeline: Pipeline) -> dict[str, int]:
    return {event["eventId"]: event["timesReceived"] for event in pipeline.sandbox.accepted()}


def test_accepted_events_are_sent_again_under_their_ids(pipeline: Pipeline) -> None:
    """Two days of one source, both included; they stay accepted meanwhile."""
    choice = Choice(source="desks", first_date=date(2026, 10, 5), last_date=date(2026, 10, 6), outcomes=("accepted",))
    request = ask_for(pipeline, choice)
    assert (request.changed, request.plans) == (2, {"send": 2})
    assert pipeline.outcomes()["accepted"] == 29
    delivery = pipeline.publish()
    assert (delivery.due, delivery.accepted) == (2, 2)
    assert times_received(pipeline) == {"event-4": 1, "event-5": 1}
    assert pipeline.ask("select event_id, attempts from presence where attempts > 1 order by event_id") == [
        ("event-4", 2),
        ("event-5", 2),
    ]


def test_a_dry_run_changes_nothing(pipeline: Pipeline) -> None:
    """It tells what would be sent, by file."""
    before = pipeline.ask("from presence order by all")
    request = ask_for(pipeline, Choice(source="doors", outcomes=("accepted", "rejected")), dry_run=True)
    assert request.is_dry_run
    assert request.changed == 0
    assert {(line.source_file, line.outcome, line.reason, line.plan, line.row_count) for line in request.lines} == {
        ("doors/odd.csv", "accepted", None, "send", 1),
        ("doors/odd.csv", "rejected", "unknown_user", "look", 1),
        ("doors/odd.csv", "rejected", "invalid_timestamp", "stays", 1),
    }
    assert pipeline.publish().calls == 0
    assert pipeline.ask("from presence order by all") == before
    assert pipeline.ask("from requests") == []


def test_a_launch_is_carried_out_once(pipeline: Pipeline) -> None:
    """Dagster may run it again; what was delivered meanwhile is not chosen a second time."""
    choice = Choice(source="desks", outcomes=("accepted",))
    assert ask_for(pipeline, choice).changed == 28
    pipeline.publish()
    again = ask_for(pipeline, choice)
    assert (again.was_done, again.changed, again.chosen) == (True, 28, 0)
    assert pipeline.publish().calls == 0
    assert pipeline.ask("select kind, source, outcomes, row_count from requests") == [
        ("replay", "desks", ["accepted"], 28)
    ]


def test_an_event_that_waits_is_not_put_in_twice(pipeline: Pipeline) -> None:
    """Two replays before a delivery send it once."""
    choice = Choice(source="doors", outcomes=("accepted",))
    assert ask_for(pipeline, choice).plans == {"send": 1}
    assert ask_for(pipeline, choice, run_id="run-2").plans == {"waits": 1}
    assert pipeline.publish().accepted == 1


def test_denied_and_repeated_rows_are_never_sent(pipeline: Pipeline) -> None:
    """Whatever is chosen: the file holds a denied row and a duplicate."""
    ask_for(pipeline, Choice(source="doors", outcomes=("accepted", "pending", "rejected")))
    pipeline.judge()
    pipeline.publish()
    assert times_received(pipeline) == {"odd-2": 1}
    assert pipeline.ask("select outcome from presence where event_id in ('odd-2', 'odd-3') order by row_number") == [
        ("accepted",),
        ("duplicate",),
        ("ignored",),
    ]


def test_a_rejection_is_looked_at_again(pipeline: Pipeline) -> None:
    """It stays rejected while nothing cures it, and `last_checked_at` says that somebody looked."""
    checked = "select last_checked_at from rejections where reason = 'unknown_user'"
    before = pipeline.ask(checked)
    assert ask_for(pipeline, Choice(reasons=("unknown_user",))).plans == {"look": 1}
    pipeline.judge()
    assert pipeline.ask(checked) > before
    with pipeline.database() as database:
        assert database.connection.execute("from rows_asked_for").fetchall() == []


@pytest.mark.parametrize("code", [1, 3])
def test_what_calven_refused_can_be_sent_again(pipeline: Pipeline, code: int) -> None:
    """Whatever Calven's reason; the rejection is resolved when it is accepted, and says how often it was sent again."""
    pipeline.sandbox.set_faults([f"code={code}"])
    pipeline.export("late.csv", 1, first=100)
    pipeline.judge()
    pipeline.publish()
    chosen = Choice(source_file="late.csv")
    for run_id in ("run-1", "run-2"):
        assert ask_for(pipeline, chosen, run_id=run_id).plans == {"look": 1}
        pipeline.judge()
        pipeline.publish()
        pipeline.sandbox.set_faults([])
    assert pipeline.ask(
        "select outcome, attempts, reasons, result_code from presence where event_id = 'event-100'"
    ) == [("accepted", 3, None, 0)]
    assert pipeline.ask("select status, resolution, sent_again from rejections where event_id = 'event-100'") == [
        ("resolved", "passed", 2)
    ]


def test_a_replay_that_calven_refuses_is_a_rejection(pipeline: Pipeline) -> None:
    """The newest answer counts."""
    pipeline.sandbox.set_faults(["code=2"])
    ask_for(pipeline, Choice(source="doors", outcomes=("accepted",)))
    pipeline.publish()
    assert pipeline.ask(
        "select outcome, reasons from presence where event_id = 'odd-2' order by row_number limit 1"
    ) == [("rejected", ["calven_location_not_found"])]


def test_a_replay_that_calven_refused_can_be_asked_for_again(pipeline: Pipeline) -> None:
    """The books balance all the way, whatever the newest answer was; it goes out as it was, and is accepted in the end."""
    pipeline.sandbox.set_faults(["code=1"])
    chosen = Choice(source="doors", outcomes=("accepted",))
    ask_for(pipeline, chosen)
    pipeline.publish()
    assert ask_for(pipeline, Choice(source="doors", reasons=("calven_user_not_found",)), run_id="run-2").plans == {
        "send": 1
    }
    assert pipeline.outcomes()["pending"] == 1
    with pipeline.database() as database:
        books = balance(database)
    assert books.balanced, books.story
    pipeline.sandbox.set_faults([])
    pipeline.judge()
    assert pipeline.publish().accepted == 1
    assert pipeline.ask("select status, resolution, sent_again from rejections where event_id = 'odd-2'") == [
        ("resolved", "passed", 1)
    ]


def test_what_was_dismissed_after_a_replay_is_not_sent(pipeline: Pipeline) -> None:
    """Somebody asks for a replay, the run dies, and somebody dismisses the row before the next one."""
    pipeline.sandbox.set_faults(["code=3"])
    pipeline.export("late.csv", 1, first=100)
    pipeline.judge()
    pipeline.publish()
    pipeline.sandbox.set_faults([])
    ask_for(pipeline, Choice(source_file="late.csv"))
    close(pipeline, Choice(source_file="late.csv"))
    pipeline.judge()
    assert pipeline.publish().due == 0
    assert pipeline.ask("select outcome from presence where event_id = 'event-100'") == [("rejected",)]


def test_a_replay_waits_while_calven_is_down(pipeline: Pipeline) -> None:
    """What Calven had accepted stays accepted; the books balance, and the next run sends it."""
    pipeline.sandbox.set_faults(["503"])
    ask_for(pipeline, Choice(source="desks", outcomes=("accepted",)))
    assert pipeline.publish().waiting == 28
    assert pipeline.outcomes()["accepted"] == 29
    pipeline.sandbox.set_faults([])
    assert pipeline.publish().accepted == 28


def test_dismissed_rejections_are_closed_for_good(pipeline: Pipeline) -> None:
    """Not looked at with new users, nor by a replay; the row stays rejected, with the note."""
    assert close(pipeline, Choice(reasons=("unknown_user",))).changed == 1
    assert pipeline.ask("select status, resolution, note from rejections where reason = 'unknown_user'") == [
        ("resolved", "dismissed", "left the company")
    ]
    with pipeline.database() as database:
        database.connection.execute("delete from validations")
    pipeline.judge()
    assert ask_for(pipeline, Choice(source="doors", reasons=("unknown_user",)), run_id="run-2").chosen == 0
    assert pipeline.ask("select outcome, reasons from presence where event_id = 'odd-1'") == [
        ("rejected", ["unknown_user"])
    ]
    assert pipeline.ask("select kind, reasons, note, row_count from requests where kind = 'dismiss'") == [
        ("dismiss", ["unknown_user"], "left the company", 1)
    ]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice(source="dorrs"), "There are: desks, doors"),
        (Choice(reasons=("unknown_usr",)), "No such reason: unknown_usr"),
        (Choice(source_file="doors/od.csv"), "No file 'doors/od.csv' was read"),
        (Choice(source="doors", reasons=("unknown_user",), outcomes=("accepted",)), "Only rejected rows have reasons"),
        (Choice(outcomes=("duplicate",)), "never sent"),
        (Choice(outcomes=()), "Not an outcome"),
        (Choice(outcomes=("accepted",)), "needs a source"),
        (Choice(first_date=date(2026, 10, 2), last_date=date(2026, 10, 1)), "is before the first"),
    ],
)
def test_a_choice_that_cannot_work_is_refused(pipeline: Pipeline, choice: Choice, message: str) -> None:
    """In one line that says what there is."""
    with pytest.raises(RequestError, match=message):
        ask_for(pipeline, choice)


def test_a_dismissal_says_why(pipeline: Pipeline) -> None:
    """It is for good."""
    with pytest.raises(RequestError, match="needs a note"):
        close(pipeline, Choice(), note="  ")
