"""Where a person and a day stand in a row of Presence Details, whose fields Calven does not publish.

The one list of the names that we recognise. Names compare without case and `_`, so `user_id` is `userId`; a person may
also stand one level down, as in `"user": {"id": ..., "email": ...}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

USER_IDS = ("userid",)
USER_EMAILS = ("useremail", "email", "emailaddress", "useremailaddress")
DAYS = ("date", "localdate", "presencedate", "day")
TIMES = ("timestamp", "occurredat", "seenat", "firstseenat", "datetime", "time")

PEOPLE = ("user", "person", "employee")
IDS_OF_PEOPLE = ("id", *USER_IDS)

Path = str  # JSON path of DuckDB: `$."user"."id"`


@dataclass(frozen=True)
class Shape:
    """Paths to look at, the best first; any may be empty."""

    user_ids: list[Path]
    user_emails: list[Path]
    days: list[Path]
    times: list[Path]


def shape_of(names: Sequence[str], names_within: Callable[[Path], Sequence[str]]) -> Shape:
    """The shape of an answer with these field names; `names_within` tells those of the objects at a path."""
    people = _paths("$", names, PEOPLE)
    ids, emails = _paths("$", names, USER_IDS), _paths("$", names, USER_EMAILS)
    for person in people:
        within = names_within(person)
        ids += _paths(person, within, IDS_OF_PEOPLE)
        emails += _paths(person, within, USER_EMAILS)
    return Shape(ids, emails, _paths("$", names, DAYS), _paths("$", names, TIMES))


def _paths(start: Path, names: Sequence[str], wanted: Sequence[str]) -> list[Path]:
    return [f'{start}."{name}"' for plain in wanted for name in _spelt(plain, names)]


def _spelt(plain: str, names: Sequence[str]) -> Iterator[str]:
    """The names that are this one but for case and `_`; letters only, so none can end the quotes of a path."""
    return (name for name in names if name.replace("_", "").lower() == plain)
