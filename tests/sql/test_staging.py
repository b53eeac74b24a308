"""What staging makes of a file: times, dates and event ids, and which files it reads at all."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import duckdb
import pytest

from calven_pipeline.errors import SourceProfileError, UnreadableExportError
from tests.sql.conftest import Pipeline


def utc(*parts: int) -> datetime:
    """A stored time: UTC that does not say so."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[misc, arg-type]


TEN = utc(2026, 10, 1, 10)
COLUMNS = "columns: {timestamp: time, user_id: who, location_id: where}"


def read_times(pipeline: Pipeline, *times: str, more: str = "") -> list[tuple[datetime | None, date | None]]:
    """The moment (UTC) and the local date of each time, by a profile with these further lines."""
    pipeline.profile(f"sources:\n  - name: doors\n    files: '*.csv'\n    {COLUMNS}\n    {more}\n")
    pipeline.export("times.csv", "time,who,where\n" + "".join(f'"{time}",U,L\n' for time in times))
    assert pipeline.stage().problems == []
    return pipeline.ask("select occurred_at, local_date from staged_presence order by row_id")


def two_sources(pipeline: Pipeline) -> None:
    sources = (f"  - name: {name}\n    files: '{name}/*.csv'\n    {COLUMNS}\n" for name in "ab")
    pipeline.profile("sources:\n" + "".join(sources))


def moments(pipeline: Pipeline, *times: str, more: str = "") -> list[datetime | None]:
    return [moment for moment, _ in read_times(pipeline, *times, more=more)]


def days(pipeline: Pipeline, *times: str, more: str = "") -> list[date | None]:
    return [day for _, day in read_times(pipeline, *times, more=more)]


# Times


def test_iso_times_in_all_spellings(pipeline: Pipeline) -> None:
    """One moment, however it is spelled."""
    spellings = [
        "2026-10-01T10:00:00Z",
        "2026-10-01 10:00:00Z",
        "2026-10-01 10:00:00 Z",
        "2026-10-01t10:00:00z",
        "2026-10-01T10:00Z",
        "2026-10-01T10:00:00.000Z",
        "2026-10-01T10:00:00,000Z",
        "2026-10-01T12:00:00+02",
        "2026-10-01T12:00:00+0200",
        "2026-10-01T12:00:00+02:00",
        "2026-10-01 12:00:00 +02",
        "2026-10-01 12:00:00 +0200",
        "2026-10-01 12:00:00  +02:00",
        "2026-10-01T04:30:00-05:30",
        "2026-10-02T00:00:00+14:00",
        "20261001T100000Z",
        "20261001T120000+0200",
        "20261001t120000,0+0200",
    ]
    assert moments(pipeline, *spellings) == [TEN] * len(spellings)


def test_fractions_of_a_second_are_kept(pipeline: Pipeline) -> None:
    """Down to microseconds; what is finer is cut off."""
    found = moments(
        pipeline, "2026-10-01T10:00:00.25Z", "2026-10-01T10:00:00,000001+00:00", "2026-10-01T10:00:00.123456789Z"
    )
    assert [moment and moment - TEN for moment in found] == [
        timedelta(milliseconds=250),
        timedelta(microseconds=1),
        timedelta(microseconds=123456),
    ]


def test_24_00_is_the_next_day(pipeline: Pipeline) -> None:
    """ISO 8601's end of a day, however the offset is written."""
    midnight, next_day = utc(2026, 10, 2), date(2026, 10, 2)
    found = read_times(pipeline, "2026-10-01T24:00:00Z", "2026-10-01T24:00:00+00:00", "20261001T240000+0000")
    assert found == [(midnight, next_day)] * 3


