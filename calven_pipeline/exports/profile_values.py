"""What may stand as one value of a source profile: texts, lists, paths, separators, patterns, times.

What may surprise: a function here takes whatever the YAML holds and gives the value as we use it, or raises `ValueError`
with the rest of a sentence that begins with the key: `timezone` "'Europe/Atens' is no IANA time zone ...".
"""

from __future__ import annotations

import codecs
import difflib
import zoneinfo
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated

import duckdb
from pydantic import BeforeValidator

ISO, EPOCH_S, EPOCH_MS = "iso8601", "epoch_s", "epoch_ms"
TIME_WORDS = (ISO, EPOCH_S, EPOCH_MS)
STEPS = ("facility", "leading_zeros", "lower", "upper", "spaces")
LOCATION_TYPES = ("level", "location", "place", "space", "zone")
DELIMITER_WORDS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
LONGEST_DELIMITER = 8
MOST_SKIPPED_LINES = 1000
WIDE_ENCODINGS = frozenset({"utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"})
ALL_BYTES = bytes(range(256)) + b"\\u0041 +AEE- ~{AB~}"  # and what some codecs would make one character of


def nearest(word: str, words: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or nothing when no word is near."""
    near = difflib.get_close_matches(word, list(words), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def text(value: object) -> str:
    """A text that is not empty, without outer white space."""
    if not isinstance(value, str):
        raise ValueError("must be a text")  # noqa: TRY004 - pydantic takes no TypeError
    if not value.strip():
        raise ValueError("is empty; give it a value or leave it out")
    return value.strip()


def texts(value: object) -> tuple[str, ...]:
    """One text or a list of them."""
    return tuple(text(item) for item in _items(value))


def words(value: object) -> tuple[str, ...]:
    """One value or a list of values of a column; an empty one stands for a missing value."""
    found = _items(value)
    if not all(isinstance(item, str) for item in found):
        raise ValueError('must be a text or a list of texts; "" is a missing value')
    return tuple(str(item).strip() for item in found)


def _items(value: object) -> tuple[object, ...]:
    if isinstance(value, list | tuple):
        if not value:
            raise ValueError("is an empty list; name at least one")
        return tuple(value)
    if not isinstance(value, str):
        raise ValueError("must be a text or a list of texts")  # noqa: TRY004 - pydantic takes no TypeError
    return (value,)


def mapping(value: object) -> object:
    """A mapping, whatever it holds."""
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping (`name: value`)")  # noqa: TRY004 - pydantic takes no TypeError
    return value


def inside(value: object) -> object:
    """A path within the data folder."""
    path = PurePosixPath(text(str(value) if isinstance(value, Path) else value))
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("must stay inside the data folder: give a relative path without `..`")
    return value


def inside_all(value: object) -> tuple[str, ...]:
    """Patterns for files within the drop folder."""
    patterns = texts(value)
    for pattern in patterns:
        inside(pattern)
        try:
            next(Path("no-such-folder").glob(pattern), None)  # the pattern is looked at before the folder
        except (ValueError, IndexError, NotImplementedError) as error:
            raise ValueError(
                f"{pattern!r} is no pattern for files; write it like 'badges/*.csv' or '**/*.csv'"
            ) from error
    return patterns


def one_of(value: object, known: Iterable[str]) -> str:
    """One of some words, however it is capitalised."""
    known = list(known)
    word = text(value).lower()
    if word not in known:
        raise ValueError(f"must be one of {', '.join(known)}{nearest(word, known)}")
    return word


def yes_or_no(value: object) -> bool:
    """`true` or `false`."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.strip().lower() not in {"true", "false"}:
        raise ValueError("must be `true` or `false`")
    return value.strip().lower() == "true"


def line_count(value: object) -> int:
    """A small natural number."""
    digits = str(value).strip()
    if not (digits.isascii() and digits.isdigit()) or int(digits) > MOST_SKIPPED_LINES:
        raise ValueError(f"must be a number of lines from 0 to {MOST_SKIPPED_LINES}")
    return int(digits)


def encoding(value: object) -> str:
    """UTF-8, UTF-16, or a codec that reads each byte as one character."""
    name = text(value).lower()
    try:
        known = codecs.lookup(name).name
        width = len(ALL_BYTES.decode(name, "replace")) if known not in WIDE_ENCODINGS else len(ALL_BYTES)
    except (LookupError, ValueError) as error:
        raise ValueError(
            f"{value!r} is no encoding that we know; write it like windows-1252, utf-8 or utf-16"
        ) from error
    if width != len(ALL_BYTES):
        raise ValueError(f"{value!r} cannot be read; give utf-8, utf-16 or an encoding of one byte a character")
    return name


def delimiter(value: object) -> str:
    """The separator itself, white space included, or its name."""
    if not isinstance(value, str) or not value:
        raise ValueError('must be a text such as ";", "^^", "\\t" or tab')
    found = DELIMITER_WORDS.get(value.strip().lower(), value)
    if len(found) > LONGEST_DELIMITER:
        raise ValueError(f"must be a text of 1 to {LONGEST_DELIMITER} characters")
    if any(character in found for character in "\r\n\0"):
        raise ValueError("cannot hold a line end")
    return found


def quote(value: object) -> str:
    """One character, or nothing."""
    if not isinstance(value, str):
        raise ValueError("must be one character, or `none`")  # noqa: TRY004 - pydantic takes no TypeError
    found = "" if value.strip().lower() in {"", "none"} else value.strip()
    if len(found) > 1 or not found.isprintable():
        raise ValueError("must be one character, or `none` where nothing is quoted")
    return found


@cache
def zones_known() -> frozenset[str]:
    """The names of all IANA time zones; finding them costs 30 ms."""
    return frozenset(zoneinfo.available_timezones())


def zone(value: object) -> str:
    """An IANA time zone."""
    name, zones = text(value), zones_known()
    if name not in zones:
        raise ValueError(f"{name!r} is no IANA time zone{nearest(name, zones)}, for example Europe/Athens")
    return name


def timestamp_formats(value: object) -> tuple[str, ...]:
    """One format or several, each one of our words or a pattern that DuckDB's strptime reads."""
    found = tuple(item.lower() if item.lower() in TIME_WORDS else item for item in texts(value))
    for format_ in found:
        if found.count(format_) > 1:
            raise ValueError(f"names {format_!r} twice; remove one")
        if format_ not in TIME_WORDS:
            check_strptime(format_)
    return found


@cache
def check_strptime(format_: str) -> None:
    """Refuse what DuckDB's strptime cannot read, and what gives no whole date."""
    query = (
        "select cast(try_strptime(strftime(timestamp '2001-02-13 14:05:06', $format), $format) as date)"
        " = date '2001-02-13'"
    )
    if "%" not in format_:  # DuckDB knows words of its own, such as `epoch`
        near = nearest(format_.lower(), TIME_WORDS)
        raise ValueError(
            f"{format_!r} gives no whole date{near}; write it like '%d/%m/%Y %H:%M', or {', '.join(TIME_WORDS)}"
        )
    try:
        with duckdb.connect() as connection:
            found = connection.execute(query, {"format": format_}).fetchone()
    except duckdb.Error as error:
        detail = str(error).splitlines()[0].rpartition(": ")[2]
        raise ValueError(f"{format_!r} is no strptime format ({detail}); write it like '%d/%m/%Y %H:%M'") from error
    if found and found[0] is False:
        raise ValueError(f"{format_!r} gives no whole date; write it like '%d/%m/%Y %H:%M'")


def pattern(value: object) -> str:
    """A regular expression with one group, spaces and all."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a regular expression with one group, such as 'Card number \\((\\d+)\\)'")
    check_pattern(value)
    return value


@cache
def check_pattern(expression: str) -> None:
    """Refuse what DuckDB (RE2) cannot read, and what has not exactly one group."""
    groups = "select regexp_extract('', $pattern, {names})"
    with duckdb.connect() as connection:
        try:
            connection.execute("select regexp_matches('', $pattern)", {"pattern": expression})
        except duckdb.Error as error:
            detail = str(error).splitlines()[0].partition(": ")[2]
            raise ValueError(f"is no regular expression ({detail}); mend it") from error
        for names, problem in (
            ("['one']", "has no group; put ( ) around what to take"),
            ("['one', 'two']", None),
        ):
            try:
                connection.execute(groups.format(names=names), {"pattern": expression})
            except duckdb.Error as error:
                if problem:
                    raise ValueError(problem) from error
                return
    raise ValueError("has more than one group; write (?: ) for those that only hold together")


def steps(value: object) -> tuple[str, ...]:
    """One step of normalising or several, in their order."""
    return tuple(one_of(step, STEPS) for step in texts(value))


Text = Annotated[str, BeforeValidator(text)]
Texts = Annotated[tuple[str, ...], BeforeValidator(texts)]
Words = Annotated[tuple[str, ...], BeforeValidator(words)]
Steps = Annotated[tuple[str, ...], BeforeValidator(steps)]
Pattern = Annotated[str, BeforeValidator(pattern)]
Zone = Annotated[str, BeforeValidator(zone)]
Formats = Annotated[tuple[str, ...], BeforeValidator(timestamp_formats)]
Files = Annotated[tuple[str, ...], BeforeValidator(inside_all)]
DataPath = Annotated[Path, BeforeValidator(inside)]
Encoding = Annotated[str, BeforeValidator(encoding)]
Delimiter = Annotated[str, BeforeValidator(delimiter)]
Quote = Annotated[str, BeforeValidator(quote)]
YesOrNo = Annotated[bool, BeforeValidator(yes_or_no)]
LineCount = Annotated[int, BeforeValidator(line_count)]
MAPPING = BeforeValidator(mapping)
