"""`GET /v1/analytics/presence`: what the sandbox accepted, by day.

Calven publishes the parameters, not the fields of the answer. Chosen here: one row per accepted event with `date`
(the UTC day of its timestamp), `eventId`, `timestamp`, `sourceId`, `sourceUserId`, `userId` (as provisioned, also for
events sent with an address), `locationId` and `locationType`. The 30 days include both ends. `locationIds` matches an
event's own location id, not the office around it. Ids compare without case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from calven_pipeline.sandbox.answers import Refusal
from calven_pipeline.sandbox.ledger import Ledger

MOST_DAYS = 30
_DAY = re.compile(r"([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})")
_FIELDS = ("eventId", "timestamp", "sourceId", "sourceUserId", "userId", "locationId", "locationType")


def presence_details(ledger: Ledger, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The rows that the query asks for; refuses with 400 a query that is not as published."""
    first, last = _day(query, "startDate"), _day(query, "endDate")
    if last < first:
        raise Refusal(400, "endDate is before startDate.")
    if (last - first).days >= MOST_DAYS:
        raise Refusal(400, f"startDate to endDate may be at most {MOST_DAYS} days.")
    wanted = {"locationId": _id_set(query.get("locationIds")), "userId": _id_set(query.get("userIds"))}
    return (
        {"date": event["timestamp"][:10], **{field: event[field] for field in _FIELDS}}
        for event in ledger.on_days(first, last)
        if all(not ids or event[field].lower() in ids for field, ids in wanted.items())
    )


def _day(query: Mapping[str, str], name: str) -> date:
    match = _DAY.fullmatch(query.get(name, ""))
    if match is not None:
        try:
            return date(int(match[1]), int(match[3]), int(match[4]))
        except ValueError:
            pass
    raise Refusal(400, f"{name} is required, as YYYYMMDD or YYYY-MM-DD.")


def _id_set(comma_separated: str | None) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in (comma_separated or "").split(",") if part.strip())