NO_TIMES = [
    "epoch",
    "infinity",
    "-infinity",
    "now",
    "today",
    "10:00",
    "10:00:00Z",
    "1790000000",
    "2026-10",
    "2026-W40-4T10:00Z",
    "2026-10-01T",
    "2026-10-01T10Z",
    "2026-1-1T10:00:00.0Z",
    "2026/10/01T10:00:00Z",
    "01.10.2026 10:00",
    "10/01/2026 10:00:00Z",
    "2026-10-01T10:00:00 CET",
    "2026-10-01T10:00:00 UTC",
    "2026-10-01 10:00:00 Europe/Athens",
    "2026-10-01T10:0:0 NZ",
    "2026-09-31T10:00:00Z",
    "2026-02-29T10:00:00Z",
    "2026-13-01T10:00:00Z",
    "2026-10-01T24:30:00Z",
    "2026-10-01T25:00:00Z",
    "2026-10-01T10:60:00Z",
    "2026-10-01T10:00:00+25:00",
    "2026-10-01T10:00:00+02:75",
    "2026-10-01T10:00:00+2:00",
    "-026-10-01T10:00:00Z",
    "2026-10-01T10:00:00Z and more",
    "0000-00-00 00:00:00",
]


@pytest.mark.parametrize("zone", ["", "timezone: Europe/Athens"])
def test_what_is_no_time(pipeline: Pipeline, zone: str) -> None:
    """Text that DuckDB alone would take in part, such as `epoch` or a zone's name, is no time; it is kept as it is."""
    assert read_times(pipeline, *NO_TIMES, more=zone) == [(None, None)] * len(NO_TIMES)
    assert pipeline.ask("select timestamp_text from staged_presence order by row_id") == NO_TIMES


def test_a_time_without_an_offset_needs_a_time_zone(pipeline: Pipeline) -> None:
    """It is never guessed."""
    assert moments(pipeline, "2026-10-01T10:00:00", "2026-10-01 10:00", "2026-10-01", "20261001T101010") == [None] * 4


def test_times_without_an_offset_are_the_zones(pipeline: Pipeline) -> None:
    """Athens is three hours ahead in summer and two in winter; an offset that is written counts more than the zone."""
    athens = "timezone: Europe/Athens"
    times = ["2026-10-01 13:00", "2026-12-01T12:00:00", "2026-12-01", "20261001T130000", "2026-10-01T10:00:00Z"]
    assert moments(pipeline, *times, more=athens) == [
        TEN,
        utc(2026, 12, 1, 10),
        utc(2026, 11, 30, 22),
        TEN,
        TEN,
    ]


def test_the_nights_when_clocks_change(pipeline: Pipeline) -> None:
    """An hour that there is not counts on; an hour that there is twice is the second one. Either way the day is right."""
    found = read_times(pipeline, "2026-03-29 03:30", "2026-10-25 03:30", more="timezone: Europe/Athens")
    assert found == [
        (utc(2026, 3, 29, 1, 30), date(2026, 3, 29)),
        (utc(2026, 10, 25, 1, 30), date(2026, 10, 25)),
    ]


def test_a_format_is_read_in_the_zone(pipeline: Pipeline) -> None:
    """With a format, ISO 8601 is not tried."""
    more = "timestamp_format: '%d/%m/%Y %H:%M'\n    timezone: Europe/Athens"
    found = read_times(pipeline, "01/10/2026 01:00", "31/09/2026 13:00", "2026-10-01T10:00:00Z", more=more)
    assert found == [(utc(2026, 9, 30, 22), date(2026, 10, 1)), (None, None), (None, None)]


@pytest.mark.parametrize("zone", ["", "timezone: Europe/Athens"])
def test_a_format_with_an_offset(pipeline: Pipeline, zone: str) -> None:
    """The offset that is written counts."""
    more = f"timestamp_format: '%d/%m/%Y %H:%M %z'\n    {zone}"
    assert moments(pipeline, "01/10/2026 12:00 +0200", "01/10/2026 12:00 +02:00", more=more) == [TEN, TEN]


