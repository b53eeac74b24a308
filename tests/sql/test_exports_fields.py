"""What a profile makes of a row's columns: fields joined, taken out and normalised, times, and what counts."""

from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from textwrap import indent
from typing import Any

import duckdb
import pytest
from duckdb import ColumnExpression

from calven_pipeline.errors import SourceProfileError
from calven_pipeline.exports import SourceProfile
from calven_pipeline.exports.outcomes import outcome_expression
from tests.sql.conftest import Pipeline

WHO_AND_WHERE = "defaults: {user_id: U, location_id: L, location_type: zone}"


def utc(*parts: int) -> datetime:
    """A stored time: UTC that does not say so."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[misc, arg-type]


def staged(pipeline: Pipeline, select: str, export: str | bytes, *keys: str, name: str = "a.csv") -> list[Any]:
    """These columns of every row of one export, read by a source with these keys."""
    source = "\n".join(["name: doors", "files: '*'", *keys])
    pipeline.profile("sources:\n  -\n" + indent(source, "    "))
    pipeline.export(name, export)
    staging = pipeline.stage()
    assert (staging.problems, staging.files_read) == ([], 1)
    return pipeline.ask(f"select {select} from staged_presence order by row_id")


def times(pipeline: Pipeline, written: list[str], *keys: str) -> list[tuple[datetime | None, date | None]]:
    """The moment and the local day of each text of a time."""
    export = "".join(f"{json.dumps({'t': text})}\n" for text in written)
    keys = ("columns: {timestamp: t}", WHO_AND_WHERE, *keys)
    return staged(pipeline, "occurred_at, local_date", export, *keys, name="a.jsonl")


def moments(pipeline: Pipeline, written: list[str], *keys: str) -> list[datetime | None]:
    return [moment for moment, _ in times(pipeline, written, *keys)]


# Fields


def test_fields_are_joined_taken_out_and_normalised(pipeline: Pipeline) -> None:
    """In this order; a constant stands in where nothing is left, and what does not match the expression is missing."""
    export = (
        "when;text;site;door;mail\n"
        "2026-10-01T10:00:00Z; Card number (00314) ;HQ:0 ;Door  1;Ann@X.example\n"
        "2026-10-01T10:00:00Z;CARD NUMBER (7);;Door 1;\n"
        "2026-10-01T10:00:00Z;Card number (000);HQ:;;BOB@x.example\n"
    )
    rows = staged(
        pipeline,
        "source_user_id, place, user_email",
        export,
        "columns: {timestamp: when, source_user_id: text, place: [site, door], user_email: mail}",
        r"extract: {source_user_id: 'Card number \(([^)]*)\)', place: '(?i)^(?:hq:)?(.*)'}",
        "normalize: {source_user_id: leading_zeros, place: [spaces, upper], user_email: lower}",
        "defaults: {user_email: DESK@x.example, location_id: L, location_type: zone}",
    )
    assert rows == [
        ("314", "0/DOOR 1", "ann@x.example"),
        (None, "/DOOR 1", "desk@x.example"),
        ("0", "/", "bob@x.example"),
    ]


def test_the_steps_of_normalising(pipeline: Pipeline) -> None:
    """Each alone and in the order given; a value of which nothing is left is missing."""
    values = ["0", "000", "007", "0A0", "123:0045", "1:2:003", "HQ:", "a \t\u00a0 b", "\u00e9T\u00c9"]
    export = "when,who\n" + "".join(f"2026-10-01T10:00:00Z,{value}\n" for value in values)
    rows = staged(
        pipeline,
        "source_user_id, user_id, location_id, place, event_id",
        export,
        "columns: {timestamp: when, source_user_id: who, user_id: who, location_id: who, place: who, event_id: who}",
        "normalize: {source_user_id: leading_zeros, user_id: [facility, leading_zeros], location_id: [leading_zeros, facility]"
        ", place: [spaces, upper], event_id: facility}",
    )
    assert rows == [
        ("0", "0", "0", "0", "0"),
        ("0", "0", "0", "000", "000"),
        ("7", "7", "7", "007", "007"),
        ("A0", "A0", "A0", "0A0", "0A0"),
        ("123:0045", "45", "0045", "123:0045", "0045"),
        ("1:2:003", "3", "003", "1:2:003", "003"),
        ("HQ:", None, None, "HQ:", None),
        ("a \t\u00a0 b", "a \t\u00a0 b", "a \t\u00a0 b", "A B", "a \t\u00a0 b"),
        ("\u00e9T\u00c9", "\u00e9T\u00c9", "\u00e9T\u00c9", "\u00c9T\u00c9", "\u00e9T\u00c9"),
    ]


def test_a_swipe_in_two_spellings_is_one_event(pipeline: Pipeline) -> None:
    """The event id is made of the normalised values: facility, zeros and case make no other person."""
    export = "when,who,door\n" + "".join(
        f"{when},{who},{door}\n"
        for when, who, door in [
            ("2026-10-01T10:00:00Z", "12:0045", "HQ  1"),
            ("2026-10-01 12:00+02:00", "45", "hq 1"),
            ("2026-10-01T10:00:00Z", "46", "hq 1"),
        ]
    )
    keys = staged(
        pipeline,
        "event_key",
        export,
        "columns: {timestamp: when, source_user_id: who, place: door}",
        "normalize: {source_user_id: [facility, leading_zeros], place: [spaces, lower]}",
        "defaults: {user_id: U, location_id: L}",
    )
    assert keys[0] == keys[1] != keys[2]


def test_event_ids_of_earlier_versions_stay(pipeline: Pipeline) -> None:
    """Pinned as version 0.1.0 made them: an id that changes with a release would send every known event again."""
    pipeline.table("people.csv", "source_user_id,user_email", "7,a@x")
    pipeline.table("places.csv", "source_place,location_id,location_type", "1/2,L,zone")
    rows = staged(
        pipeline,
        "event_key::varchar",
        "when,badge,floor,zone,type\n01/10/2026 10:00, 007 ,1,2,in\nsoon,7,,2,in\n2/10/2026 1:5,7,1,,Out\n",
        "timezone: Europe/Athens",
        "columns: {timestamp: when, source_user_id: badge, place: [floor, zone]}",
        'timestamp_format: "%d/%m/%Y %H:%M"',
        "keep: {type: [In]}",
        "people: people.csv",
        "places: places.csv",
        "defaults: {location_type: zone}",
        "source_id: badges",
    )
    assert rows == EVENT_IDS


EVENT_IDS = [
    "d05ddeeb-eff7-6e7a-0a81-fc9a75f522b8",
    "ab69907d-20ef-5006-fc1e-4f1adcfc41f3",
    "71aa78a2-14ad-e65d-2981-d65345eb3b3c",
]


def test_people_and_places_are_found_by_normalised_keys(pipeline: Pipeline) -> None:
    """A spreadsheet took the zeros off the table, the system writes its facility before the number; a pattern stays one."""
    pipeline.table("people.csv", "source_user_id;user_email", "FC1:0045;ann@x.example", "46;bob@x.example")
    pipeline.table("places.csv", "source_place,location_id,location_type", "hq  1,Office,location", "0*,Level-1,level")
    staged(
        pipeline,
        "1",
        "when,who,door\n2026-10-01T10:00:00Z,45,HQ 1\n2026-10-01T10:00:00Z,9:00046,hq   1\n2026-10-01T10:00:00Z,46,X\n",
        "columns: {timestamp: when, source_user_id: who, place: door}",
        "normalize: {source_user_id: [facility, leading_zeros], place: [spaces, leading_zeros, lower]}",
        "people: people.csv",
        "places: places.csv",
    )
    pipeline.validate()
    assert [(row.verdict, row.user_email, row.location_id) for row in pipeline.rows()] == [
        ("valid", "ann@x.example", "Office"),
        ("valid", "bob@x.example", "Office"),
        ("rejected", None, None),
    ]


def test_two_keys_that_become_one(pipeline: Pipeline) -> None:
    """Normalised they are one badge, and the table gives it two persons."""
    pipeline.table("people.csv", "source_user_id,user_email", "0045,ann@x.example", "45,bob@x.example")
    staged(
        pipeline,
        "1",
        "when,who\n2026-10-01T10:00:00Z,45\n",
        "columns: {timestamp: when, source_user_id: who}",
        "normalize: {source_user_id: leading_zeros}",
        "people: people.csv",
        "defaults: {location_id: L}",
    )
    with pytest.raises(SourceProfileError, match=r"'45' \(row 2\) two targets"):
        pipeline.validate()


# Times


def test_formats_are_tried_in_order(pipeline: Pipeline) -> None:
    """The first that reads a text decides; a year of two digits is none of `%Y`, and an epoch lies in this century."""
    written = [
        "1/2/2026 6:03:05 PM",
        "1/2/26 6:03:05 pm",
        "2026-02-01",
        "2026-02-01T16:03:05Z",
        "2026-02-01 18:03:05",
        "1769961785",
        "1769961785.25",
        "1769961785000",
        "946684799",
        "4102444801",
        "Feb 1 2026",
        "2026-02-01T18:03:05+02:00 or so",
        "",
    ]
    at = utc(2026, 2, 1, 16, 3, 5)
    found = moments(
        pipeline,
        written,
        "timezone: Europe/Athens",
        'timestamp_format: ["%d/%m/%Y %I:%M:%S %p", "%d/%m/%y %I:%M:%S %p", ISO8601, epoch_s, epoch_ms]',
    )
    epochs = [at, at.replace(microsecond=250000), at, None, None]
    assert found == [at, at, utc(2026, 1, 31, 22), at, at, *epochs, None, None, None]
    assert pipeline.ask("select timestamp_text from staged_presence where occurred_at is null") == [
        "946684799",
        "4102444801",
        "Feb 1 2026",
        "2026-02-01T18:03:05+02:00 or so",
        None,
    ]


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        (
            '["%m/%d/%Y", iso8601, "%d/%m/%Y", "%Y-%d-%m"]',
            {"2026-02-01": utc(2026, 2, 1), "2026-31-01": utc(2026, 1, 31)},
        ),
        (
            '["%m/%d/%Y", "%d/%m/%Y", "%Y-%d-%m", iso8601]',
            {"2026-02-01": utc(2026, 1, 2), "2026-01-31": utc(2026, 1, 31)},
        ),
    ],
)
def test_the_order_of_formats_decides(pipeline: Pipeline, formats: str, expected: dict[str, datetime]) -> None:
    """Day first or month first, before `iso8601` and after; what ISO 8601 cannot be is left for the formats behind it."""
    expected |= {"2/1/2026": utc(2026, 2, 1), "13/1/2026": utc(2026, 1, 13)}
    assert moments(pipeline, list(expected), "timezone: UTC", f"timestamp_format: {formats}") == list(expected.values())


def test_what_a_format_takes_as_it_comes(pipeline: Pipeline) -> None:
    """Unpadded numbers, white space of any length, and a fraction of none to many digits where the format has `%f`."""
    written = [
        "2026-2-1 6:3:5.0",
        "2026-02-01 06:03:05",
        "2026-02-01   06:03:05.25",
        "2026-02-01\u00a006:03:05.123456",
        "2026-02-01\t06:03:05.1234567",
        "2026-02-01 06:03:05.",
    ]
    found = moments(pipeline, written, "timezone: UTC", 'timestamp_format: "%Y-%m-%d %H:%M:%S.%f"')
    at = utc(2026, 2, 1, 6, 3, 5)
    assert found == [at, at, *(at.replace(microsecond=part) for part in (250000, 123456, 123456)), None]


def test_a_format_with_an_offset_reads_z(pipeline: Pipeline) -> None:
    """DuckDB's `%z` alone does not."""
    written = ["1/2/2026 6:03:05Z", "1/2/2026 8:03:05+02:00", "1/2/2026 6:03:05.000z"]
    assert moments(pipeline, written, 'timestamp_format: "%d/%m/%Y %H:%M:%S.%f%z"') == [utc(2026, 2, 1, 6, 3, 5)] * 3


