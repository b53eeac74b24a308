"""How a profile reads times: formats tried in order, epochs, and offsets that stand in a column of their own.

What may surprise: ISO 8601 is read by the staging statement. What a profile's formats read arrives there beside it, in two
columns: the formats before `iso8601` in the list, and those after it. A row is first read by the formats as they are, and
only where that fails with care: white space of any length, no fraction where `%f` has one, more than six digits of it, a Z
for `%z`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import duckdb
from duckdb import (
    CaseExpression,
    CoalesceOperator,
    ColumnExpression,
    ConstantExpression,
    Expression,
    FunctionExpression,
    SQLExpression,
)

from calven_pipeline.exports.profile_values import EPOCH_MS, EPOCH_S, ISO
from calven_pipeline.exports.profiles import SourceProfile, reads_offset

NO_INSTANT = SQLExpression("cast(null as timestamptz)")
NO_MINUTES = SQLExpression("cast(null as integer)")
FIRST_YEAR = SQLExpression("timestamptz '1000-01-02 00:00:00+00'")  # before it, `%Y` has read a year of two digits
TIME = ColumnExpression("timestamp")
CLEANED = SQLExpression(  # one space for any white space, six digits of a second
    r"""regexp_replace(regexp_replace("timestamp", '[\s\x{a0}]+', ' ', 'g'), '([:.,]\d{2}[.,]\d{6})\d+', '\1')"""
)
CLEANED_WITH_OFFSET = FunctionExpression(  # `%z` knows no Z
    "regexp_replace", CLEANED, ConstantExpression("[Zz]$"), ConstantExpression("+00")
)
TIME_OF_DAY = re.compile(r"%-?[HIMSfgnpcX]")
DIRECTIVE = re.compile(r"%-?.")
OWN_CHARACTER = re.compile(r"[^\s:]")  # most times have a colon
EPOCHS = {  # from 2000 to 2100
    EPOCH_S: SQLExpression(
        """case when try_cast("timestamp" as decimal(20, 6)) between 946684800 and 4102444800
        then make_timestamp((try_cast("timestamp" as decimal(20, 6)) * 1000000)::bigint) at time zone 'UTC' end"""
    ),
    EPOCH_MS: SQLExpression(
        """case when try_cast("timestamp" as decimal(20, 3)) between 946684800000 and 4102444800000
        then make_timestamp((try_cast("timestamp" as decimal(20, 3)) * 1000)::bigint) at time zone 'UTC' end"""
    ),
}
# Hours and minutes, hours up to 14, or minutes beyond; four digits are always hours and minutes.
OFFSET_MINUTES = SQLExpression(
    r"""case
        when upper(utc_offset) = 'Z' then 0
        when regexp_full_match(utc_offset, '[+-]?((0?\d|1[0-3]):?[0-5]\d|14:?00)') and length(trim(utc_offset, '+-')) > 3
            then if(starts_with(utc_offset, '-'), -1, 1)
                * (60 * regexp_extract(utc_offset, '(\d{1,2}):?\d{2}$', 1)::integer + right(utc_offset, 2)::integer)
        when regexp_full_match(utc_offset, '[+-]?\d{1,3}') and abs(utc_offset::integer) <= 14
            then 60 * utc_offset::integer
        when regexp_full_match(utc_offset, '[+-]?\d{1,3}') and abs(utc_offset::integer) <= 840
            then utc_offset::integer
    end"""
)


def with_times(rows: duckdb.DuckDBPyRelation, profile: SourceProfile) -> duckdb.DuckDBPyRelation:
    """The rows with `offset_minutes` (INTEGER), `read_before_iso` and `read_after_iso` (TIMESTAMPTZ).

    All are NULL where the profile has nothing of the kind or the row's text cannot be read so. Reads `timestamp` and
    `utc_offset`.
    """
    minutes = OFFSET_MINUTES if profile.has_offsets else NO_MINUTES
    rows = rows.select("*", minutes.cast("INTEGER").alias("offset_minutes"))
    formats = profile.timestamp_formats
    at = formats.index(ISO) if ISO in formats else len(formats)
    for name, those in (("read_before_iso", formats[:at]), ("read_after_iso", formats[at + 1 :])):
        rows = _with_instant(rows, profile, those, name)
    return rows


def reads_iso(profile: SourceProfile) -> bool:
    """Whether times may be ISO 8601."""
    return not profile.timestamp_formats or ISO in profile.timestamp_formats


def _with_instant(
    rows: duckdb.DuckDBPyRelation, profile: SourceProfile, formats: Sequence[str], name: str
) -> duckdb.DuckDBPyRelation:
    if not formats:
        return rows.select("*", NO_INSTANT.alias(name))
    fast = _first_of([_guarded(profile, format_) for format_ in formats])
    careful = _first_of([_careful(profile, format_) for format_ in formats])
    found = ColumnExpression(name)
    chosen = CaseExpression(found >= FIRST_YEAR, found).otherwise(careful)
    return rows.select("*", fast.alias(name)).select(duckdb.StarExpression(exclude=[name]), chosen.alias(name))


def _first_of(readings: Sequence[Expression]) -> Expression:
    return CoalesceOperator(*readings) if len(readings) > 1 else readings[0]


def _guarded(profile: SourceProfile, format_: str) -> Expression:
    """The reading, tried only where the text has the format's own character: a failing try costs 1 s a million rows."""
    reading = _reading(profile, TIME, format_)
    own = next(iter(OWN_CHARACTER.findall(DIRECTIVE.sub("", format_))), None)
    if own is None or format_ in EPOCHS:
        return reading
    return CaseExpression(FunctionExpression("contains", TIME, ConstantExpression(own)), reading)


def _careful(profile: SourceProfile, format_: str) -> Expression:
    if format_ in EPOCHS:
        return EPOCHS[format_]
    text = CLEANED_WITH_OFFSET if reads_offset(format_) else CLEANED
    readings = []
    for spelling in _spellings(format_):
        reading = _reading(profile, text, spelling)
        readings.append(CaseExpression(reading >= FIRST_YEAR, reading))
    return _first_of(readings)


def _spellings(format_: str) -> list[str]:
    """The format; where it reads a fraction of a second, the format without; and a date also with its midnight."""
    without = format_
    for fraction in (".%f", ",%f", ".%g", ",%g", ".%n", ",%n"):
        without = without.replace(fraction, "")
    spellings = dict.fromkeys([format_, without])
    return [*spellings] if TIME_OF_DAY.search(format_) else [*spellings, f"{format_} 00:00:00"]


def _reading(profile: SourceProfile, text: Expression, format_: str) -> Expression:
    """The instant that one format reads, NULL where it cannot."""
    if format_ in EPOCHS:
        return EPOCHS[format_]
    read = FunctionExpression("try_strptime", text, ConstantExpression(format_))
    if reads_offset(format_):
        return read.cast("TIMESTAMPTZ")
    read = read.cast("TIMESTAMP")
    if profile.has_offsets:
        read = read - FunctionExpression("to_minutes", ColumnExpression("offset_minutes"))
        return FunctionExpression("timezone", ConstantExpression("UTC"), read)
    return FunctionExpression("timezone", ConstantExpression(profile.timezone), read)