@pytest.mark.parametrize("zone", ["", "timezone: Europe/Athens"])
def test_a_format_with_the_name_of_a_zone(pipeline: Pipeline, zone: str) -> None:
    """Once read as the source's zone on top of the one that was written."""
    more = f"timestamp_format: '%d/%m/%Y %H:%M %Z'\n    {zone}"
    assert moments(pipeline, "01/10/2026 12:00 Europe/Paris", "01/10/2026 10:00 UTC", more=more) == [TEN, TEN]


def test_a_format_without_offset_needs_a_zone(pipeline: Pipeline) -> None:
    """Every row would be lost: the profile is refused before anything is read."""
    with pytest.raises(SourceProfileError, match="`timezone` is needed"):
        moments(pipeline, "01/10/2026 12:00", more="timestamp_format: '%d/%m/%Y %H:%M'")


# Local dates


def test_the_local_date_is_the_zones(pipeline: Pipeline) -> None:
    """Half past midnight in Athens is the evening before in UTC; what offset the time was written in does not matter."""
    times = ["2026-09-30T21:30:00Z", "2026-09-30T14:30:00-07:00", "2026-10-01 00:30"]
    assert days(pipeline, *times, more="timezone: Europe/Athens") == [date(2026, 10, 1)] * 3


def test_without_a_zone_the_local_date_is_as_written(pipeline: Pipeline) -> None:
    """The offset tells the local time of whoever wrote it."""
    times = ["2026-10-01T00:30:00+03:00", "2026-10-01 23:30:00 -0700", "20261001T233000-07", "2026-10-01t23:30:00z"]
    assert days(pipeline, *times) == [date(2026, 10, 1)] * 4


# Event ids


def event_ids(pipeline: Pipeline) -> list[str]:
    return pipeline.ask("select coalesce(event_id, event_key::varchar) from staged_presence order by row_id")


def test_own_event_ids_keep_their_spelling(pipeline: Pipeline) -> None:
    """Capital UUIDs, UUIDs without dashes and plain text go to Calven as they came."""
    ids = [
        "7d444840-9dc0-11d1-b245-5ffdce74fad2",
        "7D444840-9DC0-11D1-B245-5FFDCE74FAD3",
        "7d4448409dc011d1b2455ffdce74fad4",
        "{7d444840-9dc0-11d1-b245-5ffdce74fad5}",
        "Event-1",
    ]
    pipeline.swipes(*(f"2026-10-01T10:00:00Z,{id_},,U-ann,,Office,location" for id_ in ids))
    pipeline.run()
    assert event_ids(pipeline) == ids
    assert pipeline.ask("select count(distinct event_key) from staged_presence") == [5]


def test_derived_event_ids_are_uuids_of_the_swipe(pipeline: Pipeline) -> None:
    """Another time, person or place is another event; another spelling of the time or of an id is not."""
    pipeline.swipes(
        "2026-10-01T10:00:00Z,,,U-ann,,Office,location",
        "2026-10-01T12:00:00+02:00,,,u-ANN,,OFFICE,Location",
        "2026-10-01T10:00:01Z,,,U-ann,,Office,location",
        "2026-10-01T10:00:00Z,,,U-bob,,Office,location",
        "2026-10-01T10:00:00Z,,,U-ann,,Level-1,level",
        "2026-10-01T10:00:00Z,,7,U-ann,,Office,location",
    )
    pipeline.stage()
    first, again, *others = event_ids(pipeline)
    assert first == again == str(UUID(first))
    assert len({first, *others}) == 5


def test_derived_event_ids_stay_the_same(pipeline: Pipeline) -> None:
    """Pinned: an id that changes with a release would send every known event again."""
    pipeline.swipes("2026-10-01T10:00:00Z,,7,U-ann,ann@x.example,Office,location", "soon,,,,,,")
    pipeline.stage()
    assert event_ids(pipeline) == PINNED


PINNED = ["38606807-0f8a-06c3-640a-f67d29e7ab28", "9d66afa9-a29e-1ab2-11e4-4b3d5d86a76f"]

