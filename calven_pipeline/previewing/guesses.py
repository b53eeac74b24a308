"""Which columns name the person, the place and the outcome, by their names and values.

What may surprise: an outcome that no word gives away is listed neither as granted nor as ignored. It stays in a comment
until a person decides, since a denied access must never become presence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
NO_DIRECTION = ("time", "date")
OUTCOME_WORDS = (
    "result", "résultat", "ergebnis", "outcome", "esito", "grant", "authori", "allowed", "permit", "valid", "success", "status",
    "statut", "estado", "condition", "descr", "action", "aktion", "acción", "azione", "evt", "event", "événem", "evènem",
    "ereignis", "vorgang", "meldung", "message", "reason", "zutritt", "acces", "accès", "type",
)  # fmt: skip
SURE_OUTCOME = ("result", "outcome", "status", "descr", "event", "evt", "action", "condition", "message", "grant")
NO_OUTCOME = (
    "time", "date", "email", "mail", "company", "group", "depart", "team", "city", "country", "phone", "zeit", "datum", "heure", "fecha",
    "prénom", "nom", "abteilung", "firma", "number", "mac", "id", "no", "nr", "uid", "uuid", "key", "seq", "eventid", "messageid",
)  # fmt: skip
NETWORK_WORDS = ("ssid", "wlan")
GENERAL_WORDS = ("id", "name", "uid", "mac", "key", "number")
PUT_OUTCOMES = "put the words of presence here"
PUT_DIRECTIONS = "put the words for coming in here"
PUT_NETWORKS = "name of your company's network"

PERMISSION = (
    r"(?:grant(?:s|ed|ing)?|valid(?:ated)?|success(?:ful(?:ly)?)?|succeeded|admit(?:s|ted)?|accept(?:s|ed)?|permit(?:s|ted)"
    r"|allow(?:s|ed)?|authori[sz]ed|approved|badged? in|access by)"
)
ORDINARY = r"(?:entry|entered|normal (?:transaction|access|entry))"  # presence, where nothing else is said
BARE_YES = re.compile(r"true|yes|y|ok|in", re.IGNORECASE)
BARE_NO = re.compile(r"false|no|n|out", re.IGNORECASE)
NEGATED = re.compile(
    rf"\b(?:(?:un|dis|ab|in|mis|de)-?|non[- ]?|(?:not|no|never) (?:\w+ )?)(?:{PERMISSION}|normal)\b", re.IGNORECASE
)
DENIED = re.compile(
    r"\b(?:not|no|non|never|without|cannot|\w+n't|un|out|prop|egress|leaves?|leaving|left|bad|void|nicht|kein\w*|pas|sin)\b"
    r"|den(?:y|ied|ial)|reject|refus|fail|invalid|wrong|exit|timeout|check-?out|forced|\bheld\b|unknown|expired|inactive|\blost\b"
    r"|stolen|blocked|revoked|violat|deactivat|disabled|suspend|remote|error|tamper|alarm|prohibit|forbid|restrict|unable"
    r"|verweiger|abgelehnt|abgewiesen|gesperrt|ungültig|deneg|denied|rechaz|negad|negat|rifiut|vietat|rejet|interdit|recus",
    re.IGNORECASE,
)
DOUBTFUL = re.compile(r"\bunlocked\b|schedul", re.IGNORECASE)  # a door may be open for nobody
GRANTED = re.compile(rf"\b{PERMISSION}\b", re.IGNORECASE)
ENTERED = re.compile(rf"\b{ORDINARY}\b", re.IGNORECASE)

IS_DIRECTION = re.compile(
    r"direction|\b(?:in ?(?:or )?out|entry ?exit|richtung|sens|sentido|direcci[oó]n|direzione|direç[aã]o|kommen ?gehen)\b",
    re.IGNORECASE,
)
OUT = re.compile(
    r"\b(?:out(?:bound|wards?|side)?|exit(?:s|ed|ing)?|leaves?|leaving|egress|departures?|check ?out|salidas?|sa[ií]das?|sorties?|uscit[ae]|d[eé]parts?"
    r"|ausgang|austritt|gehen)\b|^(?:aus|g|s)$",
    re.IGNORECASE,
)
INWARDS = re.compile(
    r"\b(?:in(?:bound|wards?|side)?|entry|entries|enter(?:s|ed|ing)?|entrance|ingress|arrivals?|check ?in|entradas?|entr[eé]es?|entrat[ae]|ingress[oi]"
    r"|arriv[eé]es?|eingang|eintritt|zutritt|kommen)\b|^(?:ein|k|e)$",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
IDENTIFIER = re.compile(r"[\w.:/-]*\d[\w.:/-]*")


@dataclass(frozen=True)
class OutcomeGuess:
    """What the values of one column say: presence, no presence, or nothing that we understand (`open`).

    `to_put` stands for the words of presence where none is known: nothing counts until a person has written them.
    """

    column: str
    granted: tuple[str, ...]
    ignored: tuple[str, ...]
    open: tuple[str, ...]
    to_put: str = PUT_OUTCOMES


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


def guess_outcomes(sample: Sample, taken: Iterable[str], named: Iterable[str] = ()) -> list[OutcomeGuess]:
    """What marks presence: the column whose values are best understood, else the likeliest; then directions and networks.

    `taken` holds the columns of the time, `named` those of person and place.
    """
    judged = []
    for name, values in _candidates(sample, taken):
        guess = _judged(name, values)
        understood = len(guess.granted) + len(guess.ignored)
        if guess.granted and understood * 2 >= len(values):
            judged.append((_holds(name, OUTCOME_WORDS), understood / len(values), bool(guess.ignored), guess))
    best = max(judged, key=lambda item: item[:3], default=None)
    found = [best[3]] if best else []
    directions, networks = _directions(sample, taken), _networks(sample, taken)
    if best is None:
        others = {*taken, *named, *(guess.column for guess in (*directions, *networks))}
        likeliest = _likeliest(sample, others, by_name=bool(networks))
        found = [likeliest] if likeliest else []
    return [*found, *directions, *networks]


def _candidates(sample: Sample, taken: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """The columns that may tell outcomes, with their values."""
    for name in sample.columns:
        values = list(dict.fromkeys(sample.filled(name)))
        if name not in set(taken) and _may_be_outcomes(values) and not _is_direction(name, values):
            yield name, values


def _likeliest(sample: Sample, taken: Iterable[str], *, by_name: bool) -> OutcomeGuess | None:
    """The column that most likely tells outcomes, in words that we do not know: by its name, else because it has few values."""
    free = [name for name in sample.columns if name not in set(taken) and not _names_something(name)]
    named = [name for name in free if _holds(name, OUTCOME_WORDS) and sample.filled(name)]
    few = [] if by_name else [name for name in free if _are_few(sample.filled(name))]
    several = [name for name in named if len(set(sample.filled(name))) > 1]
    best = _best(several or named or few, OUTCOME_WORDS)
    if best is None:
        return None
    values = _distinct(sample, best)
    return _judged(best, values) if _may_be_outcomes(values) else OutcomeGuess(best, (), (), ())


def _names_something(name: str) -> bool:
    """Whether a name tells that its column holds a time, a number, a name, or what a person or a door is."""
    words = re.findall(r"[^\W_]+", _spaced(name))
    if any(word.startswith(("time", "date", "zeit")) or word.endswith(("name", "time", "date")) for word in words):
        return True
    return bool({*NO_OUTCOME} & {*words}) or (
        _holds(name, (*PERSON_WORDS, *PLACE_WORDS)) and not _holds(name, SURE_OUTCOME)
    )


def _are_few(values: Sequence[str]) -> bool:
    """Two or more words that come again and again."""
    found = set(values)
    return 1 < len(found) <= MOST_LISTED and len(found) * 2 <= len(values) and not _share(values, IDENTIFIER)


def _may_be_outcomes(values: Sequence[str]) -> bool:
    if not 0 < len(values) <= MOST_OUTCOMES or max(map(len, values)) > LONGEST_OUTCOME:
        return False
    return sum(len(re.findall(r"\w+", value)) for value in values) <= MOST_WORDS * len(values)


def _judged(name: str, values: Sequence[str]) -> OutcomeGuess:
    """What each value says; a bare yes or no only where the column's name says of what."""
    is_asked = _holds(name, OUTCOME_WORDS)
    granted: list[str] = []
    ignored: list[str] = []
    left: list[str] = []
    for value in {value.lower(): value for value in values}.values():
        found = _verdict(value, is_asked=is_asked)
        (left if found is None else granted if found else ignored).append(value)
    return OutcomeGuess(name, tuple(granted), tuple(ignored), tuple(left))


