"""The analysts' views on a few rows: nobody is counted twice, no row is lost, no day is mixed up with another."""

from collections.abc import Iterator
from datetime import date, datetime

import duckdb
import pytest

from calven_pipeline.warehouse.dictionary import TABLES
from calven_pipeline.warehouse.views import create_views

MONDAY, TUESDAY, NEXT_MONDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 9)

# An office named in capitals, with one level of two zones of two desks each, another level whose desks name no office, and an
# office without desks.
REFERENCE = """
insert into locations by name from (values ('OFFICE', '{"locationName": "Harbour"}'), ('hut', null)) as t (location_id, extra);
insert into desks by name from (values
    ('desk-1', 'zone-a', 'level-1', '{"locationId": "office", "zoneName": "A", "levelName": "First"}'),
    ('desk-2', 'zone-a', 'LEVEL-1', '{"locationId": "office", "zoneName": "A", "levelName": "First"}'),
    ('desk-3', 'zone-b', 'level-1', '{"locationId": "office"}'),
    ('desk-4', 'zone-b', 'level-1', '{"locationId": "office"}'),
    ('desk-9', 'zone-z', 'level-9', null)
) as t (desk_id, zone_id, level_id, extra);
"""

# Who was where, on which local day; the second row of a person in capitals is the same person.
DAYS = [
    (MONDAY, "ada", "DESK-1", "place"),
    (MONDAY, "ADA", "desk-2", "place"),
    (MONDAY, "ada", "office", "location"),
    (MONDAY, "ben", "zone-a", "zone"),
    (MONDAY, "cem", "level-1", "level"),
    (MONDAY, "dua", "office", "location"),
    (MONDAY, "eli", "desk-9", "place"),
    (MONDAY, "eli", "pod", "space"),
    (TUESDAY, "ada", "hut", "location"),
    (TUESDAY, "ben", "gone", "zone"),
    (TUESDAY, None, "gone", "zone"),
    (NEXT_MONDAY, "ben", "hut", "location"),
]

FILES = [  # first_row_id, row_count, staged_at; the second is the first once more, after it changed, and one was empty
    ("badges", "night.csv", 1, 6, "2026-03-02 10:00"),
    ("badges", "night.csv", 7, 4, "2026-03-03 10:00"),
    ("badges", "empty.csv", 11, 0, "2026-03-04 10:00"),
    ("badges", "more.csv", 11, 1, "2026-03-05 10:00"),
    ("wifi", "wifi.csv", 12, 3, "2026-03-01 10:00"),
]

ROWS = [  # row_id, source, file, number, occurred_at, badge, door, outcome, reasons, call_id
    (1, "badges", "night.csv", 1, "2026-03-01 22:30", "B-1", "Gate", "accepted", None, 1),
    (2, "badges", "night.csv", 2, "2026-03-02 08:00", "b-7", "Gate", "rejected", ["unmapped_person"], None),
    (
        3,
        "badges",
        "night.csv",
        3,
        "2026-03-02 08:10",
        "B-7",
        "Shed",
        "rejected",
        ["unmapped_person", "unmapped_place"],
        None,
    ),
    (4, "badges", "night.csv", 4, None, "B-1", "Shed", "rejected", ["invalid_timestamp", "unmapped_place"], None),
    (
        5,
        "badges",
        "night.csv",
        5,
        "2026-03-02 08:20",
        "B-8",
        "Shed",
        "rejected",
        ["unmapped_person", "unmapped_place"],
        None,
    ),
    (6, "badges", "night.csv", 6, "2026-03-02 08:30", "B-1", "Gate", "ignored", None, None),
    (7, "badges", "night.csv", 1, "2026-03-01 22:30", "B-1", "Gate", "duplicate", None, None),
    (8, "badges", "night.csv", 2, "2026-03-03 06:00", "B-1", "Gate", "accepted", None, 2),
    (9, "badges", "night.csv", 3, "2026-03-03 08:00", "B-1", "SHED", "rejected", ["unmapped_place"], None),
    (11, "badges", "more.csv", 1, "2026-03-05 10:00", "B-1", "Gate", "pending", None, 3),
    (12, "wifi", "wifi.csv", 1, "2026-03-01 09:00", "w-1", None, "accepted", None, 2),
    (13, "wifi", "wifi.csv", 2, "2099-01-01 09:00", "w-1", None, "rejected", ["future_timestamp"], None),
    (14, "wifi", "wifi.csv", 3, "2026-03-01 09:30", "w-2", None, "rejected", ["calven_user_not_found"], 1),
]
DISMISSED = 5