IN_ANOTHER_PROCESS = """
import sys
from pathlib import Path
from tests.sql.conftest import Pipeline
pipeline = Pipeline(Path(sys.argv[1]))
pipeline.swipes("2026-10-01T10:00:00Z,,,U-ann,,Office,location", name="b.csv")
pipeline.stage()
pipeline.close()
"""


def test_derived_event_ids_are_the_same_in_another_process(pipeline: Pipeline) -> None:
    pipeline.swipes("2026-10-01T10:00:00Z,,,U-ann,,Office,location", "2026-10-01T11:00:00Z,,,U-ann,,Office,location")
    pipeline.stage()
    pipeline.close()
    environment = {**os.environ, "TZ": "America/Lima", "PYTHONHASHSEED": "7"}
    code = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(pipeline.data)]
    subprocess.run(code, check=True, env=environment, cwd=Path(__file__).parents[2])
    first, second, again = event_ids(pipeline)
    assert first == again != second


def test_two_sources_derive_different_event_ids(pipeline: Pipeline) -> None:
    """The same swipe in two sources is two events: two readers saw the person."""
    two_sources(pipeline)
    for name in "ab":
        pipeline.export(f"{name}/{name}.csv", "time,who,where\n2026-10-01T10:00:00Z,U,L\n")
    pipeline.stage()
    assert len(set(event_ids(pipeline))) == 2


# Files

SWIPE = "2026-10-01T10:0{}:00Z,,,U-ann,,Office,location"


def test_the_same_content_is_read_once(pipeline: Pipeline) -> None:
    """Under another name, in another run or in the same one, touched or moved; every source reads it for itself."""
    first = pipeline.swipes(SWIPE.format(1), name="a.csv")
    pipeline.swipes(SWIPE.format(1), name="b.csv")
    assert (pipeline.stage().files_read, pipeline.stage().files_read) == (1, 0)
    os.utime(first, (0, 0))
    first.rename(first.with_name("c.csv"))
    pipeline.swipes(SWIPE.format(1), name="deep/er/d.csv")
    staging = pipeline.stage()
    assert (staging.files_seen, staging.files_read, staging.rows) == (3, 0, 0)
    assert pipeline.ask("select source_file, row_count from export_files") == [("a.csv", 1)]


def test_a_changed_file_is_read_again(pipeline: Pipeline) -> None:
    """Its known events are duplicates."""
    pipeline.swipes(SWIPE.format(1), SWIPE.format(2))
    pipeline.run()
    pipeline.swipes(SWIPE.format(1), SWIPE.format(2), SWIPE.format(3))
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "valid", "duplicate", "duplicate", "valid"]
    assert pipeline.ask("select source_file, row_count, first_row_id from export_files order by file_id") == [
        ("a.csv", 2, 1),
        ("a.csv", 3, 3),
    ]


def test_a_file_that_gets_its_old_content_back_is_known(pipeline: Pipeline) -> None:
    pipeline.swipes(SWIPE.format(1))
    pipeline.run()
    pipeline.swipes(SWIPE.format(2))
    pipeline.run()
    pipeline.swipes(SWIPE.format(1))
    assert pipeline.stage().files_read == 0


def test_an_overlapping_export(pipeline: Pipeline) -> None:
    """A day that stands in two exports counts once, also where the second export writes times in another offset."""
    pipeline.swipes(SWIPE.format(1), "2026-10-02T04:30:00Z,,,U-ann,,Office,location", name="october-1.csv")
    pipeline.run()
    pipeline.swipes("2026-10-01T23:30:00-05:00,,,U-ann,,Office,location", SWIPE.format(3), name="october-2.csv")
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "valid", "duplicate", "valid"]


def test_a_moment_on_two_local_days_is_one_event(pipeline: Pipeline) -> None:
    """Known events were once looked up by local day alone, and this one stands under another day."""
    pipeline.swipes("2026-10-01T23:30:00-05:00,,,U-ann,,Office,location", name="a.csv")
    pipeline.run()
    pipeline.swipes("2026-10-02T04:30:00Z,,,U-ann,,Office,location", name="b.csv")
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "duplicate"]


