"""What becomes of a whole run: the samples, and everything that can be wrong around it."""

import re

import duckdb
import pytest

from calven_pipeline.delivery import publish as delivery
from calven_pipeline.delivery.publish import publish_due
from calven_pipeline.exports import staging
from tests.dagster.deploying import Deployment

BADGES_1, BADGES_2, DESKS, VISITORS = (
    "badges/2026-11-02.csv",
    "badges/2026-11-03.csv",
    "desks/2026-11-02.jsonl",
    "visitors.csv",
)
NOT_ACCEPTED = {  # every other row of the samples is accepted
    (BADGES_1, 3): "ignored",
    (BADGES_1, 6): "duplicate",
    (BADGES_1, 9): "unmapped_person",
    (BADGES_1, 10): "unknown_user",
    (BADGES_1, 11): "unmapped_place",
    (BADGES_1, 12): "malformed_row",
    (BADGES_1, 13): "invalid_timestamp",
    (BADGES_1, 14): "missing_timestamp",
    (BADGES_1, 15): "missing_user",
    (BADGES_1, 16): "future_timestamp",
    (BADGES_2, 1): "duplicate",
    (BADGES_2, 2): "duplicate",
    (DESKS, 9): "email_case_mismatch",
    (DESKS, 10): "conflicting_event_id",
    (DESKS, 11): "unknown_location",
    (DESKS, 12): "location_type_mismatch",
    (DESKS, 13): "missing_location",
    (DESKS, 14): "malformed_row",
    (VISITORS, 3): "user_conflict",
    (VISITORS, 4): "invalid_location_type",
    (VISITORS, 5): "conflicting_event_id",
}
ROWS = {BADGES_1: 16, BADGES_2: 10, DESKS: 14, VISITORS: 5}
ACCEPTED, READ = 24, 45
REJECTED, DUPLICATES, IGNORED = 17, 3, 1
PENDING = {"pending": ACCEPTED, "rejected": REJECTED, "duplicate": DUPLICATES, "ignored": IGNORED}
DELIVERED = {"accepted": ACCEPTED, "rejected": REJECTED, "duplicate": DUPLICATES, "ignored": IGNORED}

SANDBOX_WAY = "`uv run calven-pipeline sandbox`"
PULLS = {"users", "locations", "desks"}
PULL_CHECKS = {f"{asset}_pulled" for asset in PULLS}


def one_line(text: str) -> bool:
    return "\n" not in text.strip()


# The samples, start to finish


def test_the_samples_then_nothing_new(deployment):
    """Every row ends as the samples mean it to; a rejected row is no failed run; a second run posts nothing."""
    first = deployment.run()

    assert first.success
    assert all(first.checks.values())
    ended = {
        (file, row): reason or outcome
        for file, row, outcome, reason in deployment.rows(
            "select source_file, row_number, outcome, reasons[1] from presence"
        )
    }
    everything = {(file, row): "accepted" for file, rows in ROWS.items() for row in range(1, rows + 1)}
    assert ended == everything | NOT_ACCEPTED
    assert len(deployment.sandbox.accepted()) == ACCEPTED
    assert deployment.outcomes() == DELIVERED

    deployment.sandbox.clear()
    second = deployment.run()

    assert second.success
    assert second.metadata["staged_presence"]["files_read"] == 0
    assert second.metadata["published_presence"]["calls"] == 0
    assert deployment.sandbox.stats()["eventsReceived"] == 0
    assert deployment.outcomes() == DELIVERED