def _verdict(value: str, *, is_asked: bool) -> bool | None:
    """True for presence, False for none, None for what says both or nothing that is known."""
    text = _spaced(value)
    if BARE_YES.fullmatch(text) or BARE_NO.fullmatch(text):
        return BARE_YES.fullmatch(text) is not None if is_asked else None
    rest = NEGATED.sub("", text)
    denied = rest != text or DENIED.search(rest) is not None
    granted = GRANTED.search(rest) is not None
    if DOUBTFUL.search(rest) or denied == granted:
        return None if denied or DOUBTFUL.search(rest) or not ENTERED.search(rest) else True
    return granted


def _spaced(text: str) -> str:
    """Words apart, in lower case: of `CardAdmitted`, `card_admitted` and `in/out` too."""
    return re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])|[_/.\s]+", " ", text).strip().lower()


def _is_direction(name: str, values: Sequence[str]) -> bool:
    """Whether the name says so; or every value says in or out, and both are there."""
    if not values or len(values) > MOST_OUTCOMES or _holds(name, NO_DIRECTION):
        return False
    if IS_DIRECTION.search(_spaced(name)):
        return True
    told = [(_goes_out(value), _comes_in(value)) for value in values]
    return len(values) <= MOST_DIRECTIONS and all(map(any, told)) and len({out for out, _ in told}) > 1