def test_a_file_that_vanished_keeps_its_rows(pipeline: Pipeline) -> None:
    pipeline.swipes(SWIPE.format(1)).unlink()
    assert pipeline.stage().files_seen == 0
    path = pipeline.swipes(SWIPE.format(1))
    pipeline.stage()
    path.unlink()
    pipeline.run()
    assert pipeline.outcomes() == ["valid"]


def test_an_unreadable_file_does_not_stop_the_others(pipeline: Pipeline) -> None:
    """Files before and after it are committed; mended, it is read with the next run."""
    pipeline.swipes(SWIPE.format(1), name="a.csv")
    pipeline.export("b.parquet", b"PAR1 and then nothing")
    pipeline.swipes(SWIPE.format(2), name="c.csv")
    staging = pipeline.stage()
    pipeline.close()
    assert staging.files_read == 2
    assert [type(problem) for problem in staging.problems] == [UnreadableExportError]
    assert "b.parquet" in str(staging.problems[0])
    assert pipeline.ask("select source_file from export_files order by file_id") == ["a.csv", "c.csv"]
    assert [str(problem) for problem in pipeline.stage().problems] == [str(problem) for problem in staging.problems]
    (pipeline.data / "exports" / "b.parquet").unlink()
    pipeline.swipes(SWIPE.format(3), name="b.csv")
    assert (pipeline.stage().files_read, pipeline.stage().problems) == (1, [])


