"""How one of our columns is made of theirs: joined, taken out of text, normalised, or a constant.

What may surprise: every step takes the value once (DuckDB would work out a value twice that stands twice), and no name or
value of a profile becomes SQL text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from duckdb import (
    CaseExpression,
    CoalesceOperator,
    ColumnExpression,
    ConstantExpression,
    Expression,
    FunctionExpression,
)

from calven_pipeline.exports.profiles import SourceProfile
from calven_pipeline.exports.tables import NULL_TEXT, WHITE_SPACE, OpenTable, trimmed

SEPARATOR = "/"
TIME_COLUMN = "timestamp"  # a date and a time in two columns are joined with a space
FIRST_ZEROS = r"^0+(.)"  # one digit stays
FIRST_ZEROS_OF_PATTERN = r"^0+([^*?])"  # `0*` means doors that begin with 0, not all
MIDNIGHT = r"^(\d{4}-\d{2}-\d{2}) 00:00:00$"
SPACES = r"[\s\x{0b}\x{a0}]+"


def field(profile: SourceProfile, table: OpenTable, ours: str) -> Expression:
    """Our column as trimmed text, NULL where it is missing; in a malformed row every column is."""
    value = _joined(table, profile.columns.get(ours, ()), ours)
    if ours in profile.extract:
        value = _extracted(value, profile.extract[ours])
    if ours in profile.defaults:
        default = CaseExpression(ColumnExpression("malformed").isnull(), ConstantExpression(profile.defaults[ours]))
        value = CoalesceOperator(value, default)
    return normalized(value, profile.normalize.get(ours, ()))


def their_field(table: OpenTable, theirs: str) -> Expression:
    """Their column as trimmed text, NULL where it is missing or empty."""
    return trimmed(table.values[theirs], table.padding) if theirs in table.values else NULL_TEXT


def normalized(value: Expression, steps: Iterable[str], *, is_pattern: bool = False) -> Expression:
    """The value after the steps in their order; trimmed after each, and NULL where nothing is left."""
    for step in steps:
        value = _trimmed_once(_step(value, step, is_pattern=is_pattern))
    return value


def _joined(table: OpenTable, names: Sequence[str], ours: str) -> Expression:
    """The parts of one of our columns together.

    A missing part is an empty one, and of a time it is left out; only where all are missing is the whole missing. Of a
    time in several columns of a sheet, a midnight is a date: its time stands in another.
    """
    parts = [their_field(table, name) for name in names if name in table.values]
    if not parts:
        return NULL_TEXT
    if len(parts) == 1:
        return parts[0]
    if ours == TIME_COLUMN:
        parts = [_replaced(part, MIDNIGHT, r"\1") for part in parts] if table.has_midnights else parts
        spaced = FunctionExpression("concat_ws", ConstantExpression(" "), *parts)
        return FunctionExpression("nullif", spaced, ConstantExpression(""))
    pieces = [piece for part in parts for piece in (ConstantExpression(SEPARATOR), part)][1:]
    joined = FunctionExpression("concat", *pieces)  # concat takes NULL for an empty text
    return FunctionExpression("nullif", joined, ConstantExpression(SEPARATOR * (len(parts) - 1)))


def _extracted(value: Expression, pattern: str) -> Expression:
    return _trimmed_once(
        FunctionExpression("regexp_extract", value, ConstantExpression(pattern), ConstantExpression(1))
    )


def _trimmed_once(value: Expression) -> Expression:
    """As `trimmed` does it, for a value that costs more than a column."""
    without = FunctionExpression("trim", value, ConstantExpression(WHITE_SPACE))
    return FunctionExpression("nullif", without, ConstantExpression(""))


def _step(value: Expression, step: str, *, is_pattern: bool) -> Expression:
    if step in {"lower", "upper"}:
        return FunctionExpression(step, value)
    if step == "spaces":
        return _replaced(value, SPACES, " ", ConstantExpression("g"))
    if step == "facility":
        return FunctionExpression("split_part", value, ConstantExpression(":"), ConstantExpression(-1))
    return _replaced(value, FIRST_ZEROS_OF_PATTERN if is_pattern else FIRST_ZEROS, r"\1")


def _replaced(value: Expression, pattern: str, by: str, *options: Expression) -> Expression:
    return FunctionExpression("regexp_replace", value, ConstantExpression(pattern), ConstantExpression(by), *options)
