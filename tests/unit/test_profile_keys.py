"""The keys of `sources.yaml` that say how exports are written, read and judged: what they give, and how a bad one stops."""

from __future__ import annotations

from pathlib import Path

import pytest

from calven_pipeline.errors import SourceProfileError
from calven_pipeline.exports import Format, SourceProfile, load_profiles, profiles
from calven_pipeline.exports.dialect import Dialect
from calven_pipeline.exports.profiles import Fallback

WHOLE = r"""
sources:
  - name: hq
    files: ["*.csv", "old/*.CSV.gz"]
    encoding: Windows-1252
    delimiter: "^^"
    quote: "'"
    header: true
    skip_lines: 3
    columns:
      timestamp: [date, time]
      utc_offset: offset
      source_user_id: text
      place: reader
    timestamp_format: ["%d/%m/%Y %I:%M:%S %p", ISO8601, epoch_s, epoch_ms]
    local_timezone: Europe/Athens
    extract: {source_user_id: 'Card number \((\d+)\) '}
    normalize: {source_user_id: [facility, leading_zeros, lower], place: spaces}
    granted: {what: ["Access Granted*", yes], door: "*"}
    ignored: {what: [denied, ""]}
    collapse: daily
    fallback: {location_id: HQ, location_type: Location}
    people: people.csv
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text("source_user_id,user_email\n1,ada@example.com\n")
    return tmp_path


def loaded(data_dir: Path, text: str) -> SourceProfile:
    (data_dir / "sources.yaml").write_text(text)
    (profile,) = load_profiles(data_dir)
    return profile


def problem_of(data_dir: Path, text: str) -> str:
    with pytest.raises(SourceProfileError) as caught:
        loaded(data_dir, text)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith("sources.yaml: source 'hq': `")
    return message


def test_a_whole_profile(data_dir: Path) -> None:
    profile = loaded(data_dir, WHOLE)
    assert profile.dialect == Dialect("windows-1252", "^^", "'", header=True, skip_lines=3)
    assert profile.timestamp_formats == ("%d/%m/%Y %I:%M:%S %p", "iso8601", "epoch_s", "epoch_ms")
    assert (profile.timezone, profile.local_timezone, profile.has_offsets) == (None, "Europe/Athens", True)
    assert profile.extract == {"source_user_id": r"Card number \((\d+)\) "}
    assert profile.normalize == {"source_user_id": ("facility", "leading_zeros", "lower"), "place": ("spaces",)}
    assert profile.granted == {"what": ("Access Granted*", "yes"), "door": ("*",)}
    assert profile.ignored == {"what": ("denied", "")}
    assert profile.collapse == "daily"
    assert profile.fallback == Fallback(location_id="HQ", location_type="location")


def test_without_them_a_file_tells_by_itself(data_dir: Path) -> None:
    plain = loaded(data_dir, SMALL.format(""))
    assert (plain.dialect, plain.timestamp_formats, plain.collapse, plain.fallback) == (Dialect(), (), None, None)


SMALL = """
sources:
  - name: hq
    files: "*"
    columns: {{timestamp: "1", user_email: "2", location_id: "3"}}
    {}
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("delimiter: tab", Dialect(delimiter="\t")),
        ('delimiter: "\\t"', Dialect(delimiter="\t")),
        ("delimiter: ' '", Dialect(delimiter=" ")),
        ("delimiter: Semicolon", Dialect(delimiter=";")),
        ("quote: none", Dialect(quote="")),
        ('quote: ""', Dialect(quote="")),
        ("header: False", Dialect(header=False)),
        ("encoding: utf-16-le", Dialect(encoding="utf-16-le")),
        ("encoding: cp437", Dialect(encoding="cp437")),
        ("sheet: Events", Dialect(sheet="Events")),
        ("records: data.events", Dialect(records="data.events")),
    ],
)
def test_how_text_is_written(data_dir: Path, line: str, expected: Dialect) -> None:
    assert loaded(data_dir, SMALL.format(line)).dialect == expected


