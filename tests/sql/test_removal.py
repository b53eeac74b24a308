"""Rows that were removed: the books still balance, and whatever comes again is known without them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from calven_pipeline.retention.compaction import finish
from calven_pipeline.retention.expiry import Expiry, apply_retention
from calven_pipeline.retention.removal import remove_rows, start_choosing
from calven_pipeline.validation.books import balance
from tests.sql.conftest import NOW, Pipeline

OLD = (
    "2026-01-05T08:00:00Z,e1,b1,U-ann,,Office,location",
    "2026-01-05T08:00:00Z,e1,b1,U-ann,,Office,location",
    "2026-01-05T09:00:00+02:00,,b1,U-ann,,Office,location",
    "2026-01-05T08:00:00Z,e2,b7,U-eve,,Office,location",
    "2026-01-05T08:00:00Z,e3,b8,U-tom,,Office,location",
    "yesterday,e4,b2,U-bob,,Office,location",
)
WAITS = "2026-01-06T08:00:00Z,e6,b2,U-bob,,Office,location"
RECENT = "2026-10-30T08:00:00Z,e7,b2,U-bob,,Office,location"


def accept(pipeline: Pipeline, *, but: str = "") -> None:
    """Let Calven accept every event that waits, but the one of that id."""
    pipeline.database.connection.execute(
        "insert into answers select o.row_id, 1, true, null, 0, null, 1, now(), nextval('revision'), 'part' "
        "from outbox o join staged_presence s using (row_id) where event_id is distinct from $but",
        {"but": but},
    )
    pipeline.database.connection.execute("delete from outbox where row_id in (select row_id from answers)")


def dismiss(pipeline: Pipeline, *event_ids: str) -> None:
    """Close the rejections of these events for good."""
    pipeline.database.connection.execute(
        "update rejections set status = 'resolved', resolution = 'dismissed' "
        "where row_id in (select row_id from staged_presence where event_id in (select unnest(?)))",
        [list(event_ids)],
    )


def expire(pipeline: Pipeline, days: int = 30) -> Expiry:
    """Apply retention as a run does, with the database closed before and after."""
    pipeline.close()
    return apply_retention(pipeline.data, days, now=NOW)


@pytest.fixture(scope="module")
def done(company: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Expiry]:
    """Eight rows of which seven are of days long ago, or have no time at all; one of those waits and one is an open rejection."""
    pipeline = Pipeline(shutil.copytree(company, tmp_path_factory.mktemp("expired") / "data"))
    pipeline.swipes(*OLD, WAITS, name="old.csv")
    pipeline.swipes(RECENT, name="recent.csv")
    pipeline.run()
    accept(pipeline, but="e6")
    dismiss(pipeline, "e3", "e4")
    pipeline.database.connection.execute(
        "update export_files set staged_at = timestamp '2026-02-01' where source_file = 'old.csv'"
    )
    return pipeline.data, expire(pipeline)


@pytest.fixture
def expired(pipeline: Pipeline, done: tuple[Path, Expiry]) -> Expiry:
    """What the removal said; the pipeline works on a copy of what it left."""
    folder, expiry = done
    shutil.rmtree(pipeline.data)
    shutil.copytree(folder, pipeline.data)
    return expiry


def test_old_rows_go_and_open_ones_stay(pipeline: Pipeline, expired: Expiry) -> None:
    """Accepted, duplicate and dismissed rows go; what waits or may heal stays and is counted; the books hold them all."""
    assert expired.removal.outcomes == {"accepted": 2, "duplicate": 1, "rejected": 2}
    assert expired.rows_kept_because_open == 2
    assert pipeline.ask("select row_id from staged_presence order by 1") == [4, 7, 8]
    for table in ("validated_presence", "answers", "rejections", "outbox"):
        assert pipeline.ask(f"select count(*) from {table} where row_id not in (4, 7, 8)") == [0]
    books = balance(pipeline.database)
    assert books.balanced, books.story
    assert books.outcomes == {"accepted": 3, "rejected": 3, "pending": 1, "duplicate": 1, "ignored": 0}
    assert books.story.endswith("; 5 of them were removed since")
    assert pipeline.ask("from duckdb_tables() select table_name where table_name = 'compaction_due'") == [
        "compaction_due"
    ]
    assert pipeline.ask("from compaction_due") == []


def test_once_more_removes_nothing(pipeline: Pipeline, expired: Expiry) -> None:
    """Nor is any file written again."""
    again = expire(pipeline)
    assert (again.removal.row_count, again.rows_kept_because_open) == (0, expired.rows_kept_because_open)
    assert (again.finish.compaction, again.finish.snapshot) == (None, None)


def test_an_old_export_that_comes_again_is_known(pipeline: Pipeline, expired: Expiry) -> None:
    """Every event of it is a duplicate, one that tells something else under a known id conflicts, and only what is new waits."""
    del expired
    pipeline.swipes(
        *OLD[:1],
        OLD[2],
        "2026-01-05T07:00:00Z,,b1,U-ann,,Office,location",  # the third row's moment in UTC
        *OLD[4:],
        "2026-01-05T08:00:00Z,e1,b1,U-ann,,Desk-1,place",
        "2026-01-05T08:00:00Z,E1,b1,u-ANN,,OFFICE,location",
        "2026-01-05T08:00:01Z,,b1,U-ann,,Office,location",
        "2026-10-31T08:00:00Z,,b1,U-ann,,Office,location",
        name="again.csv",
    )
    validation = pipeline.run()
    assert pipeline.outcomes()[3:] == [
        "duplicate",
        "duplicate",
        "duplicate",
        "duplicate",
        "duplicate",
        "rejected: conflicting_event_id",
        "duplicate",
        "valid",
        "valid",
    ]
    assert validation.warnings == ()


def test_no_source_is_said_to_have_no_presence_when_its_newest_rows_are_gone(pipeline: Pipeline) -> None:
    """The newest row judged stays known where it was removed; it was told anew in every run that its source fits nothing."""
    pipeline.swipes(OLD[0])
    pipeline.run()
    accept(pipeline)
    expire(pipeline)
    assert pipeline.validate().warnings == ()


def test_nothing_of_people_is_left_in_the_hashes(pipeline: Pipeline, expired: Expiry) -> None:
    """A salt of the file's own goes into them: the same event id gives other hashes in another file."""
    del expired
    ((event_hash, content_hash),) = pipeline.ask("select event_hash, content_hash from removed_rows where row_id = 1")
    guessed = pipeline.ask("select event_key from staged_presence") + pipeline.ask(
        "select left(sha256(md5(concat_ws(chr(31), 'event', 'e1'))::uuid::varchar), 32)::uuid"
    )
    assert event_hash
    assert content_hash
    assert event_hash not in guessed
    assert len(pipeline.ask("from salt")) == 1
    assert pipeline.ask("select event_hash from removed_rows where row_id = 2") == [event_hash]
    ((salt,),) = pipeline.database.connection.execute("from salt").fetchall()
    assert len(salt) == 64


