"""Ages and counts in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

MINUTE, HOUR, DAY = 60, 3600, 86400
MOST_LINES = 5
# Between days with new files. Nothing is said of what is usual before both are reached: files of working days alone show their
# second weekend only then, and a source of a few days would fall silent in its first.
LEAST_GAPS = 3
LEAST_DAYS = 14  # that these gaps span together


def age(span: timedelta) -> str:
    """A span in its largest unit: `40 s`, `5 min`, `3 h`, `12 d`; below nothing counts as nothing."""
    seconds = max(round(span.total_seconds()), 0)
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < 2 * HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < 2 * DAY:
        return f"{seconds // HOUR} h"
    return f"{seconds // DAY} d"


def counted(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def ago(time: datetime | None, now: datetime) -> str:
    """How long ago; nothing where that is not known."""
    return f"{age(now - time)} ago" if time else ""


def first_lines(lines: Sequence[str]) -> list[str]:
    """No more lines than a screen has room for, and how many are left out."""
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], f"and {more} more"] if more > 0 else list(lines)


def usually(days: int | None) -> str:
    """How often files come, by the median of days between them; too few came to tell where that is not known."""
    if days is None:
        return "too few"
    return {1: "daily", 7: "weekly"}.get(days, f"every {days} days")