def _goes_out(value: str) -> bool:
    return OUT.search(_spaced(value)) is not None


def _comes_in(value: str) -> bool:
    return INWARDS.search(_spaced(value)) is not None and not _goes_out(value)


def _directions(sample: Sample, taken: Iterable[str]) -> list[OutcomeGuess]:
    """The columns whose names say so, else the first whose values do; what is neither in nor out stays open."""
    names = [name for name in sample.columns if name not in set(taken) and _is_direction(name, _distinct(sample, name))]
    named = [name for name in names if IS_DIRECTION.search(_spaced(name))]
    return [_direction(sample, name) for name in named or names[:1]]


def _direction(sample: Sample, name: str) -> OutcomeGuess:
    values = _distinct(sample, name)
    leaving = tuple(value for value in values if _goes_out(value))
    coming = tuple(value for value in values if _comes_in(value) and not DENIED.search(_spaced(value)))
    left = tuple(value for value in values if value not in {*leaving, *coming})
    missing = ("",) if coming and "" in sample.values[name] else ()
    return OutcomeGuess(name, coming, leaving, (*left, *missing), PUT_DIRECTIONS)


def _distinct(sample: Sample, name: str) -> list[str]:
    return list(dict.fromkeys(sample.filled(name)))


def _networks(sample: Sample, taken: Iterable[str]) -> list[OutcomeGuess]:
    """Guests, and devices in no network, are no presence; which of the others are the company's, only a person can tell."""
    name = next((name for name in sample.columns if _holds(name, NETWORK_WORDS) and name not in set(taken)), None)
    return [] if name is None else [OutcomeGuess(name, (), ("*guest*", ""), seen_networks(sample, name), PUT_NETWORKS)]


def seen_networks(sample: Sample, name: str) -> tuple[str, ...]:
    """The networks of a column that are not by name for guests, the one seen most first."""
    counts = Counter(value for value in sample.filled(name) if "guest" not in value.lower())
    return tuple(value for value, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])))[:MOST_LISTED]


def _holds(name: str, words: Iterable[str]) -> bool:
    return any(word in _plain(name) for word in words)


def _best(names: Iterable[str], words: Sequence[str]) -> str | None:
    """The name with the word that stands first in `words`; among these the shorter one, then the one on the left."""
    order = {name: next((i for i, word in enumerate(words) if word in _plain(name)), len(words)) for name in names}
    return min(order, key=lambda name: (order[name], len(name)), default=None)


def _plain(name: str) -> str:
    """What says most of a name: of `device.location.id` the last two words, of `user.email` the last."""
    *above, last = re.split(r"\.(?=\w)", name.lower().replace(" ", "_"))
    return f"{above[-1]}.{last}" if above and last in GENERAL_WORDS else last


def _share(values: Sequence[str], pattern: re.Pattern[str]) -> float:
    return sum(pattern.fullmatch(value) is not None for value in values) / len(values) if values else 0.0