def test_a_lost_answer_is_still_seen(pipeline: Pipeline, expired: Expiry) -> None:
    """Answers that were removed are not missed; another one is, and so is a row that went without a trace."""
    del expired
    pipeline.database.connection.execute("delete from answers")
    assert "answers are gone" in balance(pipeline.database).story
    pipeline.database.connection.execute("delete from removed_rows where row_id = 1")
    assert "8 rows were read, 4 of them removed since, but 3 staged and 3 judged" in balance(pipeline.database).story


def test_what_waits_can_be_removed_too(pipeline: Pipeline) -> None:
    """As for somebody who is to be forgotten: it is never sent, and counts as ignored with what was still rejected."""
    pipeline.swipes(OLD[0], OLD[3], WAITS)
    pipeline.run()
    start_choosing(pipeline.database)
    pipeline.database.connection.execute("insert into rows_to_remove from range(1, 4)")
    assert remove_rows(pipeline.database).outcomes == {"ignored": 3}
    assert pipeline.ask("from outbox") == []
    assert balance(pipeline.database).balanced
    pipeline.close()
    assert finish(pipeline.data).compaction
    pipeline.swipes(OLD[0], OLD[3], WAITS, RECENT, name="again.csv")
    pipeline.run()
    assert pipeline.outcomes() == ["duplicate", "duplicate", "duplicate", "valid"]