CALLS = [  # call_id, source_id, events, sent_at, seconds to the answer, attempts, problem
    (1, "X", 2, "2026-03-02 23:59:59", 2, 1, None),
    (2, "X", 2, "2026-03-03 00:00:01", 4, 3, None),
    (3, "X", 1, "2026-03-03 12:00:00", 60, 6, "no answer"),
]


@pytest.fixture(scope="module")
def snapshot() -> Iterator[duckdb.DuckDBPyConnection]:
    """The dictionary's tables and views in memory, with the rows above."""
    with duckdb.connect() as connection:
        for table in TABLES:
            for statement in table.create("memory"):
                connection.execute(statement)
        for statement in create_views("memory"):
            connection.execute(statement)
        connection.execute(REFERENCE)
        connection.execute("insert into snapshot by name select timestamp '2026-03-31 12:00' as as_of")
        connection.executemany(
            "insert into daily_presence select $1, $2, $2 || '@sandbox.example', $3, $4, "
            "$1 + interval 8 hours, $1 + interval 9 hours, 2",
            DAYS,
        )
        connection.executemany(
            "insert into export_files by name "
            "select $1 as source, $2 as source_file, $3 as first_row_id, $4 as row_count, $5::timestamp as staged_at",
            FILES,
        )
        connection.executemany(
            "insert into presence by name select $1 as row_id, $2 as source, $3 as source_file, $4 as row_number, "
            "$5::timestamp as occurred_at, ($5::timestamp + interval 2 hours)::date as local_date, "
            "$6 as source_user_id, $7 as source_place, $8 as outcome, $9::varchar[] as reasons, $10::integer as call_id",
            ROWS,
        )
        connection.execute(
            "insert into rejections by name select row_id, source, source_file, reasons[1] as reason, reasons, "
            "case when row_id = $dismissed then 'resolved' else 'open' end as status, "
            "timestamp '2026-03-10' + to_days(row_id::integer) as first_rejected_at, "
            "timestamp '2026-03-30' as last_checked_at from presence where outcome = 'rejected'",
            {"dismissed": DISMISSED},
        )
        connection.executemany(
            "insert into calls by name select $1 as call_id, $2 as source_id, $3 as events, $4::timestamp as sent_at, "
            "$4::timestamp + to_seconds($5) as answered_at, $6 as attempts, $7 as problem",
            CALLS,
        )
        yield connection


def test_somebody_at_several_desks_is_one_person_of_the_zone_the_level_and_the_office(snapshot) -> None:
    """What is inside counts, what is around does not: `dua` of the office is in no zone."""
    found = snapshot.sql(
        "select location_type, lower(location_id), location_name, people, events from presence_by_day "
        f"where local_date = date '{MONDAY}' order by all"
    ).fetchall()
    assert found == [
        ("level", "level-1", "First", 3, 8),
        ("level", "level-9", None, 1, 2),
        ("location", "office", "Harbour", 4, 12),
        ("place", "desk-1", None, 1, 2),
        ("place", "desk-2", None, 1, 2),
        ("place", "desk-9", None, 1, 2),
        ("space", "pod", None, 1, 2),
        ("zone", "zone-a", "A", 2, 6),
        ("zone", "zone-z", None, 1, 2),
    ]