def test_metadata_holds_counts_and_nobody(deployment):
    """The UI plots our numbers; what it stores names no person, no event and no place."""
    metadata = deployment.run().metadata

    assert metadata["users"] == {**metadata["users"], "dagster/row_count": 12, "rows_before": 0}
    assert {asset: metadata[asset]["dagster/row_count"] for asset in PULLS} == {
        "users": 12,
        "locations": 2,
        "desks": 20,
    }
    staged = metadata["staged_presence"]
    assert (staged["files_seen"], staged["files_read"], staged["rows_read"]) == (4, 4, READ)
    assert (staged["rows_ignored"], staged["rows_malformed"]) == (1, 2)
    judged = metadata["validated_presence"]
    assert {name: judged[name] for name in judged if re.match(r"rows_(?!judged|rechecked|healed)", name)} == {
        "rows_valid": ACCEPTED,
        "rows_rejected": REJECTED,
        "rows_duplicate": DUPLICATES,
        "rows_ignored": IGNORED,
        "rows_collapsed": 0,
    }
    published = metadata["published_presence"]
    assert (published["events_due"], published["events_accepted"], published["events_pending"]) == (
        ACCEPTED,
        ACCEPTED,
        0,
    )
    assert metadata["rejections"]["dagster/row_count"] == REJECTED
    assert sum(rows for name, rows in metadata["rejections"].items() if name.startswith("open/")) == REJECTED
    assert metadata["analytics_database"]["dagster/row_count"] == READ

    told = repr(metadata)
    assert "@" not in told
    world = deployment.sandbox.world
    ids = {
        str(value)
        for table in PULLS
        for row in world.rows(table)
        for name, value in row.items()
        if value and name.endswith("Id")
    }
    assert not [name for name in ids if name in told]
    assert "B-10" not in told


def test_a_dry_run_posts_nothing_and_the_next_live_run_everything(rehearsed):
    """Dry run: everything but the POST. What waited is delivered later, once."""
    assert rehearsed.outcomes() == PENDING

    run = rehearsed.run("ingest_presence")

    assert run.success
    assert run.metadata["published_presence"]["events_accepted"] == ACCEPTED
    assert rehearsed.outcomes() == DELIVERED


# Keys


def test_a_missing_events_key_stops_delivery_alone(deployment):
    """Staging, validation and the snapshot still happen; events wait; the run fails with the name of the variable."""
    deployment.use_key(None)
    deployment.use_key("sandbox-warehouse", role="WAREHOUSE")

    run = deployment.run()

    assert not run.success
    assert set(run.failures) == {"publish"}
    (line,) = run.failures.values()
    assert one_line(line)
    assert line.startswith(
        f"{ACCEPTED} of {ACCEPTED} events are still pending: CALVEN_EVENTS_API_KEY (or CALVEN_API_KEY)"
    )
    assert SANDBOX_WAY in line
    assert deployment.outcomes() == PENDING
    assert deployment.sandbox.stats()["eventsReceived"] == 0


def test_without_any_key_exports_are_still_read(deployment):
    """The first pull has no old table to fall back on; what needs no key happens all the same."""
    deployment.use_key(None)

    run = deployment.run()

    assert set(run.failures) == PULLS
    assert all("CALVEN_WAREHOUSE_API_KEY" in line and SANDBOX_WAY in line for line in run.failures.values())
    assert run.metadata["staged_presence"]["rows_read"] == READ


def test_a_wrong_key_fails_the_run_and_says_which(rehearsed):
    """With old reference data, all else is done; the key is named, not shown."""
    rehearsed.set(API_KEY="sandbox-all", API_SECRET="not-the-secret")

    run = rehearsed.run()

    assert set(run.failures) == PULL_CHECKS | {"publish"}
    assert all(one_line(line) and "Calven refused the key in CALVEN_API_KEY" in line for line in run.failures.values())
    assert not [line for line in run.failures.values() if "not-the-secret" in line or "sandbox-all" in line]
    assert rehearsed.outcomes() == PENDING


def test_a_key_of_the_wrong_role_stops_what_it_may_not_do(rehearsed):
    """An events key cannot pull, but it can post: the old tables serve and events are delivered."""
    rehearsed.use_key("sandbox-events")

    run = rehearsed.run()

    assert set(run.failures) == PULL_CHECKS
    assert all("lacks the role 'Data Warehouse'" in line for line in run.failures.values())
    assert rehearsed.outcomes() == DELIVERED


def test_a_warehouse_key_cannot_post(rehearsed):
    """Events wait, and the line names the role to ask for."""
    rehearsed.use_key("sandbox-warehouse", role="EVENTS")

    run = rehearsed.run("ingest_presence")

    (line,) = run.failures.values()
    assert "lacks the role 'Submitting Events'" in line
    assert rehearsed.outcomes() == PENDING


# Calven


