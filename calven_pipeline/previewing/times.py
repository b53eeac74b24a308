"""Which columns hold the time, and the formats that read all sampled values of them.

What may surprise: 02/11 says neither whether the day or the month comes first. Values over twelve decide; where there is
none, the day is taken to come first and a question is asked.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from calven_pipeline.exports.profile_model import Format
from calven_pipeline.exports.profile_values import EPOCH_MS, EPOCH_S, ISO
from calven_pipeline.previewing.samples import Sample

LEAST_SHARE = 0.7  # of a column's values that must be times; exports have broken rows
MOST_FORMATS = 3
MOST_TRIED = 60
ISO_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?(Z|[+-]\d{2}(?::?\d{2})?))?)?", re.IGNORECASE
)
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
MIDNIGHT = re.compile(r"(\d{4}-\d{2}-\d{2}) 00:00:00")  # a date that a sheet or a database wrote
DATES = [
    *(f"%d{s}%m{s}%Y" for s in "/.-"),
    *(f"%m{s}%d{s}%Y" for s in "/.-"),
    *(f"%Y{s}%m{s}%d" for s in "/.-"),
    *(f"%d{s}%m{s}%y" for s in "/.-"),
    *(f"%m{s}%d{s}%y" for s in "/.-"),
    "%Y-%m-%d 00:00:00", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%b %d %Y", "%Y%m%d",
]  # fmt: skip
CLOCKS = ["%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%H:%M:%S.%f", "%I:%M:%S.%f %p", "%I:%M:%S%p", "%I:%M%p"]
OFFSETS = ["", " %z", "%z"]
DIRECTIVES = {
    "%d": "(?:0?[1-9]|[12][0-9]|3[01])", "%m": "(?:0?[1-9]|1[0-2])", "%Y": "[12][0-9]{3}", "%y": "[0-9]{2}",
    "%b": "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", "%B": "[a-z]{3,9}",
    "%H": "(?:[01]?[0-9]|2[0-3])", "%I": "(?:0?[1-9]|1[0-2])", "%M": "[0-5][0-9]", "%S": "[0-5][0-9]",
    "%f": "[0-9]{1,6}", "%p": "[ap]m", "%z": "(?:Z|[+-][0-9]{2}:?[0-9]{2})",
}  # fmt: skip
NAMES = ("time", "date", "stamp", "when", "occur", "creat", "seen", "swip", "utc", "event", "dat", "heure", "zeit")
EPOCHS = {EPOCH_S: 1, EPOCH_MS: 1000}
FIRST_SECOND, LAST_SECOND = 946_684_800, 4_102_444_800  # 2000 to 2100


@dataclass(frozen=True)
class TimeGuess:
    """The columns (a date and a clock time may stand apart), the formats (none: ISO 8601 alone), and what is open.

    `needs_zone`: some values name no offset.
    """

    columns: tuple[str, ...]
    formats: tuple[str, ...]
    needs_zone: bool
    question: str | None = None


def guess_time(sample: Sample) -> TimeGuess | None:
    """The likeliest time of a row; None where no column looks like one."""
    whole = [guess for name in sample.columns if (guess := _guess(sample, (name,))) is not None]
    if whole:
        return max(whole, key=lambda guess: _likelihood(sample, guess))
    dates = [name for name in sample.columns if _share(sample.filled(name), _is_date) >= LEAST_SHARE]
    clocks = clock_columns(sample)
    together = _guess(sample, (dates[0], clocks[0])) if dates and clocks else None
    alone = _guess(sample, (dates[0],), with_dates=True) if dates and not together else None
    if alone:
        told = (
            f"{alone.columns[0]} tells no time of day: every event would be at midnight. Does another column tell it?"
        )
        alone = replace(alone, question=" ".join(filter(None, (told, alone.question))))
    return together or alone


def clock_columns(sample: Sample) -> tuple[str, ...]:
    """The columns that hold times of day without a date."""
    return tuple(name for name in sample.columns if _share(sample.filled(name), _is_clock) >= LEAST_SHARE)


def formats_that_read(values: Sequence[str]) -> tuple[tuple[str, ...], float]:
    """Up to three formats that together read most of the values, and what share of them they read."""
    left = list(dict.fromkeys(" ".join(value.split()) for value in values))[:MOST_TRIED]
    total = len(left)
    chosen: list[str] = []
    while left and len(chosen) < MOST_FORMATS:
        counted = [(sum(map(reads, left)), format_) for format_, reads in _readers() if format_ not in chosen]
        count, best = max(counted, key=lambda pair: pair[0])
        if not count:
            break
        chosen.append(best)
        reads = dict(_readers())[best]
        left = [value for value in left if not reads(value)]
    return tuple(chosen), (1 - len(left) / total if total else 0.0)


@cache
def _readers() -> tuple[tuple[str, Callable[[str], bool]], ...]:
    """Formats with what tells whether they read a value, the plainest first: it wins where two read as much."""
    patterns = [f"{date} {clock}{offset}" for date, offset, clock in itertools.product(DATES, OFFSETS, CLOCKS)]
    readers: list[tuple[str, Callable[[str], bool]]] = [(ISO, lambda value: ISO_TIME.fullmatch(value) is not None)]
    readers += [(word, _epoch_reader(factor)) for word, factor in EPOCHS.items()]
    readers += [(pattern, _strptime_reader(pattern)) for pattern in [*patterns, *DATES]]
    return tuple(readers)


def _epoch_reader(factor: int) -> Callable[[str], bool]:
    def reads(value: str) -> bool:
        try:
            return FIRST_SECOND * factor <= float(value) <= LAST_SECOND * factor
        except ValueError:
            return False

    return reads


@cache
def _strptime_reader(pattern: str) -> Callable[[str], bool]:
    """Not by `strptime`: it keeps five patterns only, and makes anew what is asked for next."""
    shape = re.escape(pattern.replace("%", "\0")).replace("\0", "%").replace("\\%", "%")
    for directive, meaning in DIRECTIVES.items():
        shape = shape.replace(directive, meaning)
    compiled = re.compile(shape.replace("\\ ", " "), re.IGNORECASE)
    return lambda value: compiled.fullmatch(value) is not None


def _guess(sample: Sample, names: tuple[str, ...], *, with_dates: bool = False) -> TimeGuess | None:
    is_sheet = sample.kind is Format.XLSX and len(names) > 1  # staging takes the midnight off such a date too
    rows = zip(*(_dates(sample.values[name]) if is_sheet else sample.values[name] for name in names), strict=True)
    values = [" ".join(filter(None, row)) for row in rows if any(row)]
    if not values or (not with_dates and _share(values, _is_date) > 1 - LEAST_SHARE):
        return None
    formats, share = formats_that_read(values)
    if share < LEAST_SHARE or not formats:
        return None
    if formats[0] in EPOCHS and not any(word in names[0].lower() for word in (*NAMES, "epoch", "connect")):
        return None  # a badge number may look like seconds
    without_zone = any(_lacks_offset(value, formats) for value in values)
    return TimeGuess(names, () if formats == (ISO,) else formats, without_zone, _question(values, formats))


def _lacks_offset(value: str, formats: Sequence[str]) -> bool:
    iso = ISO_TIME.fullmatch(value)
    if iso:
        return iso[1] is None
    return not any(format_ in EPOCHS or "%z" in format_ for format_ in formats)


def _question(values: Sequence[str], formats: Sequence[str]) -> str | None:
    """Whether the day comes first, where every value could be read the other way round too."""
    for format_ in formats:
        other = format_.replace("%d", "%x").replace("%m", "%d").replace("%x", "%m")
        mine = [value for value in values if format_ not in {ISO, *EPOCHS} and _strptime_reader(format_)(value)]
        if "%b" not in format_.lower() and mine and all(map(_strptime_reader(other), mine)):
            if format_.startswith("%Y"):
                continue
            return f"Is {mine[0].split()[0]!r} day first? No value decides. If the month is first, write {other!r}."
    return None


def _likelihood(sample: Sample, guess: TimeGuess) -> tuple[float, int]:
    """Filled values count, then what the name says, then standing on the left."""
    name = guess.columns[0]
    filled = len(sample.filled(name)) / max(sample.rows, 1)
    told = next((len(NAMES) - i for i, word in enumerate(NAMES) if word in name.lower()), 0)
    return round(filled, 1) * 10 + told, -sample.columns.index(name)


def _share(values: Sequence[str], test: Callable[[str], bool]) -> float:
    tried: Iterable[str] = values[:MOST_TRIED]
    return sum(map(test, tried)) / len(values[:MOST_TRIED]) if values else 0.0


def _dates(values: Sequence[str]) -> list[str]:
    return [MIDNIGHT.sub(r"\1", value) for value in values]


def _is_date(value: str) -> bool:
    return ISO_DATE.fullmatch(value) is not None or any(_strptime_reader(date)(value) for date in DATES)


def _is_clock(value: str) -> bool:
    return any(_strptime_reader(clock)(value) for clock in CLOCKS)