def test_date_and_time_in_two_columns(pipeline: Pipeline) -> None:
    """Joined with one space; the second has one of its own in front. A time without its date is not read."""
    rows = staged(
        pipeline,
        "occurred_at, timestamp_text",
        "day,time\n01/02/26, 6:03 PM\n01/02/26,\n,6:03 PM\n,\n",
        "columns: {timestamp: [day, time]}",
        "timezone: UTC",
        'timestamp_format: "%d/%m/%y %I:%M %p"',
        WHO_AND_WHERE,
    )
    assert rows == [(utc(2026, 2, 1, 18, 3), None), (None, "01/02/26"), (None, "6:03 PM"), (None, None)]


def test_a_time_taken_out_of_text(pipeline: Pipeline) -> None:
    keys = ('timestamp_format: [epoch_ms, "%d.%m.%Y"]', "extract: {timestamp: 'at ([\\d.]+)'}", "timezone: UTC")
    found = moments(pipeline, ["seen at 1769961785000 by 4", "at 1.2.2026", "at noon"], *keys)
    assert found == [utc(2026, 2, 1, 16, 3, 5), utc(2026, 2, 1), None]


OFFSETS = {
    "+02:00": 120,
    "+0200": 120,
    "-05:30": -330,
    "Z": 0,
    "2": 120,
    "-5": -300,
    "14": 840,
    "-300": -300,
    "120": 120,
    "0": 0,
}


