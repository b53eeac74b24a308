"""The pictures of the report, as SVG for the page to hold: bars by day.

What may surprise: colours are names of the page's style (`var(--ink)`), so one picture serves light, dark and paper. Each is
drawn twice, wide and narrow, since letters in a picture shrink with it; the style shows one. `vl_convert` is imported where it
draws: it starts a JavaScript engine of its own, which costs 0.6 s once (measured, 1.9).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from markupsafe import Markup

WIDE, NARROW = 760, 330  # pixels that a letter of 12 px is drawn for
HEIGHT = 190
MOST_WEEKS_NAMED = 14
TICKS = {"wide": 8, "narrow": 4}
OPENING = re.compile(r'^<svg [^>]*?viewBox="([^"]+)"[^>]*>')

Bar = tuple[date, int, int]  # day, number of the series from 0, height


def bars_by_day(
    bars: Sequence[Bar], first_date: date, last_date: date, colours: Sequence[str], title: str, axis: str
) -> Markup:
    """Stacked bars for every day of the period, with the title for who cannot see them; nothing where there is no bar."""
    if not bars:
        return Markup()
    return Markup().join(
        _svg(_spec(bars, first_date, last_date, colours, axis, name, width), name, title)
        for name, width in (("wide", WIDE), ("narrow", NARROW))
    )


def _spec(
    bars: Sequence[Bar], first_date: date, last_date: date, colours: Sequence[str], axis: str, name: str, width: int
) -> dict[str, Any]:
    days = [first_date + timedelta(days=number) for number in range((last_date - first_date).days + 1)]
    values = [{"day": day.isoformat(), "series": series, "height": height} for day, series, height in bars]
    return {
        "data": {"values": values},
        "width": width - 50,  # what the labels of the other axis take
        "height": HEIGHT,
        "mark": {"type": "bar", "aria": False},
        "encoding": {
            "x": {
                "field": "day",
                "type": "ordinal",
                "scale": {"domain": [day.isoformat() for day in days], "paddingInner": 0.15},
                "axis": {
                    "title": None,
                    "values": [day.isoformat() for day in _named(days, TICKS[name])],
                    "labelExpr": "utcFormat(toDate(datum.value), '%-d %b')",
                    "labelAngle": 0,
                    "labelOverlap": True,
                    "grid": False,
                },
            },
            "y": {
                "field": "height",
                "type": "quantitative",
                "axis": {"title": None, "tickCount": 4, "labelExpr": axis},
            },
            "color": {
                "field": "series",
                "type": "nominal",
                "scale": {"domain": list(range(len(colours))), "range": list(colours)},
                "legend": None,
            },
            "order": {"field": "series"},
        },
        "config": {
            "background": None,
            "font": "system-ui, sans-serif",
            "view": {"stroke": None},
            "axis": {
                "labelColor": "var(--muted)",
                "labelFontSize": 12,
                "gridColor": "var(--line)",
                "domain": False,
                "tickColor": "var(--line)",
            },
        },
    }


def _named(days: Sequence[date], most: int) -> list[date]:
    """The days that the axis names: Mondays, or firsts of a month in a long period; not more than fit."""
    mondays = [day for day in days if day.isoweekday() == 1]
    named = mondays if len(mondays) <= MOST_WEEKS_NAMED else [day for day in days if day.day == 1]
    named = named or [days[0]]
    return named[:: -(-len(named) // most)]


def _svg(spec: dict[str, Any], name: str, title: str) -> Markup:
    """The picture as part of a page; the engine is given data, and no address to fetch any from."""
    import vl_convert

    drawn = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    opening = Markup('<svg class="{}" viewBox="{}" role="img"><title>{}</title>')
    matched = OPENING.match(drawn)
    if matched is None:
        raise ValueError("vl_convert gave no SVG with a viewBox.")
    return opening.format(name, matched[1], title) + Markup(drawn[matched.end() :])  # noqa: S704 - numbers and dates of ours
