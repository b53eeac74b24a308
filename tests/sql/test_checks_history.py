"""Do the checks take what is usual, and what stood for somebody, from the right rows and no others?"""

from datetime import UTC, datetime, timedelta

import pytest

from calven_pipeline.checks.clock import look_at_clock
from calven_pipeline.checks.mappings import look_at_mappings
from calven_pipeline.checks.rates import LOOK_BACK, look_at_rates
from calven_pipeline.checks.reference import look_at_table
from calven_pipeline.checks.silence import look_at_silence
from calven_pipeline.warehouse.database import open_working_database

NOW = datetime(2026, 10, 31, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path):
    with open_working_database(tmp_path) as database:
        yield database


def add_file(database, source, age_hours, rows, rejected, *, ignored=0):
    """A file of so many rows that say presence, read so long ago."""
    ((file_id,),) = database.connection.execute("select count(*) from export_files").fetchall()
    staged_at = (NOW - timedelta(hours=age_hours)).replace(tzinfo=None)
    database.connection.execute(
        "insert into export_files values ($n, $s, $s, $n::varchar, $n::varchar, 1, 0, 0, $at, null)",
        {"n": file_id, "s": source, "at": staged_at},
    )
    database.connection.execute(
        "insert into file_outcomes values ($n, $accepted, $rejected, 0, $ignored, $ignored)",
        {"n": file_id, "accepted": rows - rejected, "rejected": rejected, "ignored": ignored},
    )


def test_rates_are_of_the_newest_rows_against_the_days_before(database):
    """A day's files together; of rows that say presence; small numbers say nothing."""
    for day in range(2, 13):
        add_file(database, "usual", 24 * day, 500, 5)
        add_file(database, "high", 24 * day, 500, 5 if day < 12 else 500)  # one bad day is not yet usual
        add_file(database, "always-high", 24 * day, 100, 90)
        add_file(database, "few-a-day", 24 * day, 12, 0)
    add_file(database, "usual", 1, 400, 0)
    add_file(database, "usual", 2, 100, 6)
    add_file(database, "high", 1, 100, 0)
    add_file(database, "high", 13, 100, 30, ignored=10_000)
    add_file(database, "always-high", 1, 100, 90)
    add_file(database, "few-a-day", 1, 40, 30)
    add_file(database, "tiny", 1, 3, 1)
    add_file(database, "long-ago", LOOK_BACK / timedelta(hours=1) + 1, 1000, 1000)

    found = look_at_rates(database, 0.2, NOW)

    assert found.story == (
        "always-high: 90.0% of its 100 newest rows are rejected (the limit is 20%); "
        "few-a-day: 30.0% of its 100 newest rows are rejected (the limit is 20%); "
        "high: 15.0% of its 200 newest rows are rejected (usual is up to 1.0%)."
    )
    assert found.numbers == {
        "highest_rate": 0.9,
        "rate_limit": 0.2,
        "sources_judged": 4,
        "sources_over_limit": 2,
        "sources_unusual": 1,
    }
    assert look_at_rates(database, 1.0, NOW).numbers["sources_over_limit"] == 0


def test_no_source_is_silent_in_its_first_weekend(database):
    """What comes on working days shows so in its second weekend; then a Tuesday without files is one too many."""
    tuesday = NOW + timedelta(days=3)
    for day in range(1, 6):  # Monday to Friday
        add_file(database, "badges", 24 * day, 1, 0)
    assert look_at_silence(database, ["badges"], tuesday).numbers["sources_watched"] == 0
    for day in (*range(8, 13), 15):
        add_file(database, "badges", 24 * day, 1, 0)
    sunday = look_at_silence(database, ["badges"], NOW + timedelta(days=1))
    assert (sunday.passed, sunday.numbers["sources_watched"]) == (True, 1)
    assert (
        look_at_silence(database, ["badges"], tuesday).story
        == "badges is silent for 4 days; its files usually come daily."
    )


ROWS = (  # number, badge, door, verdict, reasons, revision
    (1, "B-1", "North", "valid", None, 1),
    (2, "B-2", "South", "valid", None, 1),
    (3, "B-3", "North", "rejected", ["unmapped_person"], 1),
    (4, "b-1", "North", "rejected", ["unmapped_person"], 2),
    (5, "B-1", "SOUTH", "rejected", ["unmapped_person", "unmapped_place"], 2),
    (6, "B-3", "North", "rejected", ["unmapped_person"], 2),
)


def judge(database, rows):
    for row_id, badge, door, verdict, reasons, revision in rows:
        database.connection.execute(
            "insert into staged_presence by name select $id as row_id, 0 as file_id, true as kept, $badge as source_user_id, "
            "$door as place",
            {"id": row_id, "badge": badge, "door": door},
        )
        database.connection.execute(
            "insert into validated_presence by name select $id as row_id, $verdict as verdict, $reasons as reasons, "
            "$revision as revision",
            {"id": row_id, "verdict": verdict, "reasons": reasons, "revision": revision},
        )
        if reasons:
            database.connection.execute(
                "insert into rejections by name select $id as row_id, 'validate' as stage, $reasons[1] as reason, "
                "$reasons as reasons, 'open' as status, now()::timestamp as first_rejected_at, "
                "now()::timestamp as last_checked_at, $revision as revision",
                {"id": row_id, "reasons": reasons, "revision": revision},
            )


