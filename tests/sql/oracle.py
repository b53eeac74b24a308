"""What becomes of a row, said a second time: plain Python, one row after the other, from the contract alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

TYPES = {"location", "level", "zone", "place", "space"}
BEYOND_CURE = {
    "malformed_row",
    "missing_timestamp",
    "invalid_timestamp",
    "future_timestamp",
    "conflicting_event_id",
}


@dataclass(frozen=True)
class World:
    """What Calven knows; ids in any case."""

    users: tuple[tuple[str, str | None], ...]
    locations: tuple[str, ...]
    desks: tuple[tuple[str, str | None, str | None], ...]

    def user(self, user_id: str | None) -> str | None:
        return next((known for known, _ in self.users if user_id and known.lower() == user_id.lower()), None)

    def bearers(self, email: str) -> list[str]:
        return [user for user, known in self.users if known == email]

    def loose_bearers(self, email: str) -> list[str]:
        return [user for user, known in self.users if known and known.lower() == email.lower()]

    def types(self, location_id: str) -> set[str]:
        named = [(location, "location") for location in self.locations]
        for desk, zone, level in self.desks:
            named += [(desk, "place"), (zone or "", "zone"), (level or "", "level")]
        return {kind for known, kind in named if known.lower() == location_id.lower()}


@dataclass(frozen=True)
class Source:
    """A source profile; the tables lead from keys in small letters to targets, None is a table that is not there."""

    name: str
    timezone: str | None = None
    people: Mapping[str, tuple[str | None, str | None]] | None = None
    places: Mapping[str, tuple[str | None, str | None]] | None = None
    corrects_case: bool = False
    keep: frozenset[str] | None = None
    default_type: str | None = None


@dataclass(frozen=True)
class Row:
    """One row of an export; all text as exported, None where it is empty."""

    timestamp: str | None = None
    event_id: str | None = None
    source_user_id: str | None = None
    user_id: str | None = None
    user_email: str | None = None
    location_id: str | None = None
    location_type: str | None = None
    place: str | None = None
    kind: str | None = None
    malformed: bool = False


@dataclass(frozen=True)
class Verdict:
    """`valid` stands for pending and accepted alike. What a valid row means: user, whether by address, place and type."""

    outcome: str
    reasons: tuple[str, ...] = ()
    user: str | None = None
    by_address: bool | None = None
    location: str | None = None
    location_type: str | None = None


@dataclass
class _Held:
    source: str
    row: Row
    verdict: Verdict


@dataclass
class Oracle:
    """Remembers rows and events over many rounds."""

    now: datetime
    _rows: list[_Held] = field(default_factory=list)
    _events: dict[object, object] = field(default_factory=dict)

    def judge(self, world: World, sources: Mapping[str, Source], new: Sequence[tuple[str, Row]]) -> list[Verdict]:
        """The verdicts of all rows so far, after a round with these new rows, each with its source's name."""
        for held in self._rows:
            is_open = held.verdict.outcome == "rejected" and not BEYOND_CURE & set(held.verdict.reasons)
            if is_open or held.verdict.outcome == "valid":  # nothing is ever sent here
                held.verdict = self._verdict(world, sources[held.source], held.row, [])
        for name, row in new:
            self._rows.append(_Held(name, row, self._first_verdict(world, sources[name], row)))
        return [held.verdict for held in self._rows]

    def _first_verdict(self, world: World, source: Source, row: Row) -> Verdict:
        if row.malformed:
            return Verdict("rejected", ("malformed_row",))
        if source.keep is not None and (row.kind or "").strip().lower() not in source.keep:
            return Verdict("ignored")
        key, content = _event(source, row)
        earlier = self._events.setdefault(key, content) if key in self._events else None
        self._events.setdefault(key, content)
        if earlier == content:
            return Verdict("duplicate")
        return self._verdict(world, source, row, ["conflicting_event_id"] if earlier else [])

    def _verdict(self, world: World, source: Source, row: Row, more: list[str]) -> Verdict:
        user, by_address, user_reasons = _user(world, source, row)
        location, kind, location_reasons = _location(world, source, row)
        reasons = (*_time_reasons(source, row, self.now), *user_reasons, *location_reasons, *more)
        return Verdict("rejected", reasons) if reasons else Verdict("valid", (), user, by_address, location, kind)


def instant(source: Source, text: str | None) -> datetime | None:
    """The moment that a time as exported means; None where it means none."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    if time.tzinfo is not None:
        return time.astimezone(UTC)
    return time.replace(tzinfo=ZoneInfo(source.timezone)).astimezone(UTC) if source.timezone else None


def _time_reasons(source: Source, row: Row, now: datetime) -> list[str]:
    if row.timestamp is None:
        return ["missing_timestamp"]
    time = instant(source, row.timestamp)
    if time is None:
        return ["invalid_timestamp"]
    return ["future_timestamp"] if time > now + timedelta(minutes=10) else []


def _type(source: Source, row: Row) -> str | None:
    kind = row.location_type or source.default_type
    return kind.lower() if kind else None


def _event(source: Source, row: Row) -> tuple[object, object]:
    """What makes two rows the same event, and what makes them the same in content."""
    who = (row.source_user_id, (row.user_id or "").lower(), row.user_email)
    where = ((row.location_id or "").lower(), _type(source, row), row.place)
    content = (instant(source, row.timestamp) or row.timestamp, who, where)
    return (row.event_id.lower() if row.event_id else (source.name, content)), content


def _user(world: World, source: Source, row: Row) -> tuple[str | None, bool, list[str]]:
    user_id, email = row.user_id, row.user_email
    if not user_id and not email:
        if source.people is None or row.source_user_id is None:
            return None, False, ["missing_user"]
        user_id, email = source.people.get(row.source_user_id.lower(), (None, None))
        if not user_id and not email:
            return None, False, ["unmapped_person"]
    known = world.user(user_id)
    exact, loose = (world.bearers(email), world.loose_bearers(email)) if email else ([], [])
    reasons = []
    if (user_id and not known) or (email and not loose):
        reasons.append("unknown_user")
    if loose and not exact and not source.corrects_case:
        reasons.append("email_case_mismatch")
    if not user_id and (len(exact) > 1 or (not exact and len(loose) > 1 and source.corrects_case)):
        reasons.append("ambiguous_user")
    if known and loose and known not in (exact or loose):
        reasons.append("user_conflict")
    return known or next(iter(exact or loose), None), known is None, reasons


def _location(world: World, source: Source, row: Row) -> tuple[str | None, str | None, list[str]]:
    location_id, kind = row.location_id, _type(source, row)
    if not location_id:
        if source.places is None or row.place is None:
            return None, None, ["missing_location"]
        location_id, mapped_kind = source.places.get(row.place.lower(), (None, None))
        kind = mapped_kind.lower() if mapped_kind else kind
        if not location_id:
            return None, None, ["unmapped_place"]
    if kind == "space":
        return location_id, kind, []
    types = world.types(location_id)
    reasons = [] if types else ["unknown_location"]
    if kind not in TYPES:
        reasons.append("invalid_location_type")
    elif types and kind not in types:
        reasons.append("location_type_mismatch")
    return location_id, kind, reasons