@pytest.mark.parametrize("line", ["collapse: none", "timestamp_format: iso8601", "timestamp_format: epoch_ms"])
def test_what_needs_no_time_zone(data_dir: Path, line: str) -> None:
    assert loaded(data_dir, SMALL.format(line)).timezone is None


def test_a_workbook(data_dir: Path) -> None:
    assert loaded(data_dir, SMALL.format("format: XLSX")).format is Format.XLSX


OLD = "encoding: Windows-1252"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (OLD, "encoding: windows-125", ["`encoding` (line 5)", "'windows-125'", "windows-1252"]),
        (OLD, "encoding: shift_jis", ["`encoding`", "one byte"]),
        (OLD, "encoding: base64", ["`encoding`", "no encoding"]),
        (OLD, "encoding: idna", ["`encoding`"]),
        (OLD, "encoding: raw_unicode_escape", ["`encoding`", "one byte"]),
        ('delimiter: "^^"', 'delimiter: ""', ["`delimiter` (line 6)"]),
        ('delimiter: "^^"', "delimiter: 123456789", ["`delimiter`", "8 characters"]),
        ('delimiter: "^^"', 'delimiter: "a\\nb"', ["`delimiter`", "line end"]),
        ('delimiter: "^^"', 'delimiter: "\'^"', ["`quote`", "`delimiter`"]),
        ('quote: "\'"', "quote: ab", ["`quote`", "one character"]),
        ("header: true", "header: maybe", ["`header`", "`true` or `false`"]),
        ("header: true", "header: false", ["`columns.timestamp` (line 11)", "'date'", "by position"]),
        ("skip_lines: 3", "skip_lines: -1", ["`skip_lines`", "0 to 1000"]),
        ("skip_lines: 3", "skip_lines: 1001", ["`skip_lines`"]),
        ("skip_lines: 3", "skip_lines: three", ["`skip_lines`"]),
        ("skip_lines: 3", "skip_line: 3", ["`skip_line` (line 9)", "'skip_lines'"]),
        (OLD, "sheet: A", ["`sheet`", "xlsx", "csv"]),
        (OLD, "records: a.b", ["`records`", "json", "csv"]),
        (OLD, "format: parquet", ["`delimiter`", "csv", "parquet"]),
        (OLD, "format: xls", ["`format`", "'xlsx'"]),
        ("local_timezone: Europe/Athens", "local_timezone: Athens", ["`local_timezone` (line 16)", "IANA"]),
        ("      utc_offset: offset\n", "", ["`timezone`", "no offset"]),
        ("epoch_s, ", "epochs, ", ["`timestamp_format` (line 15)", "'epochs'", "'epoch_s'"]),
        ("epoch_s, ", "'%d/%m', ", ["`timestamp_format`", "'%d/%m'", "whole date"]),
        ("epoch_s, ", "iso8601, ", ["`timestamp_format`", "'iso8601'", "twice"]),
        ("epoch_s, ", "'dd/MM/yyyy', ", ["`timestamp_format`", "'dd/MM/yyyy'", "iso8601"]),
        (r"\((\d+)\)", r"\(\d+\)", ["`extract.source_user_id` (line 17)", "no group"]),
        (r"\((\d+)\)", r"(\()(\d+)\)", ["`extract.source_user_id`", "more than one group"]),
        (r"\((\d+)\)", r"((\d+)\)", ["`extract.source_user_id`", "no regular expression"]),
        (r"\((\d+)\)", r"(?=(\d+))", ["`extract.source_user_id`", "no regular expression"]),
        ("extract: {source_user_id", "extract: {user_email", ["`extract.user_email`", "`columns.user_email`"]),
        ("extract: {source_user_id", "extract: {badge", ["`extract`", "'badge'"]),
        ("leading_zeros,", "leading_zeroes,", ["`normalize.source_user_id`", "'leading_zeros'"]),
        ("place: spaces", "timestamp: spaces", ["`normalize`", "'timestamp'"]),
        ("place: spaces", "user_id: spaces", ["`normalize.user_id`", "`columns.user_id`"]),
        ('door: "*"', "door: []", ["`granted.door` (line 19)", "empty list"]),
        ('door: "*"', "door: {a: b}", ["`granted.door`", "text"]),
        ("denied,", "YES,", ["`ignored.what` (line 20)", "'YES'", "`granted.what`"]),
        ("{what: [denied", "{way: [out], what: [denied", ["`ignored.way`", 'granted: {way: ["*"]}']),
        ("collapse: daily", "collapse: weekly", ["`collapse`", "daily"]),
        ("location_type: Location", "location_type: office", ["`fallback.location_type` (line 22)", "location"]),
        (", location_type: Location", "", ["`fallback.location_type`"]),
        ("location_type: Location", "location_type: Location, zone: x", ["`fallback.zone`"]),
    ],
)
def test_one_line_names_what_to_mend(data_dir: Path, old: str, new: str, words: list[str]) -> None:
    assert old in WHOLE
    message = problem_of(data_dir, WHOLE.replace(old, new, 1))
    assert all(word in message for word in words), message