@pytest.mark.parametrize("format_", ["", 'timestamp_format: ["%d/%m/%Y %H:%M"]'])
def test_an_offset_in_a_column_of_its_own(pipeline: Pipeline, format_: str) -> None:
    """Hours, minutes, or both; the local day is the day at that offset, and a missing or odd offset leaves no time."""
    time = "01/10/2026 23:30" if format_ else "2026-10-01T23:30"
    odd = ["", "841", "+15:00", "+02:75", "2h", "2.5", "Athens"]
    rows = staged(
        pipeline,
        "datediff('minute', occurred_at, timestamp '2026-10-01 23:30'), local_date, timestamp_text",
        "at,offset\n" + "".join(f"{time},{offset}\n" for offset in [*OFFSETS, *odd]),
        "columns: {timestamp: at, utc_offset: offset}",
        format_,
        WHO_AND_WHERE,
    )
    day = date(2026, 10, 1)
    assert rows == [(minutes, day, None) for minutes in OFFSETS.values()] + [(None, None, time)] * len(odd)


def test_the_day_of_a_time_with_an_offset(pipeline: Pipeline) -> None:
    """An offset within the time counts; the column beside it then tells the local day, unless a zone is named."""
    lines = '{"t": "2026-10-01T21:30:00Z", "o": "+0300"}\n{"t": "2026-10-01T23:30:00-01:00"}\n{"t": "1790893800", "o": 180}\n'
    keys = ("columns: {timestamp: t, utc_offset: o}", "timestamp_format: [iso8601, epoch_s]", WHO_AND_WHERE)
    found = staged(pipeline, "occurred_at, local_date", lines, *keys, name="a.jsonl")
    assert found == [
        (utc(2026, 10, 1, 21, 30), date(2026, 10, 2)),
        (utc(2026, 10, 2, 0, 30), date(2026, 10, 1)),
        (utc(2026, 10, 1, 22, 30), date(2026, 10, 2)),
    ]