def test_a_file_that_cannot_be_opened_does_not_stop_the_others(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its fingerprint is what fails first; that once ended the step before anything was read."""
    pipeline.swipes(SWIPE.format(1), name="a.csv")
    pipeline.swipes(SWIPE.format(2), name="b.csv")
    opens = Path.open

    def refuse(path: Path, *arguments: object, **options: object) -> object:
        if path.name == "a.csv":
            raise PermissionError(13, "Permission denied")
        return opens(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    staging = pipeline.stage()
    assert ["a.csv" in str(problem) for problem in staging.problems] == [True]
    assert pipeline.ask("select source_file from export_files") == ["b.csv"]


def test_a_source_with_a_broken_link_does_not_stop_the_others(pipeline: Pipeline) -> None:
    two_sources(pipeline)
    pipeline.export("b/b.csv", "time,who,where\n2026-10-01T10:00:00Z,U,L\n")
    link = pipeline.data / "exports" / "a" / "a.csv"
    link.parent.mkdir()
    link.symlink_to("nowhere.csv")
    staging = pipeline.stage()
    assert ["link to nothing" in str(problem) for problem in staging.problems] == [True]
    assert pipeline.ask("select source_file from export_files") == ["b/b.csv"]


def test_a_missing_column_stops_before_anything_is_read(pipeline: Pipeline) -> None:
    """Also where another file, tried first, is good."""
    pipeline.profile(f"sources:\n  - name: doors\n    files: '*.csv'\n    {COLUMNS}\n")
    pipeline.export("a.csv", "time,who,where\n2026-10-01T10:00:00Z,U,L\n")
    pipeline.export("b.csv", "time,whom,where\n2026-10-01T10:00:00Z,U,L\n")
    with pytest.raises(SourceProfileError, match=r"sources.yaml: source 'doors': `columns.user_id` .*'who'.*b.csv"):
        pipeline.stage()
    assert pipeline.ask("select count(*) from staged_presence") == [0]


def test_odd_rows_are_told_apart_and_the_rest_is_read(pipeline: Pipeline) -> None:
    """DuckDB stops at a row of another width; the second, careful reading once failed on what the first left behind."""
    pipeline.swipes(SWIPE.format(1), "only,two", SWIPE.format(2))
    staging = pipeline.stage()
    assert (staging.rows, staging.malformed, staging.problems) == (3, 1, [])
    pipeline.validate()
    assert pipeline.outcomes() == ["valid", "rejected: malformed_row", "valid"]


def test_ignored_rows(pipeline: Pipeline) -> None:
    """Counted, never judged, and no event that a later row could repeat."""
    pipeline.profile(
        f"sources:\n  - name: doors\n    files: '*.csv'\n    {COLUMNS}\n    keep: {{result: [Granted]}}\n"
        "    defaults: {location_type: location}\n"
    )
    pipeline.export(
        "a.csv",
        "time,who,where,result\n2026-10-01T10:00:00Z,U-ann,Office,denied\n2026-10-01T10:00:00Z,U-ann,Office, GRANTED\n"
        "when,whoever,wherever,\n",
    )
    assert pipeline.stage().ignored == 2
    pipeline.validate()
    assert pipeline.outcomes() == ["ignored", "valid", "ignored"]
    assert pipeline.ask("select count(*) from rejections") == [0]


def test_an_ignored_row_of_an_earlier_run_is_no_event(pipeline: Pipeline) -> None:
    """Denied at first, granted with the same event id in the next export: presence."""
    pipeline.profile(
        "sources:\n  - name: doors\n    files: '*.csv'\n    keep: {result: granted}\n"
        "    columns: {timestamp: time, event_id: id, user_id: who, location_id: where}\n"
        "    defaults: {location_type: location}\n"
    )
    for name, result in (("a.csv", "denied"), ("b.csv", "granted"), ("c.csv", "granted ")):
        pipeline.export(name, f"time,id,who,where,result\n2026-10-01T10:00:00Z,e1,U-ann,Office,{result}\n")
        pipeline.run()
    assert pipeline.outcomes() == ["ignored", "valid", "duplicate"]


def test_a_row_without_a_readable_time_comes_again(pipeline: Pipeline) -> None:
    """It is known by its text, and rejected once."""
    pipeline.swipes("soon,,,U-ann,,Office,location", name="a.csv")
    pipeline.run()
    pipeline.swipes("soon,,,U-ann,,Office,location", ",,,U-ann,,Office,location", SWIPE.format(1), name="b.csv")
    pipeline.run()
    assert pipeline.outcomes() == [
        "rejected: invalid_timestamp",
        "duplicate",
        "rejected: missing_timestamp",
        "valid",
    ]


def test_every_format_goes_the_same_way(pipeline: Pipeline) -> None:
    """The same two swipes as CSV, JSON lines, JSON and Parquet: one source, each event once."""
    pipeline.profile(
        "sources:\n  - name: doors\n    files: '*'\n    columns: {timestamp: t, user_id: u, location_id: l}\n"
        "    defaults: {location_type: location}\n"
    )
    first = '{"t": "2026-10-01T10:00:00Z", "u": "U-ann", "l": "Office"}'
    second = '{"t": "2026-10-01T11:00:00Z", "u": "U-bob", "l": "Office"}'
    pipeline.export("a.csv", "t,u,l\n2026-10-01T10:00:00Z,U-ann,Office\n2026-10-01T11:00:00Z,U-bob,Office\n")
    pipeline.export("b.jsonl", f"{first}\n{second}\n")
    pipeline.export("c.json", f"[{first},\n{second}]")
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select timestamptz '2026-10-01 10:00:00+00' + i * interval 1 hour as t, ['U-ann', 'U-bob'][i + 1] as u, "
            f"'Office' as l from range(2) r(i)) to '{pipeline.data / 'exports' / 'd.parquet'}'"
        )
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "valid", *["duplicate"] * 6]


def test_staged_at_is_now_in_utc(pipeline: Pipeline) -> None:
    pipeline.swipes(SWIPE.format(1))
    before = datetime.now(UTC).replace(tzinfo=None)
    pipeline.stage()
    (staged_at,) = pipeline.ask("select staged_at from export_files")
    assert before <= staged_at <= datetime.now(UTC).replace(tzinfo=None)