# Ready profiles

READY: dict[str, object] = {
    "encoding": "utf-16",
    "columns": {"timestamp": ["day", "time"], "source_user_id": "badge", "place": "door"},
    "timestamp_format": "%d/%m/%Y %H:%M",
    "extract": {"source_user_id": r"(\d+)"},
    "normalize": {"source_user_id": "leading_zeros"},
    "granted": {"what": ["granted"]},
    "ignored": {"what": ["denied"]},
    "defaults": {"location_type": "zone"},
}

STARTED = """
sources:
  - name: hq
    profile: turnstiles
    files: "*.csv"
    timezone: Europe/Athens
    {}
"""


@pytest.fixture(autouse=True)
def turnstiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one ready profile here."""
    monkeypatch.setattr(profiles, "ready_names", lambda: ("turnstiles",))
    monkeypatch.setattr(profiles, "ready_profile", lambda name: dict(READY))


def test_a_ready_profile_is_a_start(data_dir: Path) -> None:
    """Four keys are merged key by key, all others given here win whole, and an empty one takes something away."""
    profile = loaded(
        data_dir,
        STARTED.format(
            """people: people.csv
    columns: {place: reader, user_email: mail}
    defaults: {location_id: L}
    extract: {place: '(.*)', source_user_id: ~}
    granted: {result: [ok]}
    ignored: ~
    encoding: ~
    """
        ),
    )
    assert profile.columns == {
        "timestamp": ("day", "time"),
        "source_user_id": ("badge",),
        "place": ("reader",),
        "user_email": ("mail",),
    }
    assert profile.defaults == {"location_type": "zone", "location_id": "L"}
    assert (profile.extract, profile.normalize) == ({"place": "(.*)"}, {"source_user_id": ("leading_zeros",)})
    assert (profile.granted, profile.ignored) == ({"result": ("ok",)}, {})
    assert (profile.encoding, profile.timestamp_formats) == (None, ("%d/%m/%Y %H:%M",))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("profile_: x", ["`profile_`", "'profile'"]),
        ("columns: {user_email: ~}", ["`columns.user_email` (line 7)"]),
        ("defaults: {timestamp: x}", ["`defaults.timestamp` (line 7)"]),
        ("people: people.csv", ["`columns.place` (in the ready profile turnstiles)", "gives no location"]),
        ("granted: {other: yes}", ["`ignored.what` (in the ready profile turnstiles)", "granted: {what"]),
    ],
)
def test_what_is_wrong_with_a_source_from_a_ready_profile(data_dir: Path, line: str, words: list[str]) -> None:
    """The message says where the key stands: here, or in the ready profile."""
    more = (
        ""
        if "people" in line or "columns" in line
        else "\n    fallback: {location_id: L, location_type: zone}\n    people: people.csv"
    )
    message = problem_of(data_dir, STARTED.format(line + more))
    assert all(word in message for word in words), message


def test_an_unknown_ready_profile(data_dir: Path) -> None:
    message = problem_of(data_dir, STARTED.format("").replace("profile: turnstiles", "profile: turnstile"))
    assert "`profile` (line 4) 'turnstile' is no ready profile (did you mean 'turnstiles'?)" in message