def test_a_person_is_one_row_of_a_day(snapshot) -> None:
    found = snapshot.sql(
        f"select lower(user_id), locations, events from people_by_day where local_date = date '{MONDAY}' order by all"
    ).fetchall()
    assert found == [("ada", 3, 6), ("ben", 1, 2), ("cem", 1, 2), ("dua", 1, 2), ("eli", 2, 4)]


def test_who_has_no_id_and_what_is_not_listed_are_counted(snapshot) -> None:
    """An event without a user id is somebody's; a zone that Calven no longer lists stays."""
    found = snapshot.sql(
        f"select location_id, location_name, people, events from presence_by_day where local_date = date '{TUESDAY}' "
        "and location_type = 'zone'"
    ).fetchall()
    assert found == [("gone", None, 2, 4)]


def test_desks_are_used_by_events_at_desks_alone_and_empty_days_stay(snapshot) -> None:
    """One row per day and area, the days without anybody there too."""
    found = snapshot.sql(
        "select local_date, lower(location_id), desks, desks_used, people, people_per_desk from desk_use_by_day "
        "where location_type in ('location', 'zone') order by all"
    ).fetchall()
    assert found == [
        (MONDAY, "office", 4, 2, 4, 1.0),
        (MONDAY, "zone-a", 2, 2, 2, 1.0),
        (MONDAY, "zone-b", 2, 0, 0, 0.0),
        (MONDAY, "zone-z", 1, 1, 1, 1.0),
        *((day, area, desks, 0, 0, 0.0)
          for day in (TUESDAY, NEXT_MONDAY)
          for area, desks in (("office", 4), ("zone-a", 2), ("zone-b", 2), ("zone-z", 1))),
    ]  # fmt: skip


def test_a_weekdays_mean_is_over_all_days_on_which_anybody_came(snapshot) -> None:
    """Two Mondays: the office was full on one of them."""
    found = snapshot.sql(
        "select weekday_name, lower(location_id), days, people_per_day, most_people, desks, people_per_desk "
        "from presence_by_weekday where location_type = 'location' order by weekday, 2"
    ).fetchall()
    assert found == [
        ("Mon", "hut", 2, 0.5, 1, 0, None),
        ("Mon", "office", 2, 2.0, 4, 4, 0.5),
        ("Tue", "hut", 1, 1.0, 1, 0, None),
    ]


def test_every_row_is_in_one_day_or_in_none(snapshot) -> None:
    """A row without a time stands in a row without a day; an evening in UTC is the next local day."""
    found = snapshot.sql(
        "select local_date, accepted, rejected, pending, duplicate, ignored from outcomes_by_day "
        "where source = 'badges' order by local_date nulls first"
    ).fetchall()
    assert found == [
        (None, 0, 1, 0, 0, 0),
        (MONDAY, 1, 3, 0, 1, 1),
        (TUESDAY, 1, 1, 0, 0, 0),
        (date(2026, 3, 5), 0, 0, 1, 0, 0),
    ]
    assert snapshot.sql("select sum(row_count) from outcomes_by_day").fetchall() == [(len(ROWS),)]


def test_each_reading_of_a_file_has_its_own_rows(snapshot) -> None:
    """The second reading lost a row since; an empty file has none of the next one's rows."""
    found = snapshot.sql(
        "select source_file, rows_read, accepted, rejected, pending, duplicate, ignored, rows_gone "
        "from outcomes_by_file where source = 'badges' order by staged_at"
    ).fetchall()
    assert found == [
        ("night.csv", 6, 1, 4, 0, 0, 1, 0),
        ("night.csv", 4, 1, 1, 0, 1, 0, 1),
        ("empty.csv", 0, 0, 0, 0, 0, 0, 0),
        ("more.csv", 1, 0, 0, 1, 0, 0, 0),
    ]


def test_badges_and_doors_are_ranked_by_what_waits_for_them(snapshot) -> None:
    """Spelled in capitals or not, dismissed rows left out, rows that have another reason told apart."""
    badges = snapshot.sql(
        "select lower(source_user_id), waiting_events, waiting_for_this_alone, days from unmapped_badges"
    )
    assert badges.fetchall() == [("b-7", 2, 1, 1)]
    doors = snapshot.sql(
        "select lower(source_place), waiting_events, waiting_for_this_alone, people, days from unmapped_doors"
    )
    assert doors.fetchall() == [("shed", 3, 1, 2, 2)]


