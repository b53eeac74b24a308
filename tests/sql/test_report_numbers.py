"""The report's numbers equal the tables, and what is hidden does not follow from what is shown."""

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import pytest

from calven_pipeline.reporting.numbers import Numbers, read_numbers
from calven_pipeline.reporting.page import REASONS, render, total_by_day
from calven_pipeline.validation.advice import WHAT_TO_DO
from calven_pipeline.warehouse.dictionary import TABLES
from calven_pipeline.warehouse.views import create_views

MONDAY = date(2026, 3, 2)
SMALLEST = 5
TREE = {
    "harbour": {"h-1": ("h-1-a", "h-1-b", "h-1-c"), "h-2": ("h-2-a",)},
    "hill": {"g-1": ("g-1-a", "g-1-b")},
    "hut": {},
}
COUNTED_FROM_PRESENCE = """
insert into daily_presence
select local_date, user_id, user_email, location_id, location_type, min(occurred_at), max(occurred_at), count(*)
from presence where outcome = 'accepted' group by all
"""


@pytest.fixture(scope="module")
def empty() -> Iterator[duckdb.DuckDBPyConnection]:
    """The analysts' tables and views in memory, with the places of `TREE`; three desks to a zone."""
    with duckdb.connect() as connection:
        for table in TABLES:
            for statement in table.create("memory"):
                connection.execute(statement)
        for statement in create_views("memory"):
            connection.execute(statement)
        connection.execute("insert into snapshot by name select timestamp '2026-03-09 06:00' as as_of")
        for office, levels in TREE.items():
            connection.execute(
                "insert into locations by name select upper($1) as location_id, {locationName: 'The ' || $1}::json as extra", [office]
            )  # fmt: skip
            for level, zones in levels.items():
                for zone in zones:
                    connection.execute(
                        "insert into desks by name select $1 || '-' || n as desk_id, $1 as zone_id, $2 as level_id, "
                        "{locationId: $3}::json as extra from range(3) as t (n)",
                        [zone, level, office],
                    )
        yield connection


@pytest.fixture
def snapshot(empty) -> Iterator[duckdb.DuckDBPyConnection]:
    yield empty
    for table in ("presence", "daily_presence", "rejections", "export_files"):
        empty.execute(f"delete from {table}")


def add(snapshot, events: list[tuple], outcome: str = "accepted", reason: str | None = None) -> None:
    """Events of (day of the period from 0, person, location, type) as rows of `presence`, and as rejections."""
    ((rows,),) = snapshot.sql("select count(*) from presence").fetchall()
    snapshot.execute(
        "insert into presence by name select $1 + row_number() over () as row_id, 'badges' as source, $2 as outcome, person as user_id, "
        f"place as location_id, kind as location_type, row_id as row_number, date '{MONDAY}' + day::integer as local_date, "
        f"local_date + interval 8 hours as occurred_at from (values {', '.join(map(str, events))}) as events (day, person, place, kind)",
        [rows, outcome],
    )
    if reason:
        snapshot.execute(
            "insert into rejections by name select row_id, source, 'open' as status, $1 as reason, [$1] as reasons from presence "
            "anti join rejections using (row_id) where outcome = 'rejected'",
            [reason],
        )


def at(day: int, people: range, place: str, kind: str = "location") -> list[tuple]:
    return [(day, f"user-{number:03d}", place, kind) for number in people]


def read(snapshot, days: int = 7) -> Numbers:
    snapshot.execute("delete from daily_presence")
    snapshot.execute(COUNTED_FROM_PRESENCE)
    return read_numbers(snapshot, MONDAY, MONDAY + timedelta(days=days - 1), SMALLEST)


def areas(numbers: Numbers) -> dict[tuple[str, str | None], int | None]:
    return {(area.area_type, area.area_name): area.people for area in numbers.areas if area.office_key == "harbour"}


