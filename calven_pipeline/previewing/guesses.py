"""Which columns name the person, the place and the outcome, by their names and values.

What may surprise: an outcome that no word gives away is listed neither as granted nor as ignored. It stays in a comment
until a person decides, since a denied access must never become presence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from calven_pipeline.previewing.samples import Sample

LEAST_SHARE = 0.7
MOST_OUTCOMES = 40
LONGEST_OUTCOME = 60
MOST_WORDS = 4.5  # of an outcome, on average; a sentence tells of a person
MOST_DIRECTIONS = 8
MOST_LISTED = 12

PERSON_WORDS = (
    "badge", "card", "employee", "emp", "person", "holder", "credential", "token", "user", "staff", "member", "owner",
    "carte", "karte", "ausweis", "tarjeta", "matricul", "mitarbeiter",
)  # fmt: skip
NO_PERSON = ("name", "type", "email", "group", "company", "agent")
PLACE_WORDS = (
    "door", "reader", "peripheral", "where", "secondaryobject", "portal", "gate", "asset", "access_point", "ap_name", "apmac",
    "device", "object", "zone", "area", "room", "desk", "floor", "level", "location", "building", "site", "place", "panel",
    "porte", "lecteur", "tür", "leser", "puerta", "lector", "étage", "raum",
)  # fmt: skip
NO_PLACE = ("type", "time", "email", "user")
ABOVE_PLACE = ("site", "building")
OUTCOME_WORDS = (
    "result",
    "outcome",
    "status",
    "descr",
    "evt",
    "event",
    "action",
    "condition",
    "access",
    "message",
    "type",
    "grant",
)
DIRECTION_WORDS = ("direction", "in_out", "inout", "entry_exit")
NETWORK_WORDS = ("ssid", "wlan")
GENERAL_WORDS = ("id", "name", "uid", "mac", "key", "number")

DENIED = re.compile(
    r"\b(?:not|no|un)\b|den(?:y|ied|ial)|reject|refus|fail|invalid|wrong|exit|out\b|forced|held|prop\b|left open|unknown|expired"
    r"|inactive|lost|stolen|blocked|revoked|violat|deactivat|remote|timeout|error|tamper|alarm|(?:^|\b)(?:false|n)$",
    re.IGNORECASE,
)
GRANTED = re.compile(
    r"grant|^access by\b|(?<!in)valid|unlock|success|admit|accept|permit|allow|authori[sz]ed|normal|badge ?in|entry|(?:^|\b)(?:true|yes|y|ok|in)$",
    re.IGNORECASE,
)
OUT = re.compile(r"(?:^|[^a-z])(?:out(?:bound)?|exit|leave|leaving)(?:$|[^a-z])", re.IGNORECASE)
INWARDS = re.compile(r"(?:^|[^a-z])(?:in(?:bound)?|entry|enter)(?:$|[^a-z])", re.IGNORECASE)
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
IDENTIFIER = re.compile(r"[\w.:/-]*\d[\w.:/-]*")


@dataclass(frozen=True)
class OutcomeGuess:
    """What the values of one column say: presence, no presence, or nothing that we understand."""

    column: str
    granted: tuple[str, ...]
    ignored: tuple[str, ...]
    open: tuple[str, ...]


def guess_address(sample: Sample) -> str | None:
    """The column of addresses, if there is one."""
    return _best(
        (name for name in sample.columns if _share(sample.filled(name), ADDRESS) >= LEAST_SHARE),
        ("email", "mail", "user"),
    )


def guess_person(sample: Sample, taken: Iterable[str]) -> tuple[tuple[str, ...], bool]:
    """The column (or columns) of badge or employee numbers, else of names; and whether the guess is a good one."""
    free = [name for name in sample.columns if name not in set(taken)]
    numbered = [
        name
        for name in free
        if _holds(name, PERSON_WORDS)
        and not _holds(name, NO_PERSON)
        and _share(sample.filled(name), IDENTIFIER) >= LEAST_SHARE
    ]
    if numbered:
        return (_best(numbered, PERSON_WORDS) or numbered[0],), True
    last, first = (
        next((n for n in free if _holds(n, words)), None) for words in (("last", "surname"), ("first", "fore"))
    )
    if last and first:
        return (last, first), True
    named = [name for name in free if _holds(name, PERSON_WORDS) and sample.filled(name)]
    if named:
        return (_best(named, PERSON_WORDS) or named[0],), True
    return (), False


def guess_place(sample: Sample, taken: Iterable[str]) -> tuple[str, ...]:
    """The column of doors, readers or access points, with the site before it where there is one."""
    free = [
        name
        for name in sample.columns
        if name not in set(taken) and _holds(name, PLACE_WORDS) and not _holds(name, NO_PLACE) and sample.filled(name)
    ]
    best = _best(free, PLACE_WORDS)
    if best is None:
        return ()
    above = next(
        (name for name in free if name != best and _holds(name, ABOVE_PLACE) and "id" not in name.lower()), None
    )
    return (above, best) if above else (best,)


def guess_outcomes(sample: Sample, taken: Iterable[str]) -> list[OutcomeGuess]:
    """What marks presence: the column whose values are best understood, then directions and networks."""
    judged = []
    for name in sample.columns:
        values = list(dict.fromkeys(sample.filled(name)))
        if name in set(taken) or not _may_be_outcomes(values) or _is_direction(name, values):
            continue
        guess = _judged(name, values)
        understood = len(guess.granted) + len(guess.ignored)
        if guess.granted and understood * 2 >= len(values):
            judged.append((_holds(name, OUTCOME_WORDS), understood / len(values), bool(guess.ignored), guess))
    best = max(judged, key=lambda item: item[:3], default=None)
    found = [best[3]] if best else []
    return [*found, *_directions(sample, taken), *_networks(sample, taken)]


def _may_be_outcomes(values: Sequence[str]) -> bool:
    if not 0 < len(values) <= MOST_OUTCOMES or max(map(len, values)) > LONGEST_OUTCOME:
        return False
    return sum(len(re.findall(r"\w+", value)) for value in values) <= MOST_WORDS * len(values)


def _is_direction(name: str, values: Sequence[str]) -> bool:
    all_told = all(OUT.search(value) or INWARDS.search(value) for value in values)
    return bool(values) and len(values) <= MOST_DIRECTIONS and (all_told or _holds(name, DIRECTION_WORDS))


def _judged(name: str, values: Sequence[str]) -> OutcomeGuess:
    granted, ignored, left = [], [], []
    for value in {value.lower(): value for value in values}.values():
        if DENIED.search(value):
            ignored.append(value)
        elif GRANTED.search(value):
            granted.append(value)
        else:
            left.append(value)
    return OutcomeGuess(name, tuple(granted), tuple(ignored), tuple(left))


def _directions(sample: Sample, taken: Iterable[str]) -> list[OutcomeGuess]:
    for name in sample.columns:
        values = list(dict.fromkeys(sample.values[name]))
        filled = [value for value in values if value]
        if name in set(taken) or not _is_direction(name, filled):
            continue
        leaving = tuple(value for value in filled if OUT.search(value))
        coming = tuple(value for value in filled if INWARDS.search(value) and value not in leaving)
        if not leaving or not coming:
            continue
        left = tuple(value for value in filled if value not in {*leaving, *coming})
        return [OutcomeGuess(name, (*coming, *([""] if "" in values else [])), leaving, left)]
    return []


def _networks(sample: Sample, taken: Iterable[str]) -> list[OutcomeGuess]:
    """Guests, and devices in no network, are no presence; of several others the first is taken, for a person to judge."""
    name = next((name for name in sample.columns if _holds(name, NETWORK_WORDS) and name not in set(taken)), None)
    if name is None:
        return []
    values = sorted(set(sample.filled(name)), key=lambda value: -sample.values[name].count(value))
    ours = [value for value in values if "guest" not in value.lower()]
    return [OutcomeGuess(name, tuple(ours[:1]), ("*guest*", ""), tuple(ours[1:MOST_LISTED]))] if ours else []


def _holds(name: str, words: Iterable[str]) -> bool:
    return any(word in _plain(name) for word in words)


def _best(names: Iterable[str], words: Sequence[str]) -> str | None:
    """The name with the word that stands first in `words`; among these the shorter one, then the one on the left."""
    order = {name: next((i for i, word in enumerate(words) if word in _plain(name)), len(words)) for name in names}
    return min(order, key=lambda name: (order[name], len(name)), default=None)


def _plain(name: str) -> str:
    """What says most of a name: of `device.location.id` the last two words, of `user.email` the last."""
    *above, last = name.lower().replace(" ", "_").split(".")
    return f"{above[-1]}.{last}" if above and last in GENERAL_WORDS else last


def _share(values: Sequence[str], pattern: re.Pattern[str]) -> float:
    return sum(pattern.fullmatch(value) is not None for value in values) / len(values) if values else 0.0