def test_the_day_is_the_persons(pipeline: Pipeline) -> None:
    """Times in UTC, people in Auckland."""
    keys = ("timezone: UTC", "local_timezone: Pacific/Auckland")
    assert times(pipeline, ["2026-10-01 10:59", "2026-10-01T11:00:00Z"], *keys) == [
        (utc(2026, 10, 1, 10, 59), date(2026, 10, 1)),
        (utc(2026, 10, 1, 11), date(2026, 10, 2)),
    ]


CHANGES = [
    # the last minute before the gap, its first and last, and the first after it; then an hour that there is twice
    ("Europe/Athens", "2026-03-29 02:59", utc(2026, 3, 29, 0, 59)),
    ("Europe/Athens", "2026-03-29 03:00", utc(2026, 3, 29, 1, 0)),
    ("Europe/Athens", "2026-03-29 03:59", utc(2026, 3, 29, 1, 59)),
    ("Europe/Athens", "2026-03-29 04:00", utc(2026, 3, 29, 1, 0)),
    ("Europe/Athens", "2026-10-25 02:59", utc(2026, 10, 24, 23, 59)),
    ("Europe/Athens", "2026-10-25 03:00", utc(2026, 10, 25, 1, 0)),
    ("Europe/Athens", "2026-10-25 03:59", utc(2026, 10, 25, 1, 59)),
    ("Europe/Athens", "2026-10-25 04:00", utc(2026, 10, 25, 2, 0)),
    ("America/New_York", "2026-03-08 01:59", utc(2026, 3, 8, 6, 59)),
    ("America/New_York", "2026-03-08 02:00", utc(2026, 3, 8, 7, 0)),
    ("America/New_York", "2026-03-08 02:59", utc(2026, 3, 8, 7, 59)),
    ("America/New_York", "2026-03-08 03:00", utc(2026, 3, 8, 7, 0)),
    ("America/New_York", "2026-11-01 00:59", utc(2026, 11, 1, 4, 59)),
    ("America/New_York", "2026-11-01 01:00", utc(2026, 11, 1, 6, 0)),
    ("America/New_York", "2026-11-01 01:59", utc(2026, 11, 1, 6, 59)),
    ("America/New_York", "2026-11-01 02:00", utc(2026, 11, 1, 7, 0)),
]