def test_small_counts_are_hidden_and_nobody_is_nobody(snapshot) -> None:
    """The hut's four people are left out with their days, and in all sums."""
    add(snapshot, at(0, range(12), "HARBOUR") + at(0, range(12, 15), "hill") + at(1, range(5), "hill"))
    add(snapshot, at(1, range(4), "harbour") + at(1, range(20, 24), "hut") + at(2, range(20, 22), "hut"))
    numbers = read(snapshot)
    week = {
        office: [numbers.people[office, MONDAY + timedelta(days=day)] for day in range(7)]
        for office in ("harbour", "hill")
    }
    assert week == {"harbour": [12, None, 0, 0, 0, 0, 0], "hill": [None, 5, 0, 0, 0, 0, 0]}
    assert {office for office, _ in numbers.people} == {"harbour", "hill"}
    assert numbers.hidden_offices == 1
    assert total_by_day(numbers)[MONDAY] == 12
    assert numbers.different_people == 10  # 12, rounded down to whole groups; those of hill on Tuesday are among them
    assert [(o.office_name, o.people_per_day, o.most_per_day, o.hidden_days, o.desks) for o in numbers.offices] == [
        ("The harbour", 7, 8, 1, 12), ("The hill", None, None, 1, 6)
    ]  # fmt: skip
    assert {key: people for key, people in numbers.weekdays.items() if key[0] == "hill"} == {
        ("hill", 1): (None, None),
        ("hill", 2): (5, 5),
    }


def test_a_mean_with_hidden_days_holds_what_is_true(snapshot) -> None:
    """Born from a report whose means left hidden days out: 10 beside a true 5, and 0 for a weekday with people on three of four."""
    add(snapshot, at(0, range(12), "hill") + at(1, range(2), "hill") + at(2, range(1), "hill"))
    add(snapshot, at(7, range(4), "hill") + at(14, range(3), "hill"))
    add(snapshot, at(3, range(20), "harbour") + at(21, range(30), "harbour"))
    add(snapshot, at(8, range(5), "harbour") + at(15, range(3), "hill") + at(22, range(2), "hill"))
    numbers = read(snapshot, days=28)
    (hill,) = (office for office in numbers.offices if office.office_key == "hill")
    assert (hill.people_per_day, hill.most_per_day, hill.hidden_days) == (None, None, 6)  # 18 to 36 on nine days
    assert numbers.weekdays["hill", 1] == (4, 5)  # 14 to 20 on four
    assert numbers.weekdays["hill", 2] == (None, None)  # people on three of four, none on the other
    assert numbers.weekdays["hill", 4] == (0, 0)
    (hill,) = read(snapshot, days=2).offices
    assert (hill.people_per_day, hill.most_per_day) == (7, 8)  # 6.5 and 8
    assert (hill.percent_of_desks, hill.most_percent_of_desks) == (117, 133)


def test_a_hidden_level_is_not_the_whole_less_the_others(snapshot) -> None:
    """Two people on the second level, and two at the door: one small group alone would follow from the others."""
    add(
        snapshot,
        at(0, range(20), "h-1-a", "zone")
        + at(0, range(20, 31), "h-1-b", "zone")
        + at(0, range(31, 33), "h-2", "level"),
    )
    shown = areas(read(snapshot))
    assert shown["level", "h-1"] is None
    assert shown["level", "h-2"] is None
    assert {people for (kind, _), people in shown.items() if kind == "zone"} == {
        None,
        0,
    }  # 0: nobody is known to be nobody


def test_levels_are_shown_where_none_is_small(snapshot) -> None:
    """Whoever was at the door and on a level is on the level; zones are hidden by twos where one is small."""
    add(
        snapshot,
        at(0, range(40), "harbour") + at(0, range(9), "h-1-a-0", "place") + at(0, range(9, 12), "h-1-b", "zone"),
    )
    add(snapshot, at(0, range(12, 22), "h-1-c", "zone") + at(0, range(22, 30), "h-2-a", "zone"))
    assert areas(read(snapshot)) == {
        ("level", "h-1"): 22, ("zone", "h-1-a"): None, ("zone", "h-1-b"): None, ("zone", "h-1-c"): 10,
        ("level", "h-2"): 8, ("zone", "h-2-a"): 8, ("level", None): 10,
    }  # fmt: skip