COLLAPSING = """
sources:
  - {name: one, files: "*.csv", collapse: daily, columns: {timestamp: t, user_id: u, location_id: l}, defaults: {location_type: place}}
"""


def test_a_later_row_of_a_removed_day_stands_beside_its_event(pipeline: Pipeline) -> None:
    """The person was sent for that day and place once, so it is not sent again; another place or day is."""
    pipeline.profile(COLLAPSING)
    pipeline.export("a.csv", "t,u,l\n2026-01-05T08:00Z,U-ann,Desk-1\n2026-01-05T09:00Z,U-ann,Desk-1\n")
    pipeline.run()
    accept(pipeline)
    assert expire(pipeline).removal.outcomes == {"accepted": 1, "ignored": 1}
    rows = "t,u,l\n2026-01-05T10:00Z,u-ann,DESK-1\n2026-01-05T10:00Z,U-ann,Desk-2\n2026-01-05T10:00Z,U-bob,Desk-1\n"
    pipeline.export("b.csv", rows)
    pipeline.run()
    assert pipeline.outcomes() == ["ignored: collapsed", "valid", "valid"]


def test_rows_beside_an_event_that_waits_stay(pipeline: Pipeline) -> None:
    """Calven may refuse that event yet, and one of them takes its place then."""
    pipeline.profile(COLLAPSING)
    pipeline.export("a.csv", "t,u,l\n2026-01-05T08:00Z,U-ann,Desk-1\n2026-01-05T09:00Z,U-ann,Desk-1\n")
    pipeline.run()
    expiry = expire(pipeline)
    assert (expiry.removal.row_count, expiry.rows_kept_because_open) == (0, 2)


LISTING = """
sources:
  - {{name: doors, files: "*.csv", granted: {{result: [{granted}]}}, ignored: {{result: [{ignored}]}},
     columns: {{timestamp: t, user_id: u, location_id: l}}, defaults: {{location_type: place}}}}
"""


def test_an_outcome_that_is_listed_later_sends_no_removed_event(pipeline: Pipeline) -> None:
    """The same swipe was sent and removed while this row, whose outcome nobody had listed, was kept."""
    pipeline.profile(LISTING.format(granted="Granted", ignored="Denied"))
    pipeline.export("a.csv", "t,u,l,result\n2026-01-05T08:00Z,U-ann,Desk-1,Granted\n")
    pipeline.export(
        "b.csv", "t,u,l,result\n2026-01-05T08:00Z,U-ann,Desk-1,Opened\n2026-01-05T08:00Z,U-bob,Desk-1,Opened\n"
    )
    pipeline.run()
    accept(pipeline)
    assert expire(pipeline).removal.outcomes == {"accepted": 1}
    pipeline.profile(LISTING.format(granted="Granted, Opened", ignored="Denied"))
    pipeline.run()
    assert pipeline.outcomes() == ["duplicate", "valid"]


def test_a_repeat_stays_while_its_event_may_count_no_more(pipeline: Pipeline) -> None:
    """Nobody had listed the event's outcome when it was read; listed as ignored at last, its repeat is the event."""
    row = "t,u,l,result\n2026-01-05T08:00Z,U-ann,Desk-1,{}\n"
    pipeline.profile(LISTING.format(granted="Granted", ignored="Denied"))
    pipeline.export("a.csv", row.format("Opened"))
    pipeline.run()
    pipeline.profile(LISTING.format(granted="Granted, Opened", ignored="Denied"))
    pipeline.run()
    pipeline.export("b.csv", row.format("Granted"))
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "duplicate"]
    expiry = expire(pipeline)
    assert (expiry.removal.row_count, expiry.rows_kept_because_open) == (0, 2)
    pipeline.profile(LISTING.format(granted="Granted", ignored="Denied, Opened"))
    pipeline.run()
    assert pipeline.outcomes() == ["ignored", "valid"]


def test_an_export_without_rows_has_none_of_the_next_one(pipeline: Pipeline) -> None:
    """Both begin with the same number; the removed row counted for either, and the books did not balance ever after."""
    pipeline.swipes(name="a.csv")
    pipeline.swipes(OLD[0], name="b.csv")
    pipeline.run()
    accept(pipeline)
    assert expire(pipeline).removal.outcomes == {"accepted": 1}
