"""Do the jobs `replay` and `dismiss` do what an operator asks for, once, and nothing more?"""

from pathlib import Path
from typing import Any

import pytest

from calven_pipeline.sandbox import SandboxServer
from tests.dagster.deploying import Deployment, Run, new_deployment


def ask(deployment: Deployment, job: str, **config: Any) -> Run:
    op = {"replay": "choose_rows", "dismiss": "dismiss_rows"}[job]
    return deployment.run(job, {"ops": {op: {"config": config}}})


def sent(deployment: Deployment) -> int:
    return deployment.sandbox.stats()["eventsReceived"]


@pytest.fixture(scope="module")
def delivered_folder(rehearsed_folder: Path, server: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder once the samples are delivered."""
    with pytest.MonkeyPatch.context() as patch:
        deployment = new_deployment(tmp_path_factory.mktemp("delivered") / "data", server, patch)
        deployment.copy_of(rehearsed_folder)
        assert deployment.run("ingest_presence").success
    return deployment.data_dir


@pytest.fixture
def delivered(delivered_folder: Path, deployment: Deployment) -> Deployment:
    """A copy of that folder; the sandbox counts anew."""
    return deployment.copy_of(delivered_folder)


def test_a_replay_only_counts_until_it_is_told_to_go_on(delivered):
    """By default it is a dry run: nothing is sent, changed or recorded, and `calven.duckdb` stays as it is."""
    before = (delivered.data_dir / "calven.duckdb").stat().st_mtime_ns
    run = ask(delivered, "replay", source="badges", outcomes=["accepted"])
    assert run.success
    assert sent(delivered) == 0
    assert run.outputs["choose_rows"]["rows_chosen"] == run.outputs["choose_rows"]["rows/send"] > 0
    assert (delivered.data_dir / "calven.duckdb").stat().st_mtime_ns == before
    assert delivered.working_rows("from requests") == []


def test_accepted_events_of_a_day_are_sent_again(delivered):
    """And nothing else; the assets that it touched say so."""
    chosen = "local_date = '2026-11-02' and outcome = 'accepted'"
    ((events,),) = delivered.rows(f"select count(*) from presence where {chosen}")
    run = ask(
        delivered, "replay", first_date="2026-11-02", last_date="2026-11-02", outcomes=["accepted"], dry_run=False
    )
    assert run.success
    assert sent(delivered) == events > 0
    assert run.metadata["published_presence"]["events_accepted"] == events
    assert set(run.metadata) == {"published_presence", "rejections", "analytics_database"}
    assert delivered.rows(f"select distinct attempts from presence where {chosen}") == [(2,)]
    assert delivered.rows("select kind, row_count from requests") == [("replay", events)]


def test_a_replay_that_cannot_be_delivered_fails_and_waits(delivered):
    """As any delivery does; the next run sends it."""
    delivered.use_key("sandbox-warehouse", role="EVENTS")
    run = ask(delivered, "replay", source="badges", outcomes=["accepted"], dry_run=False)
    assert not run.success
    assert "is not permitted (403)" in run.failures["deliver_chosen"]
    delivered.use_key(None, role="EVENTS")
    assert delivered.run("retry_pending").success
    assert set(delivered.sandbox.accepted()[0]) >= {"eventId"}
    assert {event["timesReceived"] for event in delivered.sandbox.accepted()} == {1}


def test_a_replay_tells_the_checks_of_delivery(delivered):
    """Green where it delivers; red, with the counts of what waits, where it does not."""
    others = {
        "published_presence:books_balance": True,
        "published_presence:clock_agrees": True,
        "rejections:rejection_rate_usual": True,
    }
    good = ask(delivered, "replay", source="badges", outcomes=["accepted"], dry_run=False)
    assert good.checks == {"published_presence:everything_delivered": True, **others}
    delivered.use_key("sandbox-warehouse", role="EVENTS")
    bad = ask(delivered, "replay", source="badges", outcomes=["accepted"], dry_run=False)
    assert bad.checks == {"published_presence:everything_delivered": False, **others}
    told = bad.metadata["published_presence"]
    assert told["events_pending"] == told["events_due"] > 0


def test_dismissed_rejections_are_seen_by_analysts(delivered):
    """With the note, and closed; the row itself stays rejected."""
    run = ask(delivered, "dismiss", reasons=["unmapped_person"], note="visitor cards", dry_run=False)
    assert run.success
    assert sent(delivered) == 0
    assert delivered.rows("select status, resolution, note from rejections where reason = 'unmapped_person'") == [
        ("resolved", "dismissed", "visitor cards")
    ]
    assert delivered.rows("select outcome from presence where list_contains(reasons, 'unmapped_person')") == [
        ("rejected",)
    ]


@pytest.mark.parametrize(
    ("job", "config", "message"),
    [
        ("replay", {"first_date": "yesterday"}, "first_date: 'yesterday' is no date like 2026-11-02."),
        ("replay", {"outcomes": ["accepted"]}, "needs a source, a file, dates or reasons"),
        ("dismiss", {"note": " "}, "A dismissal needs a note"),
        ("dismiss", {"note": "gone", "reasons": ["unknown"]}, "No such reason: unknown. There are: malformed_row"),
    ],
)
def test_what_cannot_work_fails_in_one_line(delivered, job, config, message):
    """Nothing is changed."""
    run = ask(delivered, job, dry_run=False, **config)
    assert not run.success
    (line,) = run.failures.values()
    assert message in line
    assert "\n" not in line