def lost(database, revision=2):
    database.connection.execute(
        "create temp table if not exists old_verdicts as select row_id, verdict, revision from validated_presence limit 0"
    )
    badges, doors = look_at_mappings(database, revision, NOW)
    return badges.numbers["badges_lost"], doors.numbers["doors_lost"]


def test_a_badge_counts_once_and_until_its_rejection_is_closed(database):
    """Not one that never stood for anybody (B-3), and one that is only used otherwise, such as B-2, is no loss."""
    add_file(database, "badges", 1, 6, 4)
    judge(database, ROWS[:3])
    assert lost(database, 1) == (0, 0)
    judge(database, ROWS[3:])
    assert lost(database) == (1, 1)
    assert lost(database) == (1, 1), "nothing new, and still so"
    judge(database, [(7, "B-1", "North", "rejected", ["unmapped_person"], 3)])
    assert lost(database, 3) == (1, 1)
    database.connection.execute("update rejections set reasons = ['unmapped_person'] where row_id = 5")
    assert lost(database, 3) == (1, 0), "the door is listed again"
    database.connection.execute(
        "update rejections set status = 'resolved' where row_id = (select row_id from lost_mappings)"
    )
    assert lost(database, 3) == (1, 0), "one rejection was dismissed, others of that badge are open"
    database.connection.execute("update rejections set status = 'resolved'")
    assert lost(database, 3) == (0, 0)


def test_what_was_read_long_ago_is_no_sudden_loss(database):
    add_file(database, "badges", 24 * 60, 6, 4)
    judge(database, ROWS)
    assert lost(database) == (0, 0)


def test_an_event_that_was_never_sent_and_is_rejected_now_tells_too(database):
    """It was valid until this validation: dry runs keep every event waiting."""
    add_file(database, "badges", 1, 1, 1)
    judge(database, [(1, "B-1", "North", "rejected", ["unmapped_person"], 2)])
    database.connection.execute(
        "create temp table old_verdicts as select 1::bigint as row_id, 'valid' as verdict, 1 as revision"
    )
    assert lost(database) == (1, 0)


def test_a_clock_is_not_mended_by_silence(database):
    assert look_at_clock(database, None).passed, "nobody knows"
    assert look_at_clock(database, -60.0).passed
    assert not look_at_clock(database, -61.0).passed
    found = look_at_clock(database, None)
    ((heard,),) = database.connection.execute("select measured_at from server_clock").fetchall()
    story = f"This machine's clock is 61 s ahead of Calven's, as of {heard:%Y-%m-%d %H:%M} UTC."
    assert (found.passed, found.story, found.numbers) == (False, story, {"server_clock_skew_s": -61.0})
    assert look_at_clock(database, 0.4).story == "This machine's clock and Calven's agree."


def test_what_is_compared_of_a_clock_is_what_is_told(database):
    assert look_at_clock(database, 60.4).passed
    found = look_at_clock(database, 60.6)
    assert (found.passed, found.story) == (False, "This machine's clock is 61 s behind Calven's.")


def test_what_is_lost_is_named_as_far_as_it_may_be(database):
    """Doors by name; badges are people's, so their source and how many there are, in powers of ten."""
    add_file(database, "badges", 1, 24, 12)
    keys = [(f"B-{n}", f"Door {n:02}") for n in range(12)]
    judge(database, [(n, *key, "valid", None, 1) for n, key in enumerate(keys)])
    reasons = ["unmapped_person", "unmapped_place"]
    judge(database, [(n, *key, "rejected", reasons, 2) for n, key in enumerate(keys, start=12)])
    database.connection.execute(
        "create temp table old_verdicts as select row_id, verdict, revision from validated_presence limit 0"
    )
    badges, doors = look_at_mappings(database, 2, NOW)
    assert badges.about == ("badges", "badges: 10 and more")
    assert doors.about == tuple(f"Door {n:02} (badges)" for n in range(12))
    assert doors.story.endswith("Door 03 (badges), Door 04 (badges) and 7 more.")


@pytest.mark.parametrize(("pulled", "before", "rows", "fits"), [
    (10, 0, 5, True), (10, 0, 4, False), (10, 0, 0, False), (4, 10, 4, False), (4, 0, 4, True), (0, 0, 0, True),
])  # fmt: skip
def test_a_table_fits_with_half_of_its_rows_or_where_somebody_agreed(database, pulled, before, rows, fits):
    """What the last pull had and what was there before it; empty only where that pull was taken empty."""
    database.connection.execute(
        "insert into users by name select 'u' || n as user_id, now()::timestamp as pulled_at from range(?) t(n)", [rows]
    )
    database.connection.execute("insert into reference_pulls values ('users', now()::timestamp, ?, 0, '')", [pulled])
    assert look_at_table(database, "users", before).passed is fits
