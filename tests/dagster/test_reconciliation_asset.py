"""Does a run take a second look at what Calven has, and does it succeed whatever that look finds?"""

import dagster as dg
import duckdb
import pytest

from calven_pipeline.reconciliation import reconcile
from tests.dagster.deploying import Deployment, Run

CHECK = "calven_presence:calven_confirms"
ACCEPTED = 24


def verdict(run: Run) -> tuple[bool, dg.AssetCheckSeverity, str]:
    """What the check says: passed, severity and its line."""
    (told,) = [
        event.event_specific_data
        for event in run.events
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
        and event.event_specific_data.check_name == "calven_confirms"
    ]
    return told.passed, told.severity, told.description


def test_calven_confirms_what_it_accepted(rehearsed: Deployment):
    """Counts alone are told; analysts get the rows with the same run's snapshot; the next run asks nothing."""
    first = rehearsed.run("ingest_presence")

    assert first.success
    told = first.metadata["calven_presence"]
    assert (told["calls"], told["rows_pulled"], told["dagster/row_count"]) == (1, ACCEPTED, ACCEPTED)
    assert told["people_days_expected"] == told["people_days_confirmed"] > 0
    assert verdict(first)[2] == f"Calven reports all of {told['people_days_expected']} people-days."
    assert sum(record.data["expected"] for record in told["days"].records) == told["people_days_expected"]
    assert rehearsed.rows("select count(*) from calven_presence") == [(ACCEPTED,)]
    assert "@" not in str(told)

    second = rehearsed.run("ingest_presence")

    assert second.metadata["calven_presence"]["calls"] == 0
    assert verdict(second) == (
        True,
        dg.AssetCheckSeverity.WARN,
        "Nothing was accepted since Calven was last asked.",
    )


def test_somebody_missing_is_a_warning_and_no_failed_run(rehearsed: Deployment):
    """Delivery is the promise: the run succeeds, and the analysts' database is written."""
    rehearsed.sandbox.set_faults(["no-rows:on=warehouse"])

    run = rehearsed.run("ingest_presence")

    assert run.success
    passed, severity, line = verdict(run)
    assert (passed, severity) == (False, dg.AssetCheckSeverity.WARN)
    assert line.startswith("Calven does not report ")
    assert "analytics_database" in run.metadata


def test_where_calven_cannot_be_asked_the_run_succeeds(rehearsed: Deployment):
    """A key that may only post delivers; the look is made up for once a key may read, and keeps no day that retention removes."""
    rehearsed.use_key("sandbox-events", role="WAREHOUSE")

    refused = rehearsed.run("ingest_presence")

    assert refused.success
    passed, severity, line = verdict(refused)
    assert (passed, severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "asked for next time: " in line
    assert "CALVEN_WAREHOUSE_API_KEY" in line
    assert rehearsed.outcomes()["accepted"] == ACCEPTED
    rehearsed.use_key(None, role="WAREHOUSE")
    rehearsed.set(RETENTION_DAYS="1")
    late = rehearsed.run("ingest_presence")
    assert verdict(late)[0]
    told = late.metadata["calven_presence"]
    assert (told["rows_pulled"], told["dagster/row_count"]) == (ACCEPTED, 0)


def test_an_unforeseen_error_fails_the_run_as_anywhere(rehearsed: Deployment, monkeypatch: pytest.MonkeyPatch):
    """Only what keeps us from asking Calven is a warning."""

    def stumble(*_, **__):
        raise duckdb.InvalidInputException("secret.person@example.com")

    monkeypatch.setattr(reconcile, "_compare", stumble)

    run = rehearsed.run("ingest_presence")

    assert set(run.failures) == {"calven_presence"}
    assert run.failures["calven_presence"].startswith("Unforeseen InvalidInputException in reconciliation/reconcile.py")
    assert "secret.person" not in repr(run.events)
