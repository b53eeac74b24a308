"""Does the asset `presence_report` write its page where something changed, for whom it may, and leave it otherwise?"""

import stat
from datetime import date, timedelta

import duckdb
import pytest

from calven_pipeline.errors import RequestError, WorkingDatabaseError
from calven_pipeline.reporting import report
from calven_pipeline.reporting.report import Period, write_report
from tests.dagster.deploying import Deployment

KEYS = {"report", "path", "first_date", "last_date", "rewritten", "days", "offices", "hidden_offices", "hidden_cells"}
STEP = "presence_report"


def configured(**values: object) -> dict:
    return {"ops": {STEP: {"config": values}}}


def test_a_run_writes_the_page_and_one_with_nothing_new_leaves_it(rehearsed: Deployment, monkeypatch) -> None:
    """By its bytes and its time; a setting, other days or a page that was deleted make it anew. Nobody is named in it."""
    rehearsed.set(PUBLISH="live", REPORT_SMALLEST_GROUP="1")
    run = rehearsed.run("retry_pending")
    page = rehearsed.data_dir / "reports" / "presence.html"
    assert run.success
    assert run.metadata[STEP].keys() == KEYS
    assert run.metadata[STEP]["report"] == page.as_uri()
    assert run.metadata[STEP]["rewritten"] == 1
    assert run.metadata[STEP]["hidden_cells"] == 0
    text = page.read_text()
    people = [value for row in rehearsed.rows("select user_id, email, user_name from users") for value in row if value]
    people += [
        value for (value,) in rehearsed.rows("select source_user_id from presence where source_user_id is not null")
    ]
    assert "Harbour office" in text
    assert not [value for value in people if value in text]
    before = page.stat()
    monkeypatch.setattr("calven_pipeline.reporting.page.render", lambda *_: pytest.fail("drawn again"))
    again = rehearsed.run("retry_pending")
    assert again.metadata[STEP] == {**run.metadata[STEP], "rewritten": 0}
    assert (page.stat().st_ino, page.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    monkeypatch.undo()


def test_what_makes_the_page_anew_and_who_may_read_it(rehearsed: Deployment) -> None:
    """Each change is noticed once; the page is its owner's alone, whatever the folder allowed before."""
    report.delete_report(rehearsed.data_dir)  # that of the run that made the folder
    (rehearsed.data_dir / "reports").chmod(0o777)
    write = lambda *period: write_report(rehearsed.data_dir, *period)  # noqa: E731
    written = write()
    assert written.rewritten
    assert not write().rewritten
    assert stat.S_IMODE(written.path.stat().st_mode) == 0o400
    assert stat.S_IMODE(written.path.parent.stat().st_mode) == 0o700
    assert [path.name for path in written.path.parent.iterdir()] == ["presence.html"]
    rehearsed.set(REPORT_SMALLEST_GROUP="2")
    assert write().rewritten
    assert not write().rewritten
    rehearsed.set(REPORT_DAYS="6")
    assert write().days == 6
    assert (write(Period(days=3)).days, write(Period(days=3)).rewritten) == (3, False)
    change(rehearsed, "update pipeline.synced set revision = revision + 1")
    assert write(Period(days=3)).rewritten
    report.delete_report(rehearsed.data_dir)
    report.delete_report(rehearsed.data_dir)
    assert write(Period(days=3)).rewritten
    change(rehearsed, "drop table pipeline.synced")
    with pytest.raises(WorkingDatabaseError):
        write()
    (rehearsed.data_dir / "calven.duckdb").unlink()
    with pytest.raises(WorkingDatabaseError, match="Launch presence_pipeline"):
        write()


def change(deployment: Deployment, statement: str) -> None:
    path = deployment.data_dir / "calven.duckdb"
    path.chmod(0o600)
    with duckdb.connect(str(path)) as snapshot:
        snapshot.execute(statement)


def test_days_that_cannot_be_fail_the_step_in_one_line(rehearsed: Deployment) -> None:
    run = rehearsed.run("retry_pending", configured(first_date="soon"))
    assert run.failures[STEP] == "first_date of the report must be a day as YYYY-MM-DD."


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (Period(), (date(2026, 3, 2), date(2026, 3, 8))),
        (Period(days=1), (date(2026, 3, 8), date(2026, 3, 8))),
        (Period(last_date=date(2026, 3, 3)), (date(2026, 2, 23), date(2026, 3, 3))),  # from Monday on
        (Period(first_date=date(2026, 3, 5)), (date(2026, 3, 5), date(2026, 3, 8))),
        (Period(first_date=date(2026, 2, 1), last_date=date(2026, 2, 2)), (date(2026, 2, 1), date(2026, 2, 2))),
        (Period(days=3, last_date=date(2026, 2, 2)), (date(2026, 1, 31), date(2026, 2, 2))),
        (Period(days=3, first_date=date(2026, 2, 2)), None),
        (Period(days=0), None),
        (Period(days=10**9), None),
        (Period(first_date=date(2026, 4, 1)), None),
        (Period(first_date=date(1, 1, 1)), None),
    ],
)
def test_the_days_that_are_asked_for(period: Period, expected) -> None:
    if expected is None:
        with pytest.raises(RequestError):
            period.dates(7, date(2026, 3, 8))
    else:
        assert period.dates(7, date(2026, 3, 8)) == expected


def test_no_day_that_retention_removed_is_told_of(rehearsed: Deployment) -> None:
    """Only rows that somebody waits for are left of such days: they would pass for all people. Born from a report of zeros."""
    kept_from = date(2026, 3, 5)
    newest = date(2026, 3, 8)
    assert Period().dates(7, newest, kept_from) == (kept_from, newest)
    assert Period(first_date=date(2026, 3, 1)).dates(7, newest, kept_from) == (kept_from, newest)
    assert Period(days=2).dates(7, newest, kept_from) == (date(2026, 3, 7), newest)
    with pytest.raises(RequestError, match="before 2026-03-05 were removed"):
        Period(last_date=date(2026, 3, 4)).dates(7, newest, kept_from)
    ((today,),) = rehearsed.rows("select as_of::date from snapshot")  # nobody was seen yet: the last day, too
    rehearsed.set(RETENTION_DAYS="3")
    written = write_report(rehearsed.data_dir)
    assert (written.first_date, written.last_date) == ((today - timedelta(days=3)).isoformat(), today.isoformat())
    assert "are not in it: retention removed them" in written.path.read_text()
    assert not write_report(rehearsed.data_dir).rewritten
    assert write_report(rehearsed.data_dir, Period(days=2)).days == 2
    assert "retention removed" not in written.path.read_text()