def test_calven_down_with_reference_data_of_before(rehearsed):
    """Files that came meanwhile are read and judged, the snapshot is written, and the run fails at its end."""
    rehearsed.add_badges()
    rehearsed.sandbox.set_faults(["503:on=all"])

    run = rehearsed.run()

    assert set(run.failures) == PULL_CHECKS | {"publish"}
    assert run.metadata["users"]["dagster/row_count"] == 12
    assert rehearsed.outcomes() == PENDING | {"pending": ACCEPTED + 1}
    rehearsed.sandbox.set_faults([])
    assert rehearsed.run().success
    assert rehearsed.outcomes() == DELIVERED | {"accepted": ACCEPTED + 1}


def test_calven_not_there_at_the_very_first_run(deployment):
    """Nothing to check against, so nothing is judged; exports are read, and one line each says who was not reached."""
    deployment.set(API_URL="http://127.0.0.1:9")

    run = deployment.run()

    assert set(run.failures) == PULLS
    assert all("tried 127.0.0.1:9 once" in line and one_line(line) for line in run.failures.values())
    assert run.metadata["staged_presence"]["rows_read"] == READ
    assert "validated_presence" not in run.metadata


def test_a_pull_that_shrank_is_refused_until_somebody_agrees(rehearsed):
    """Half a company gone is more likely a fault than news; whoever knows better says so in the run's config."""
    world = rehearsed.sandbox.world
    rehearsed.sandbox.set_world(type(world).of(world.rows("users")[:3], world.rows("locations"), world.rows("desks")))

    refused = rehearsed.run("refresh_reference")

    assert set(refused.failures) == {"users_pulled"}
    assert "3 users, the last pull had 12" in refused.failures["users_pulled"]
    assert "allow_shrink: true" in refused.failures["users_pulled"]
    assert rehearsed.working_rows("select count(*) from users") == [(12,)]

    agreed = rehearsed.run("refresh_reference", {"ops": {"users": {"config": {"allow_shrink": True}}}})

    assert agreed.success
    assert rehearsed.working_rows("select count(*) from users") == [(3,)]


# Exports, profiles, settings


def test_an_unreadable_export_does_not_stop_the_others(rehearsed):
    """The good file is delivered, the snapshot is written, and the run fails naming the bad ones, a line each."""
    rehearsed.add_badges()
    for name in ("broken.csv", "torn.csv"):
        (rehearsed.data_dir / "exports" / "badges" / name).write_bytes(b"PK\x03\x04 and no archive")

    run = rehearsed.run("ingest_presence")

    assert set(run.failures) == {"staged_presence_every_file_read"}
    (lines,) = run.failures.values()
    assert [line.split(":")[0] for line in lines.splitlines()] == [
        "Cannot read badges/broken.csv of source badges",
        "Cannot read badges/torn.csv of source badges",
    ]
    assert rehearsed.outcomes() == DELIVERED | {"accepted": ACCEPTED + 1}


def test_a_bad_profile_is_one_clear_line_in_the_failure_event(deployment):
    """Nothing is read; the event that the UI shows for the failed run holds file, source and key."""
    (deployment.data_dir / "sources.yaml").write_text(
        "sources:\n  - name: badges\n    files: '*.csv'\n    colums: {}\n"
    )

    run = deployment.run("ingest_presence")

    assert set(run.failures) == {"staged_presence"}
    line = run.failures["staged_presence"]
    assert one_line(line)
    assert all(word in line for word in ("sources.yaml", "'badges'", "`colums`", "did you mean 'columns'?"))
    failed = next(event for event in run.events if event.event_type_value == "PIPELINE_FAILURE")
    first = failed.job_failure_data.first_step_failure_event
    assert first.step_failure_data.user_failure_data.description == line
    assert not (deployment.data_dir / "state" / "pipeline.duckdb").exists()


def test_plain_http_to_another_host_is_refused(rehearsed):
    """No key and no person leaves the machine unencrypted; nothing is even tried."""
    rehearsed.set(API_URL="http://calven.example")

    run = rehearsed.run()

    assert not run.success
    told = [line for line in run.failures.values() if "CALVEN_API_URL: plain http would show keys and people" in line]
    assert told
    assert all(one_line(line) for line in run.failures.values())
    assert rehearsed.sandbox.stats()["eventsReceived"] == 0


# What must never happen, happening


LOSSES = {
    "a verdict": "delete from validated_presence where row_id = (select min(row_id) from outbox)",
    "an event": "delete from outbox where row_id = (select min(row_id) from outbox)",
}