def test_people_at_a_door_are_counted_whatever_names_them(snapshot) -> None:
    """By badge, id or address, which compare without case here; a row that names nobody counts none."""
    snapshot.execute("begin")
    snapshot.execute(
        "insert into presence by name from (values (91, null, 'ada@x.example'), (92, null, 'ADA@x.example'), "
        "(93, 'U-BEN', 'ben@x.example'), (94, 'u-ben', null), (95, null, null)) as t (row_id, user_id, user_email) "
        "select *, 'desks' as source, 'Hatch' as source_place"
    )
    snapshot.execute(
        "insert into rejections by name select row_id, 'open' as status, ['unmapped_place'] as reasons from presence where row_id > 90"
    )
    counts = snapshot.sql("select waiting_events, people from unmapped_doors where source = 'desks'").fetchall()
    snapshot.execute("rollback")
    assert counts == [(5, 2)]


def test_a_row_counts_for_its_first_reason_and_its_way_out_stands_beside_it(snapshot) -> None:
    found = snapshot.sql(
        "select source, stage, reason, open_rows, resolved_rows, open_files, open_since_at, what_to_do is not null "
        "from rejections_by_reason where source = 'badges'"
    ).fetchall()
    assert found == [
        ("badges", "validate", "unmapped_person", 2, 1, 1, datetime.fromisoformat("2026-03-12"), True),
        ("badges", "validate", "invalid_timestamp", 1, 0, 1, datetime.fromisoformat("2026-03-14"), True),
        ("badges", "validate", "unmapped_place", 1, 0, 1, datetime.fromisoformat("2026-03-19"), True),
    ]


def test_a_sources_silence_and_delay(snapshot) -> None:
    """Badges came daily and then for 26 days not at all, but nothing is usual within a week. What came twice is late once."""
    found = snapshot.sql(
        "select source, files, last_file, silent_days, usual_days, longest_usual_days, is_silent, delay_p50_hours, "
        "last_event_at, pending, rejected from source_health"
    ).fetchall()
    assert found == [
        ("badges", 4, "more.csv", 26, None, None, False, 4.0, datetime.fromisoformat("2026-03-05 10:00"), 1, 5),
        ("wifi", 1, "wifi.csv", 30, None, None, False, 1.0, datetime.fromisoformat("2026-03-01 09:30"), 0, 2),
    ]


@pytest.mark.parametrize(("earliest", "found"), [("2026-02-20", (None, None, False)), ("2026-02-19", (1, 11, True))])
def test_a_source_is_silent_only_once_its_gaps_span_a_fortnight(snapshot, earliest, found) -> None:
    """As for `calven-pipeline status`: a new one would be silent in its first weekend."""
    snapshot.begin()
    try:
        snapshot.execute(
            "insert into export_files by name select 'badges' as source, 'old.csv' as source_file, 0 as first_row_id, "
            "0 as row_count, $at::timestamp as staged_at",
            {"at": earliest},
        )
        badges = "select usual_days, longest_usual_days, is_silent from source_health where source = 'badges'"
        assert snapshot.sql(badges).fetchall() == [found]
    finally:
        snapshot.rollback()


def test_an_event_counts_for_its_last_call_and_a_call_for_the_day_it_was_sent_on(snapshot) -> None:
    """In UTC: two seconds lie between the calls of two days. An event that was sent twice is accepted once."""
    found = snapshot.sql(
        "select utc_date, calls, attempts, calls_tried_again, failed_calls, events, accepted, rejected, duration_p50_s "
        "from delivery_history"
    ).fetchall()
    assert found == [(MONDAY, 1, 1, 0, 0, 2, 1, 1, 2.0), (TUESDAY, 2, 9, 2, 1, 3, 2, 0, 32.0)]
