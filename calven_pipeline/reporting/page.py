"""The page of the report: HTML without a script, made from numbers alone."""

from __future__ import annotations

from datetime import date, timedelta

from jinja2 import Environment, PackageLoader, StrictUndefined

from calven_pipeline.reporting.charts import bars_by_day
from calven_pipeline.reporting.numbers import Numbers, Office

TEMPLATE = "presence.html.jinja"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEEKDAY_NAMES = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
OUTCOMES = {
    "accepted": "Calven took it",
    "pending": "waits to be sent",
    "rejected": "refused, with a reason below",
    "duplicate": "seen before",
    "ignored": "no presence, such as access denied",
}
OFFICES_DRAWN = 6  # apart; the others share a colour
REASONS_SHOWN = 15
MOST_AREAS = 100  # levels and zones together; more of them, and the zones are left out


def render(numbers: Numbers, stamp: str) -> str:
    """The page; `stamp` is kept in its head, for whoever asks whether it is still right."""
    environment = Environment(
        loader=PackageLoader("calven_pipeline.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"day": in_words, "count": count}
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
        most_areas=MOST_AREAS,
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