def test_broken_books_stop_delivery(rehearsed):
    """A row without a verdict means that we do not know what we are doing: nothing is posted."""
    rehearsed.working_rows(LOSSES["a verdict"])

    run = rehearsed.run("ingest_presence")

    assert not run.success
    assert run.checks["validated_presence:every_row_has_one_verdict"] is False
    assert "published_presence" not in run.metadata
    assert rehearsed.sandbox.stats()["eventsReceived"] == 0
    story = next(
        event.event_specific_data.description
        for event in run.events
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
        and event.event_specific_data.check_name == "every_row_has_one_verdict"
    )
    assert f"{READ} rows were read, but {READ} staged and {READ - 1} judged" in story


@pytest.mark.parametrize("loss", LOSSES)
def test_broken_books_stop_a_delivery_that_validates_nothing(rehearsed, loss):
    """The step looks for itself before it posts: alone, retried or re-executed, no check runs before it."""
    rehearsed.working_rows(LOSSES[loss])
    before = snapshot_of(rehearsed)

    run = rehearsed.run("retry_pending")

    assert set(run.failures) == {"publish"}
    assert run.failures["publish"].startswith("The books do not balance")
    assert run.checks == {"published_presence:books_balance": False}
    assert run.metadata == {}
    assert rehearsed.sandbox.stats()["eventsReceived"] == 0
    assert snapshot_of(rehearsed) == before


@pytest.mark.parametrize("fault", [[], ["503:from=2"]], ids=["all delivered", "some delivered"])
def test_books_that_break_while_delivering_keep_the_old_snapshot(rehearsed, monkeypatch, fault):
    """An answer that is gone is an accepted event without proof: analysts keep what was true before."""
    rehearsed.sandbox.set_faults(fault)
    rehearsed.set(CONCURRENCY="1", BATCH_SIZE="5")
    before = snapshot_of(rehearsed)

    def deliver_and_lose_an_answer(database, *rest, **options):
        delivered = publish_due(database, *rest, **options)
        database.connection.execute("delete from answers where row_id = (select min(row_id) from answers)")
        return delivered

    monkeypatch.setattr(delivery, "publish_due", deliver_and_lose_an_answer)

    run = rehearsed.run("ingest_presence")

    assert set(run.failures) == {"publish"}
    assert run.failures["publish"].startswith("The books do not balance")
    assert run.checks["published_presence:books_balance"] is False
    assert run.checks["published_presence:everything_delivered"] is (not fault)
    assert run.metadata["published_presence"]["events_accepted"] > 0
    assert "analytics_database" not in run.metadata
    assert snapshot_of(rehearsed) == before


def test_a_snapshot_that_cannot_be_written_does_not_hide_why_events_wait(rehearsed):
    """Calven is down and the disk refuses: one line says both."""
    rehearsed.sandbox.set_faults(["503"])
    (rehearsed.data_dir / ".calven.duckdb.new").mkdir()

    run = rehearsed.run("retry_pending")

    assert one_line(run.failures["publish"])
    assert f"{ACCEPTED} of {ACCEPTED} events are still pending" in run.failures["publish"]
    assert "Cannot write" in run.failures["publish"]
    assert run.metadata["published_presence"]["events_pending"] == ACCEPTED


def snapshot_of(deployment: Deployment) -> tuple[int, int]:
    """Which file analysts see: it is replaced, never written to."""
    told = (deployment.data_dir / "calven.duckdb").stat()
    return told.st_ino, told.st_mtime_ns


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            duckdb.InvalidInputException("Original Line: secret.person@example.com"),
            "Unforeseen InvalidInputException in ",
        ),
        (OSError(28, "No space left on device", "/x"), "Unforeseen OSError (No space left on device) in "),
    ],
)
def test_an_unforeseen_error_is_told_without_its_text(deployment, monkeypatch, error, told):
    """DuckDB quotes the row that it stumbles over, and Dagster stores what it is told: once, a badge number was."""

    def stumble(*_, **__):
        raise error

    monkeypatch.setattr(staging, "drop_folder", stumble)

    run = deployment.run("ingest_presence")

    line = run.failures["staged_presence"]
    assert line.startswith(told)
    assert "exports/staging.py" in line
    assert "secret.person" not in repr(run.events)
