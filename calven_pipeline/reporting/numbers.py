"""The numbers of the report, as the snapshot gives them: counts of groups, never a person.

What may surprise: a group of fewer people than `smallest_group` is hidden, and what would tell of it by a difference too.
The rule is carried out in SQL, so nothing that is hidden ever reaches the page:

- A count of 1 to `smallest_group - 1` people is None. Nobody is 0. A place where fewer came in the whole period is left out
  with all its days.
- Nothing is added up beside the counts but what follows from those that are shown. So a mean over days with hidden counts is told
  as the least and the most that it can be, with 1 or with `smallest_group - 1` people on each such day; where even the most is
  below `smallest_group`, it is None. The one exception, how many different people came, is rounded down to whole groups.
- Of the levels of an office, and the zones of a level, one alone is never hidden: see `reporting/areas.sql`.
- Rows that name nobody are taken for rows of one person.
- Rows are told as shares in whole percents, since counts of them, less the people shown, would tell of those hidden.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, TypeVar

import duckdb

from calven_pipeline.warehouse.queries import query

Row = TypeVar("Row")
LeastAndMost = tuple[int | None, int | None]


@dataclass(frozen=True)
class Office:
    """One office that is shown. `people_per_day` (at least) is over the days on which any office was open, None where it is hidden."""

    office_key: str
    office_name: str
    people_per_day: float | None
    most_per_day: float | None
    most_people: int | None
    fullest_date: date | None
    hidden_days: int
    desks: int | None
    percent_of_desks: int | None
    most_percent_of_desks: int | None


@dataclass(frozen=True)
class Area:
    """A level, or a zone of the level before it; `area_name` is None for people on no level or in no zone."""

    office_key: str
    area_type: str
    area_name: str | None
    people: int | None
    most_people: int | None
    desks: int | None
    percent_of_desks: int | None
    most_percent_of_desks: int | None


@dataclass(frozen=True)
class Reason:
    """Open rejections of a source with one reason; `row_count` is None where they are of too few people."""

    source: str
    reason: str
    row_count: int | None
    what_to_do: str | None


@dataclass(frozen=True)
class Door:
    """A door that the places table of its source does not map; `row_count` is None where its rows are of too few people."""

    source: str
    source_place: str
    row_count: int | None


@dataclass(frozen=True)
class Source:
    """When a source brought its last file (UTC), for how many days none came, and how long events take to get here."""

    source: str
    last_file: str
    last_file_at: datetime
    silent_days: int
    usual_days: int | None
    longest_usual_days: int | None
    is_silent: bool
    delay_hours: int | None


@dataclass(frozen=True)
class Numbers:
    """All of it, for the local days from `first_date` to `last_date`; `as_of` is UTC.

    `people` are those seen, by office and day; `weekdays` means (least and most), by office and ISO weekday; `outcomes` percents of a day's
    rows.
    """

    first_date: date
    last_date: date
    as_of: datetime
    smallest_group: int
    different_people: int
    hidden_offices: int
    offices: tuple[Office, ...]
    people: dict[tuple[str, date], int | None]
    weekdays: dict[tuple[str, int], LeastAndMost]
    areas: tuple[Area, ...]
    outcomes: dict[tuple[date, str], int]
    reasons: tuple[Reason, ...]
    doors: tuple[Door, ...]
    sources: tuple[Source, ...]


def read_numbers(
    snapshot: duckdb.DuckDBPyConnection, first_date: date, last_date: date, smallest_group: int
) -> Numbers:
    """The numbers of these local days, both included."""
    period: dict[str, Any] = {"first_date": first_date, "last_date": last_date}
    group = {"smallest_group": smallest_group}
    ((as_of, _),) = _rows(snapshot, "made_at")
    _rows(snapshot, "make_seen", period)
    _rows(snapshot, "make_office_days", period | group)
    _rows(snapshot, "make_open_days")
    return Numbers(
        first_date=first_date,
        last_date=last_date,
        as_of=as_of,
        smallest_group=smallest_group,
        different_people=int(_rows(snapshot, "different_people", group)[0][0]),
        hidden_offices=_rows(snapshot, "hidden_offices")[0][0],
        offices=_told(Office, _rows(snapshot, "offices", group)),
        people={(office, day): people for office, day, people in _rows(snapshot, "office_days")},
        weekdays={
            (office, weekday): (least, most) for office, weekday, least, most in _rows(snapshot, "weekdays", group)
        },
        areas=_told(Area, _rows(snapshot, "areas", group)),
        outcomes={(day, outcome): percent for day, outcome, percent in _rows(snapshot, "outcomes", period | group)},
        reasons=_told(Reason, _rows(snapshot, "reasons", group)),
        doors=_told(Door, _rows(snapshot, "doors", group)),
        sources=_told(Source, _rows(snapshot, "sources", group)),
    )


def _rows(
    snapshot: duckdb.DuckDBPyConnection, name: str, parameters: dict[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    return snapshot.execute(query(f"reporting/{name}"), parameters or {}).fetchall()


def _told(kind: type[Row], rows: list[tuple[Any, ...]]) -> tuple[Row, ...]:
    """A line of the page each; the columns of the query are the fields, in order."""
    width = len(fields(kind))  # type: ignore[arg-type]  # each is a dataclass
    assert all(len(row) == width for row in rows), kind  # noqa: S101 - the query is ours
    return tuple(kind(*row) for row in rows)
