"""Who is meant by a user id, an address or a badge number, and which rows are theirs.

What may surprise: an address or a badge may stand for several people, one after the other or at a time. Rows of which validation
said whom they mean are that person's; of those that mean nobody (rejected, ignored), only what carries something that stands for
this person alone by now. Nobody is taken for somebody else in silence: what is shared is counted, or refused.
No error here repeats what was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duckdb import ColumnExpression

from calven_pipeline.errors import RequestError
from calven_pipeline.exports.fields import normalized
from calven_pipeline.validation.spellings import can_be_repeated
from calven_pipeline.warehouse.database import WorkingDatabase


@dataclass(frozen=True)
class Asked:
    """Who is asked for: exactly one of `user_id`, `email` and `badge`; `source` narrows a badge to one source."""

    user_id: str | None = None
    email: str | None = None
    badge: str | None = None
    source: str | None = None

    @classmethod
    def of(
        cls,
        user_id: str | None = None,
        email: str | None = None,
        badge: str | None = None,
        source: str | None = None,
    ) -> Asked:
        """Without outer spaces; raises `RequestError` where that names nobody, or in two ways."""
        asked = cls(*(text.strip() or None if text else None for text in (user_id, email, badge, source)))
        if sum(text is not None for text in (asked.user_id, asked.email, asked.badge)) != 1:
            raise RequestError("Say who is meant by exactly one of user_id, email and badge.")
        if asked.source and not asked.badge:
            raise RequestError(
                "A source goes with a badge number only: a user id or an address is the same in all of them."
            )
        return asked

    @property
    def kind(self) -> str:
        """What is asked by, in words."""
        return "user id" if self.user_id else "address" if self.email else "badge number"


@dataclass(frozen=True)
class Found:
    """What is known of who was asked for, in counts; the temp tables `person` and `person_rows` hold the rest.

    `mention` is a pattern for texts that name the person, None where nothing is safe to look for. `rows_left` carry only what
    stands for several people, and are nobody's; of `rows`, some `rows_naming_others` as well, and `malformed_rows` may.
    `files` are the exports that the rows come from, without those whose very name tells who; `people_tables` are the sources
    whose people table names the person.
    """

    mention: str | None
    rows: int
    rows_not_judged: int
    malformed_rows: int
    rows_naming_others: int
    rows_left: int
    addresses_shared: int
    badges_shared: int
    files: dict[str, int]
    files_named_for_them: int
    people_tables: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """The numbers, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, int)}


def find_person(database: WorkingDatabase, asked: Asked) -> Found:
    """Fill the temp tables `person` and `person_rows`.

    Raises `RequestError` where nobody is found, or where what was asked for stands for several people.
    """
    if asked.source is not None and (asked.source,) not in database.rows("requests/known_sources"):
        raise RequestError(
            "No row was read from a source of that name. See `source` in `export_files` for those there are."
        )
    _look_up(database, asked)
    database.run("persons/create_person", _meant(database, asked))
    ((mention, field),) = database.rows("persons/patterns")
    person_id = database.value("persons/person_id")
    with database.joins_as_written():
        database.run("persons/create_person_rows", {"id": person_id, "mention": mention, "field": field})
    if not database.value("persons/is_known", {"mention": mention}):
        raise RequestError(
            f"Nobody was found by that {asked.kind}: no user, no row of an export, and nothing that Calven reported. Nothing was done."
        )
    return _found(database, mention)


def _look_up(database: WorkingDatabase, asked: Asked) -> None:
    """Whom every address and badge stands for, in temporary tables."""
    database.run("persons/create_everyone")
    database.run("persons/create_seen_with")
    database.run("persons/create_address_owners")
    _spell_badges(database, asked)
    database.run("persons/create_badge_owners")


def _spell_badges(database: WorkingDatabase, asked: Asked) -> None:
    """Let `badges` know every badge as it was staged, also those that were read before their profile normalised them."""
    database.run("validation/forget_spellings")
    for source, ours, steps in database.rows("validation/sources_with_steps"):
        if ours == "source_user_id" and can_be_repeated(steps):
            _spell_badges_of(database, source, steps, asked)
    database.run("validation/lookup_badges")


def _spell_badges_of(database: WorkingDatabase, source: str, steps: Sequence[str], asked: Asked) -> None:
    database.run("persons/find_written", {"source": source, "badge": asked.badge})
    staged = ColumnExpression("staged")
    written = database.connection.table("temp.written")
    spelled = written.select(staged, normalized(staged, steps).alias("spelling"))
    with database.relation("written_again", spelled):
        database.run("validation/add_spellings", {"source": source, "ours": "source_user_id"})


def _meant(database: WorkingDatabase, asked: Asked) -> dict[str, str | None]:
    """The one user who is meant, if it is one; else the address or badge that stands for nobody in Calven."""
    if asked.user_id:
        return _one(user_id=asked.user_id.lower())
    if asked.email:
        return _meant_by_address(database, asked.email)
    return _meant_by_badge(database, asked)


def _meant_by_address(database: WorkingDatabase, email: str) -> dict[str, str | None]:
    holders = [user_id for (user_id,) in database.rows("persons/holders_of_address", {"email": email})]
    if len(holders) > 1 or holders == [None]:
        raise RequestError(
            "That address stands, or stood, for more than one user, so nothing was done. Say who is meant by user_id: see `users`."
        )
    return _one(user_id=holders[0]) if holders else _one(address=email)


def _meant_by_badge(database: WorkingDatabase, asked: Asked) -> dict[str, str | None]:
    holders = database.rows("persons/holders_of_badge", {"badge": asked.badge, "source": asked.source})
    people = {(user_id, None if user_id else address) for _, user_id, address in holders}
    if len(people) > 1:
        sources = ", ".join(dict.fromkeys(source for source, *_ in holders))
        raise RequestError(
            f"That badge number stands for different people in the sources {sources}, so nothing was done. Add the source, or "
            "say who is meant by user_id or email."
        )
    if (None, None) in people:
        raise RequestError(
            "That badge number was used by more than one person, so nothing was done. Say who is meant by user_id or email."
        )
    user_id, address = next(iter(people), (None, None))
    return _one(user_id=user_id, address=address, badge=asked.badge, source=asked.source)


def _one(
    *, user_id: str | None = None, address: str | None = None, badge: str | None = None, source: str | None = None
) -> dict[str, str | None]:
    return {"id": user_id, "address": address, "badge": badge, "source": source}


def _found(database: WorkingDatabase, mention: str | None) -> Found:
    rows, rows_not_judged, malformed_rows, rows_naming_others, rows_left = database.rows("persons/count_held")[0]
    addresses_shared, badges_shared = database.rows("persons/count_shared")[0]
    files = database.rows("persons/files_of_person")
    return Found(
        mention,
        rows,
        rows_not_judged,
        malformed_rows,
        rows_naming_others,
        rows_left,
        addresses_shared,
        badges_shared,
        files={name: row_count for name, row_count in files if name is not None},
        files_named_for_them=sum(1 for name, _ in files if name is None),
        people_tables=tuple(source for (source,) in database.rows("persons/mapping_sources")),
    )
