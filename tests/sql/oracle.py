"""What becomes of a row, said a second time: plain Python, one row after the other, from the contract alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
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
    """A source profile; the tables lead from keys in small letters to targets, None is a table that is not there.

    `outcomes` leads from entries for the column `access` to `granted` or `ignored`; None where the profile lists nothing.
    """

    name: str
    timezone: str | None = None
    people: Mapping[str, tuple[str | None, str | None]] | None = None
    places: Mapping[str, tuple[str | None, str | None]] | None = None
    corrects_case: bool = False
    keep: frozenset[str] | None = None
    default_type: str | None = None
    outcomes: Mapping[str, str] | None = None
    fallback: tuple[str, str] | None = None
    collapses: bool = False

    def outcome(self, access: str | None) -> str:
        """What the entry that is closest to the value says: the very same, else the longest pattern, `ignored` among equals."""
        if self.outcomes is None:
            return "granted"
        value = (access or "").strip().lower()
        fitting = [(entry, says) for entry, says in self.outcomes.items() if fits(entry.lower(), value, "*")]
        if not value:
            fitting = [(entry, says) for entry, says in fitting if not entry]
        ranked = [("*" not in entry, len(entry.replace("*", "")), says == "ignored", says) for entry, says in fitting]
        return max(ranked)[-1] if ranked else "unlisted"

    def target(self, place: str | None) -> tuple[str | None, str | None] | None:
        """Where the places table says that a door is; None where it says nothing of it."""
        if self.places is None or place is None:
            return None
        door = place.lower()
        if door in self.places:
            return self.places[door]
        fitting = [key for key in self.places if re.search("[*?]", key) and fits(key, door, "*?")]
        return self.places[max(fitting, key=lambda key: len(re.sub("[*?]", "", key)))] if fitting else None


def fits(pattern: str, value: str, wildcards: str) -> bool:
    """Whether a pattern stands for a value."""
    meaning = {"*": ".*", "?": "."}
    parts = [meaning[letter] if letter in wildcards else re.escape(letter) for letter in pattern]
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


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
    access: str | None = None
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


SET_ASIDE = Verdict("rejected", ("unlisted_outcome",))
IGNORED = Verdict("ignored")
COLLAPSED = Verdict("ignored", ("collapsed",))


@dataclass(eq=False)
class _Held:
    source: str
    row: Row
    verdict: Verdict = SET_ASIDE
    was_unlisted: bool = False  # when it was read

    @property
    def counts(self) -> bool:
        return self.verdict not in (SET_ASIDE, IGNORED)


@dataclass
class Oracle:
    """Remembers rows and events over many rounds."""

    now: datetime
    _rows: list[_Held] = field(default_factory=list)
    _events: dict[object, tuple[_Held, object]] = field(default_factory=dict)
    _inputs: object = None

    def judge(self, world: World, sources: Mapping[str, Source], new: Sequence[tuple[str, Row]]) -> list[Verdict]:
        """The verdicts of all rows so far, after a round with these new rows, each with its source's name."""
        inputs = repr((world, sources))
        listed: list[_Held] = []
        fresh: list[_Held] = []
        if inputs != self._inputs:
            listed = self._relisted(sources)
            fresh = [held for held in self._rows if _may_change(held.verdict) and held not in listed]
            for held in fresh:  # nothing is ever sent here
                held.verdict = self._verdict(world, sources[held.source], held.row, [])
            for held in listed:
                if not held.was_unlisted:
                    held.verdict = self._verdict_of_event(world, sources[held.source], held)
        self._inputs = inputs
        for name, row in new:
            held = _Held(name, row)
            held.verdict = self._first_verdict(world, sources[name], held)
            held.was_unlisted = held.verdict == SET_ASIDE
            self._rows.append(held)
            fresh.append(held)
        for held in listed:
            if held.was_unlisted:  # any other row of its event comes first
                held.verdict = self._verdict_of_event(world, sources[held.source], held)
        self._collapse(sources, [*fresh, *listed])
        return [held.verdict for held in self._rows]

    def _relisted(self, sources: Mapping[str, Source]) -> list[_Held]:
        """Sets aside or ignores what is so by now; the rows that count from now on, or may be the event of a row that does not."""
        unlisted = [(held, sources[held.source].outcome(held.row.access)) for held in self._rows if held.was_unlisted]
        listed = [held for held, says in unlisted if says == "granted" and not held.counts]
        lost = set()
        for held, says in unlisted:
            if says != "granted":
                key, _ = _event(sources[held.source], held.row)
                if key in self._events and self._events[key][0] is held:
                    del self._events[key]
                    lost.add(key)
                held.verdict = IGNORED if says == "ignored" else SET_ASIDE
        repeats = [
            held for held in self._rows if _is_repeat(held) and _event(sources[held.source], held.row)[0] in lost
        ]
        return [held for held in self._rows if held in listed or held in repeats]

    def _first_verdict(self, world: World, source: Source, held: _Held) -> Verdict:
        row = held.row
        if row.malformed:
            return Verdict("rejected", ("malformed_row",))
        if source.keep is not None and (row.kind or "").strip().lower() not in source.keep:
            return IGNORED
        says = source.outcome(row.access)
        if says != "granted":
            return IGNORED if says == "ignored" else SET_ASIDE
        return self._verdict_of_event(world, source, held)

    def _verdict_of_event(self, world: World, source: Source, held: _Held) -> Verdict:
        key, content = _event(source, held.row)
        first, first_content = self._events.setdefault(key, (held, content))
        if first is not held and first_content == content:
            return Verdict("duplicate")
        return self._verdict(world, source, held.row, ["conflicting_event_id"] if first is not held else [])

    def _collapse(self, sources: Mapping[str, Source], fresh: Sequence[_Held]) -> None:
        """Of the rows judged in this round, those of collapsing sources that stand beside another event of the day."""
        firsts: dict[object, _Held] = {}
        judged = {id(held) for held in fresh}
        covered = {
            _day(sources[h.source], h) for h in self._rows if h.verdict.outcome == "valid" and id(h) not in judged
        }
        in_time = sorted(
            (held for held in self._rows if id(held) in judged and held.verdict.outcome == "valid"),
            key=lambda held: instant(sources[held.source], held.row.timestamp) or self.now,
        )
        for held in in_time:
            first = firsts.setdefault(_day(sources[held.source], held), held)
            if sources[held.source].collapses and (first is not held or _day(sources[held.source], held) in covered):
                held.verdict = COLLAPSED

    def _verdict(self, world: World, source: Source, row: Row, more: list[str]) -> Verdict:
        user, by_address, user_reasons = _user(world, source, row)
        location, kind, location_reasons = _location(world, source, row)
        reasons = (*_time_reasons(source, row, self.now), *user_reasons, *location_reasons, *more)
        return Verdict("rejected", reasons) if reasons else Verdict("valid", (), user, by_address, location, kind)


def _may_change(verdict: Verdict) -> bool:
    """Whether new reference data, tables or rules can make another verdict of it."""
    is_open = verdict.outcome == "rejected" and verdict != SET_ASIDE and not BEYOND_CURE & set(verdict.reasons)
    return is_open or verdict.outcome == "valid" or verdict == COLLAPSED


def _is_repeat(held: _Held) -> bool:
    return held.verdict.outcome == "duplicate" or "conflicting_event_id" in held.verdict.reasons


def _day(source: Source, held: _Held) -> tuple[str, str, str | None, date]:
    """The person, the place and the local day of a valid row."""
    time = datetime.fromisoformat(held.row.timestamp or "")
    if source.timezone:
        time = time if time.tzinfo else time.replace(tzinfo=ZoneInfo(source.timezone))
        time = time.astimezone(ZoneInfo(source.timezone))
    verdict = held.verdict
    return str(verdict.user).lower(), str(verdict.location).lower(), verdict.location_type, time.date()


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
        target = source.target(row.place)
        if target is None and source.fallback:
            target = source.fallback
        elif source.places is None or row.place is None:
            return None, None, ["missing_location"]
        location_id, mapped_kind = target or (None, None)
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