@pytest.mark.parametrize("zone", ["Europe/Athens", "America/New_York"])
@pytest.mark.parametrize("format_", ["", 'timestamp_format: "%Y-%m-%d %H:%M"'])
def test_when_clocks_change(pipeline: Pipeline, zone: str, format_: str) -> None:
    """A time that does not exist counts on with the offset before the change, one that exists twice is the second."""
    cases = [(text, moment) for name, text, moment in CHANGES if name == zone]
    found = moments(pipeline, [text for text, _ in cases], f"timezone: {zone}", format_)
    assert found == [moment for _, moment in cases]


def test_parquet_times(pipeline: Pipeline, tmp_path: Path) -> None:
    """Timestamps with and without a zone, dates and epochs, as the file types them."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'America/Lima'")
        connection.execute(
            "copy (select timestamptz '2026-10-01 10:00:00.25+00' as a, timestamp '2026-10-01 13:00:00' as b, "
            f"date '2026-10-01' as c, 1790848800::bigint as d) to '{tmp_path / 'x.parquet'}' (format parquet)"
        )
    content = (tmp_path / "x.parquet").read_bytes()
    for name, found in (
        ("a", utc(2026, 10, 1, 10, 0, 0, 250000)),
        ("b", utc(2026, 10, 1, 10)),
        ("c", utc(2026, 9, 30, 21)),
        ("d", utc(2026, 10, 1, 10)),
    ):
        pipeline.profile(
            f"sources: [{{name: {name}, files: {name}.parquet, timezone: Europe/Athens, columns: {{timestamp: {name}}}, "
            f"timestamp_format: [iso8601, epoch_s], {WHO_AND_WHERE}}}]"
        )
        pipeline.export(f"{name}.parquet", content)
        assert pipeline.stage().problems == []
        assert pipeline.ask("select occurred_at from staged_presence order by row_id desc limit 1") == [found], name


# What counts

BADGES = SourceProfile(
    name="badges",
    files="*.csv",
    columns={"timestamp": "t", "user_id": "u", "location_id": "l"},
    granted={"what": ["Access Granted*", "valid", "*exit* ok"], "way": ["*", ""]},
    ignored={"what": ["*denied", "Access Granted - no entry*", "", "50%*"], "way": ["Out"]},
)
JUDGED = {
    ("ACCESS granted", "in"): "granted",
    ("Access Granted by 5", None): "granted",
    ("access granted - NO ENTRY made", "in"): "ignored",
    ("Access denied", "in"): "ignored",
    ("Access Granted, then denied", "in"): "granted",  # the longer entry is closer
    ("valid", "in"): "granted",
    ("validated", "in"): "unlisted",
    ("Door forced", "in"): "unlisted",
    ("Door forced", "OUT"): "ignored",
    ("valid", "out"): "ignored",
    (None, "in"): "ignored",
    ("50% off", "in"): "ignored",
    ("50 off", "in"): "unlisted",
    ("exit ok", "in"): "granted",
    ("main exit is  ok", "in"): "granted",
    ("exits", "in"): "unlisted",
}


def outcomes_of(profile: SourceProfile, **columns: list[str | None]) -> list[str]:
    """What the profile says of rows with these values."""
    parts = ", ".join(f"unnest(${name}) as {name}" for name in columns)
    with duckdb.connect() as connection:
        rows = connection.sql(f"select {parts}", params=columns)
        outcome = outcome_expression(profile, {name: ColumnExpression(name) for name in columns})
        return [word for (word,) in rows.select(outcome).fetchall()]


def test_the_closest_entry_decides() -> None:
    """Exact before pattern, the longer pattern before the shorter; every column must say granted, one may say ignored."""
    what, way = ([pair[column] for pair in JUDGED] for column in (0, 1))
    assert dict(zip(JUDGED, outcomes_of(BADGES, what=what, way=way), strict=True)) == JUDGED


def test_equally_close_entries_ignore() -> None:
    """Where both lists have an entry as close as the other, the row is no presence."""
    profile = BADGES.model_copy(update={"granted": {"what": ("in *",)}, "ignored": {"what": ("* no",)}})
    assert outcomes_of(profile, what=["in no", "in"]) == ["ignored", "unlisted"]


def test_unlisted_rows_are_kept_with_their_outcomes(pipeline: Pipeline) -> None:
    """`keep` speaks first, malformed rows are no outcome, and a column may be judged that feeds one of ours as well."""
    rows = staged(
        pipeline,
        "kept, unlisted, malformed is not null, place",
        "t,what,door,zone\n"
        "2026-10-01T10:00:00Z, granted ,In,1\n"
        "2026-10-01T10:00:00Z,denied,In,1\n"
        '2026-10-01T10:00:00Z,"Door ""9"" forced",,1\n'
        "2026-10-01T10:00:00Z,forced,In,2\n"
        "2026-10-01T10:00:00Z,forced,Out,1\n"
        "only,three,values\n",
        "columns: {timestamp: t, place: [door, what]}",
        "keep: {zone: 1}",
        "granted: {what: granted, door: ['*', '']}",
        "ignored: {what: denied, door: out}",
        WHO_AND_WHERE,
    )
    assert [(kept, unlisted and json.loads(unlisted), odd, place) for kept, unlisted, odd, place in rows] == [
        (True, None, False, "In/granted"),
        (False, None, False, "In/denied"),
        (True, {"what": 'Door "9" forced', "door": None}, False, '/Door "9" forced'),
        (False, None, False, "In/forced"),
        (False, None, False, "Out/forced"),
        (True, None, True, None),
    ]


@pytest.mark.parametrize(
    ("lines", "export", "words"),
    [
        (
            "granted: {what: yes}",
            "t,wat\n,\n",
            "`granted.what` (line 6) names the column 'what', which a.csv does not have (did",
        ),
        ("keep: {what: yes}", "t,who\n,\n", "`keep.what` (line 6) names the column 'what'"),
        ("keep: {what: yes}", "Report of 2026\n\nt,what\n", "`columns.timestamp` (line 5) names the column 't'"),
        ("keep: {what: yes}", "Report of 2026\n\nt,what\n", "`skip_lines: 2`"),
        ("header: false\ncolumns: {timestamp: 3}", "a@x.example,1\n", "does not have; it has 2 columns"),
    ],
)
def test_a_column_that_is_not_there(pipeline: Pipeline, lines: str, export: str, words: str) -> None:
    """The message names the key and its line, what the file has, and where its header may be."""
    columns = [] if "columns" in lines else ["columns: {timestamp: t}"]
    with pytest.raises(SourceProfileError, match=re.escape(words)):
        staged(pipeline, "1", export, *columns, *lines.split("\n"), WHO_AND_WHERE)


def test_a_packed_file_is_what_its_inner_ending_says(pipeline: Pipeline) -> None:
    keys = ("columns: {timestamp: t}", WHO_AND_WHERE)
    packed = gzip.compress(b"t\n2026-10-01T10:00:00Z\n")
    assert staged(pipeline, "occurred_at", packed, *keys, name="a.csv.gz") == [utc(2026, 10, 1, 10)]


def test_a_database_of_an_earlier_version_gets_the_column(pipeline: Pipeline) -> None:
    pipeline.swipes("2026-10-01T10:00:00Z,,,U-ann,,Office,location")
    pipeline.stage()
    pipeline.database.connection.execute("alter table staged_presence drop column unlisted")
    pipeline.database.connection.execute("drop table schema_version")
    pipeline.close()
    pipeline.swipes("2026-10-01T11:00:00Z,,,U-ann,,Office,location", name="b.csv")
    pipeline.stage()
    assert pipeline.ask("select unlisted from staged_presence") == [None, None]