def test_every_count_equals_plain_sql_and_no_small_group_follows(snapshot) -> None:
    """Companies at random: offices by day against `presence`, and what hidden areas are together."""
    for seed in range(6):
        draw = random.Random(seed)
        places = [(office, "location") for office in TREE]
        places += [(level, "level") for levels in TREE.values() for level in levels]
        places += [(zone, "zone") for levels in TREE.values() for zones in levels.values() for zone in zones]
        weights = [draw.choice((1, 3, 30, 60)) for _ in places]
        people = draw.choice((12, 60, 150))
        events = [
            (day, f"user-{draw.randrange(people):03d}", *draw.choices(places, weights)[0])
            for day in range(5)
            for _ in range(draw.choice((0, 6, people)))
        ]
        snapshot.execute("delete from presence")
        add(snapshot, events or at(0, range(6), "hut"))
        numbers = read(snapshot)
        counted = office_days(snapshot)
        for (office, day), shown in numbers.people.items():
            real = counted.get((office, day), 0)
            assert shown == (real if real == 0 or real >= SMALLEST else None), seed
        sizes = means_of_levels(snapshot, numbers)
        open_on = {day for (_, day), people in numbers.people.items() if people != 0}
        for office in numbers.offices:
            shown = {
                area.area_name: area.people
                for area in numbers.areas
                if area.area_type == "level" and area.office_key == office.office_key
            }
            mine = {level: mean for (key, level), mean in sizes.items() if key == office.office_key}
            hidden = [mean for level, mean in mine.items() if shown[level] is None]
            share = sum(numbers.people[office.office_key, day] is not None for day in open_on) / len(open_on)
            assert all(
                abs(shown[level] - mean * share) <= 0.5 for level, mean in mine.items() if shown[level] is not None
            ), seed
            real = sum(counted.get((office.office_key, day), 0) for day in open_on) / len(open_on)
            assert (
                real < SMALLEST
                if office.people_per_day is None
                else office.people_per_day - 0.5 <= real <= office.most_per_day + 0.5
            ), seed
            assert all(mean >= SMALLEST for level, mean in mine.items() if shown[level] is not None), seed
            assert not hidden or sum(hidden) >= 2 * SMALLEST or len(hidden) == len(mine), (seed, mine, shown)
            assert len(hidden) != 1 or len(mine) == 1, (seed, mine, shown)


OFFICES = """
with places(place, office, level) as (from (values {places})),
seen as (select distinct local_date, user_id, office, level from presence join places on place = lower(location_id))
"""


def oracle() -> str:
    """Each place with its office and level, written out by hand rather than by the views."""
    rows = [(office, office, None) for office in TREE]
    rows += [(level, office, level) for office, levels in TREE.items() for level in levels]
    rows += [
        (zone, office, level) for office, levels in TREE.items() for level, zones in levels.items() for zone in zones
    ]
    return OFFICES.format(places=", ".join(str(row).replace("None", "null") for row in rows))


def office_days(snapshot) -> dict[tuple[str, date], int]:
    sql = f"{oracle()} select office, local_date, count(distinct user_id) from seen group by all"
    return {(office, day): people for office, day, people in snapshot.sql(sql).fetchall()}


def means_of_levels(snapshot, numbers: Numbers) -> dict[tuple[str, str | None], float]:
    """People by level on the days that the office's count is shown; None is on no level that day."""
    everybody = defaultdict(set)
    for day, person, office, level in snapshot.sql(f"{oracle()} select * from seen").fetchall():
        if numbers.people.get((office, day)):
            everybody[office, level].add((day, person))
    open_days = {day for (_, day), people in numbers.people.items() if people != 0}
    for office in {office for office, _ in everybody}:
        on_any = set().union(*(found for (key, level), found in everybody.items() if key == office and level))
        everybody[office, None] -= on_any
    days = {office: sum(numbers.people[office, day] is not None for day in open_days) for office, _ in everybody}
    return {key: len(found) / days[key[0]] for key, found in everybody.items() if found}


def test_rows_are_shares_and_reasons_come_with_what_to_do(snapshot) -> None:
    """15 of 20 shown rows were accepted; two duplicates of two people are left out. Reasons of few people give no number."""
    add(snapshot, at(0, range(15), "harbour"))
    add(snapshot, at(0, range(5), "nowhere"), "rejected", "unknown_location")
    add(snapshot, at(0, range(2), "harbour"), "duplicate")
    add(snapshot, at(1, range(1), "harbour") * 8, "rejected", "unmapped_person")
    numbers = read(snapshot)
    assert numbers.outcomes == {(MONDAY, "accepted"): 75, (MONDAY, "rejected"): 25}
    assert [(reason.reason, reason.row_count, reason.what_to_do) for reason in numbers.reasons] == [
        ("unknown_location", 5, "add the location or desk in Calven, or mend places"),
        ("unmapped_person", None, "add the badge to people"),
    ]


