"""The page of the report: HTML without a script, made from numbers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined

from calven_pipeline.reporting.charts import bars_by_day
from calven_pipeline.reporting.numbers import Area, Door, Numbers, Office

TEMPLATE = "presence.html.jinja"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEEKDAY_NAMES = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
REASONS = {
    "malformed_row": "Line that cannot be read",
    "unlisted_outcome": "Unclear whether the door opened",
    "missing_timestamp": "No time",
    "invalid_timestamp": "Time that cannot be read",
    "future_timestamp": "Time that lies ahead",
    "missing_user": "No person",
    "unmapped_person": "Badge that is not listed",
    "unknown_user": "Person whom Calven does not know",
    "email_case_mismatch": "Address with other capitals than in Calven",
    "ambiguous_user": "Address of several people",
    "user_conflict": "Id and address of different people",
    "missing_location": "No place",
    "unmapped_place": "Door that is not listed",
    "unknown_location": "Place that Calven does not know",
    "invalid_location_type": "Kind of place that does not exist",
    "location_type_mismatch": "Kind of place that Calven knows otherwise",
    "conflicting_event_id": "Id that another event has",
    "calven_user_not_found": "Person whom Calven did not find",
    "calven_location_not_found": "Place that Calven did not find",
    "calven_rejected": "Refused by Calven",
    "calven_bad_format": "Could not be read by Calven",
}
OUTCOMES = {
    "accepted": "Calven took it",
    "pending": "waits to be sent",
    "rejected": "refused, with a reason below",
    "duplicate": "seen before",
    "ignored": "no presence, such as access denied",
}
OFFICES_DRAWN = 6  # apart; the others share a colour
REASONS_SHOWN = 15
DOORS_SHOWN = 5  # of a source
MOST_AREAS = 100  # levels and zones together; more of them, and the zones are left out


@dataclass(frozen=True)
class Line:
    """A line of the desks: of one level or zone, or of several `zones` of a level of which nothing else is to tell."""

    area: Area
    zones: int = 1
    has_nowhere: bool = False  # people in no zone are in it


def render(numbers: Numbers, stamp: str, removed_before: date | None = None) -> str:
    """The page; `stamp` is kept in its head, for whoever asks whether it is still right. Days before `removed_before` are gone."""
    environment = Environment(
        loader=PackageLoader("calven_pipeline.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"day": in_words, "count": count}
    hidden_types = ("zone",) if len(numbers.areas) > MOST_AREAS else ()
    areas = [area for area in numbers.areas if area.area_type not in hidden_types]
    return environment.get_template(TEMPLATE).render(
        numbers=numbers,
        stamp=stamp,
        weekdays=WEEKDAYS,
        weeks=_weeks(numbers),
        fullest=_fullest(numbers),
        most_people=max((people or 0 for people in numbers.people.values()), default=0),
        outcomes=OUTCOMES,
        outcome_days=sorted({day for day, _ in numbers.outcomes}),
        offices_drawn=OFFICES_DRAWN,
        reasons_shown=REASONS_SHOWN,
        reason_names=REASONS,
        doors=_doors(numbers),
        doors_shown=DOORS_SHOWN,
        zones_left_out=bool(hidden_types),
        lines={office.office_key: _lines(areas, office.office_key) for office in numbers.offices},
        removed_before=removed_before,
        people_chart=_people_chart(numbers),
        outcomes_chart=_outcomes_chart(numbers),
    )


def in_words(day: date) -> str:
    """`Tue 3 March 2026`, in English wherever it runs."""
    return f"{day:%a} {day.day} {day:%B %Y}"


def count(number: float) -> str:
    """With commas, and without `.0`."""
    return f"{number:,.1f}".removesuffix(".0")


def total_by_day(numbers: Numbers) -> dict[date, int]:
    """The sums of the counts that are shown: whoever was in two offices is two."""
    totals: dict[date, int] = {}
    for (_, day), people in numbers.people.items():
        totals[day] = totals.get(day, 0) + (people or 0)
    return totals


def _fullest(numbers: Numbers) -> tuple[date, int] | None:
    """The day with the greatest sum, the first of several."""
    totals = total_by_day(numbers)
    day = max(totals, key=lambda day: (totals[day], -day.toordinal()), default=None)
    return (day, totals[day]) if day and totals[day] else None


def _lines(areas: Sequence[Area], office_key: str) -> list[Line]:
    """The levels of an office with their zones: hidden ones of a level as one line, and those where nobody was as another.

    A level that is hidden, or nobody's, says as much of all its zones: they have no line.
    """
    lines: list[Line] = []
    for is_zone, found in groupby(
        (a for a in areas if a.office_key == office_key), lambda area: area.area_type == "zone"
    ):
        some = list(found)
        if not is_zone:
            lines += map(Line, some)
        elif not lines or lines[-1].area.people:
            lines += _folded(some)
    return lines


def _folded(zones: Sequence[Area]) -> list[Line]:
    lines = [Line(zone) for zone in zones if zone.people]
    for people in (None, 0):
        alike = [zone for zone in zones if zone.people == people]
        named = sum(zone.area_name is not None for zone in alike)
        if len(alike) == 1:
            lines.append(Line(alike[0]))
        elif alike:
            desks = sum(zone.desks or 0 for zone in alike)
            lines.append(Line(replace(alike[0], area_name=None, desks=desks or None), named, named < len(alike)))
    return lines


def _doors(numbers: Numbers) -> dict[str, list[Door]]:
    """The doors that wait to be listed, by source, the worst first."""
    return {source: list(doors) for source, doors in groupby(numbers.doors, lambda door: door.source)}


def _weeks(numbers: Numbers) -> list[list[date]]:
    """Whole weeks from Monday that cover the period."""
    monday = numbers.first_date - timedelta(days=numbers.first_date.weekday())
    weeks = (numbers.last_date - monday).days // 7 + 1
    return [[monday + timedelta(days=7 * week + day) for day in range(7)] for week in range(weeks)]


def _people_chart(numbers: Numbers) -> str:
    series = {office.office_key: min(number, OFFICES_DRAWN) for number, office in enumerate(numbers.offices)}
    bars = [(day, series[office], people) for (office, day), people in numbers.people.items() if people]
    colours = [f"var(--office-{number})" for number in range(OFFICES_DRAWN + 1)]
    title = f"People by day in {_listed(numbers.offices)}. The numbers stand in the calendars below."
    return bars_by_day(bars, numbers.first_date, numbers.last_date, colours, title, "datum.label")


def _outcomes_chart(numbers: Numbers) -> str:
    order = list(OUTCOMES)
    bars = [(day, order.index(outcome), percent) for (day, outcome), percent in numbers.outcomes.items()]
    colours = [f"var(--{outcome})" for outcome in order]
    title = "Share of rows by outcome and day. The numbers stand in the table below."
    return bars_by_day(bars, numbers.first_date, numbers.last_date, colours, title, "datum.label + ' %'")


def _listed(offices: tuple[Office, ...]) -> str:
    return f"{len(offices)} offices" if len(offices) > 1 else "one office"
