"""Reading a presence call, and judging its events.

Structure first: the smallest mistake in one event refuses the whole call with 400 and nothing of it is loaded. Then
each event gets a result of its own. Chosen here, because nothing is published:

- every text must not be empty, and a field that is there must not be null, `sourceUserId` included;
- an empty list of events is refused;
- a timestamp needs a date, a time and an offset (`Z` or `+02:00`);
- fields that nobody has named are ignored;
- a user is looked for before the location, so an event that is wrong in both has code 1.
"""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from typing import Any, NamedTuple

from calven_pipeline.sandbox.answers import Refusal
from calven_pipeline.sandbox.world import LOCATION_TYPES, World

MOST_EVENTS_PER_CALL = 100
SUCCESS, USER_NOT_FOUND, LOCATION_NOT_FOUND = 0, 1, 2
MESSAGES = {SUCCESS: "Success", USER_NOT_FOUND: "User not found", LOCATION_NOT_FOUND: "Location not found"}
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})")
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_800  # the years 1 to 9999 in UTC, which is what Python can print
_LOCATION_TYPES = frozenset(LOCATION_TYPES)


class Event(NamedTuple):
    """One presence event as received; `occurred_at` in Unix seconds."""

    event_id: str
    occurred_at: float
    location_id: str
    location_type: str
    source_user_id: str | None
    user_id: str | None
    user_email: str | None


def read_call(body: bytes) -> tuple[str, list[Event]]:
    """The sourceId and the events of a call; refuses with 400 what is not built as published."""
    try:
        call = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "The body is not JSON.") from error
    if not isinstance(call, dict):
        raise Refusal(400, "The body must be a JSON object.")
    source_id = _text(call, "sourceId", "The call")
    events = call.get("presenceEvents")
    if not isinstance(events, list):
        raise Refusal(400, "presenceEvents must be an array.")
    if not 1 <= len(events) <= MOST_EVENTS_PER_CALL:
        raise Refusal(400, f"presenceEvents must hold 1 to {MOST_EVENTS_PER_CALL} events, not {len(events)}.")
    return source_id, [_read_event(event, position) for position, event in enumerate(events)]


def judge(event: Event, world: World) -> tuple[int, str, str]:
    """The event's result code, and its user and location ids as provisioned (empty unless the code is 0)."""
    user_id = world.find_user(event.user_id, event.user_email)
    if user_id is None:
        return USER_NOT_FOUND, "", ""
    location_id = world.find_location(event.location_type, event.location_id)
    if location_id is None:
        return LOCATION_NOT_FOUND, "", ""
    return SUCCESS, user_id, location_id


def result(event_id: str, code: int) -> dict[str, Any]:
    """The event's entry in `results`."""
    message = MESSAGES.get(code) or f"Rejected by the sandbox with code {code}"
    return {"eventId": event_id, "resultCode": code, "message": message}


def _read_event(event: object, position: int) -> Event:
    where = f"presenceEvents[{position}]"
    if not isinstance(event, dict):
        raise Refusal(400, f"{where} must be an object.")
    location_type = _text(event, "locationType", where)
    if location_type not in _LOCATION_TYPES:
        raise Refusal(400, f"{where}: locationType must be one of {', '.join(LOCATION_TYPES)}.")
    if ("userId" in event) == ("userEmail" in event):
        raise Refusal(400, f"{where} must have exactly one of userId and userEmail.")
    return Event(
        _text(event, "eventId", where),
        _unix_seconds(_text(event, "timestamp", where), where),
        _text(event, "locationId", where),
        location_type,
        _text(event, "sourceUserId", where) if "sourceUserId" in event else None,
        _text(event, "userId", where) if "userId" in event else None,
        _text(event, "userEmail", where) if "userEmail" in event else None,
    )


def _text(fields: dict[str, Any], name: str, where: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        problem = "is missing" if name not in fields else "must be a text that is not empty"
        raise Refusal(400, f"{where}: {name} {problem}.")
    return value


def _unix_seconds(timestamp: str, where: str) -> float:
    if _TIMESTAMP.fullmatch(timestamp):
        try:
            seconds = datetime.fromisoformat(timestamp).timestamp()
        except ValueError:  # built well, but there is no such day or hour
            seconds = math.nan
        if _EARLIEST <= seconds < _LATEST:
            return seconds
    raise Refusal(400, f"{where}: timestamp must be a time such as 2023-05-15T10:22:45Z.")