def test_rows_that_name_nobody_are_of_one_person_and_doors_are_named(snapshot) -> None:
    """Where addresses are left out, ten rows of one unknown address name nobody. Each door that waits is named, the worst first."""
    add(snapshot, at(0, range(1), "nowhere") * 10, "rejected", "unknown_user")
    add(snapshot, at(0, range(30), "harbour") + at(0, range(30, 34), "hill") * 9, "rejected", "unmapped_place")
    add(snapshot, at(0, range(12), "hut"), "rejected", "unmapped_place")
    snapshot.execute("update presence set source_place = 'Gate ' || location_id where row_id > 10")
    snapshot.execute("update presence set user_id = null where row_id <= 10")
    numbers = read(snapshot)
    assert [(reason.reason, reason.row_count) for reason in numbers.reasons] == [
        ("unmapped_place", 78), ("unknown_user", None)
    ]  # fmt: skip
    assert [(door.source_place, door.row_count) for door in numbers.doors] == [
        ("Gate harbour", 30), ("Gate hill", None), ("Gate hut", None)
    ]  # fmt: skip  # 36 rows of four people: the twelve of the hut are hidden with them
    assert "Gate harbour (30), Gate hill (few people)" in render(numbers, "{}")
    assert numbers.outcomes == {(MONDAY, "rejected"): 100}
    snapshot.execute("update presence set user_id = null")
    assert read(snapshot).outcomes == {}


def test_hidden_levels_stay_the_same_and_zones_of_one_kind_are_one_line(snapshot) -> None:
    """Which level is hidden with a small one follows from its desks, not from how many came in these days."""
    places = (("h-1-a", "zone"), ("harbour", "location"))
    for (more, more_kind), (less, less_kind) in (places, places[::-1]):
        snapshot.execute("delete from presence")
        add(snapshot, at(0, range(2), "h-2", "level"))
        add(snapshot, at(0, range(2, 32), more, more_kind) + at(0, range(32, 52), less, less_kind))
        numbers = read(snapshot)
        hidden = [key for key, people in areas(numbers).items() if people is None]
        assert hidden == [("level", "h-2"), ("zone", None), ("level", None)]
    page = " ".join(re.sub("<[^>]*>", " ", render(numbers, "{}")).split())
    assert "h-1 20 9 222 h-1-a 20 3 667 2 zones 0 6 0 h-2 not shown 3" in page


def test_every_reason_has_words_for_the_page() -> None:
    assert REASONS.keys() == WHAT_TO_DO.keys()


def test_a_source_tells_no_time_of_an_event_of_few(snapshot) -> None:
    """With the time of its file, a delay would tell when somebody came."""
    add(snapshot, at(0, range(4), "harbour"))
    snapshot.execute(
        "insert into export_files by name select 'badges' as source, 'a.csv' as source_file, 4 as row_count, 1 as first_row_id, "
        "timestamp '2026-03-03 10:00' as staged_at"
    )
    (few,) = read(snapshot).sources
    add(snapshot, at(0, range(4, 5), "harbour"))
    (enough,) = read(snapshot).sources
    assert (few.delay_hours, enough.delay_hours) == (None, 26)
    assert (few.source, few.last_file, few.silent_days, few.is_silent) == ("badges", "a.csv", 6, False)


def test_the_page_runs_nothing_loads_nothing_and_escapes_what_others_wrote(snapshot) -> None:
    """An office's name is Calven's text."""
    snapshot.execute(
        "update locations set extra = {locationName: '<script>alert(1)</script>'}::json where location_id = 'HUT'"
    )
    add(snapshot, at(0, range(9), "hut"))
    page = render(read(snapshot), '{"x": "\\"><b>"}')
    assert "default-src 'none'" in page.replace("&#39;", "'")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert '\\"><b>' not in page
    assert not any(word in page for word in ("http://", "https://", "src=", "@import", "url("))
    assert page.count("<svg") == 4
    assert page.count('role="img"><title>') == 4
    assert "user-00" not in page
