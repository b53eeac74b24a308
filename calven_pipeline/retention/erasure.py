"""One person forgotten: their rows, what Calven said of them, and every text of others that names them.

What may surprise: the rows are written down by number first, in one transaction with all else, and none of them is sent or judged
from then on. Killed at any point after, the next run that forgets or removes anything finishes the work; killed before, nothing has
happened yet. What the person's events were is kept as hashes, as with any removal, so that an old export does not bring them back; so
are their ids and addresses, since Calven reports their days again when those of others are asked for.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from calven_pipeline.errors import RequestError
from calven_pipeline.exports.remote import FETCHED
from calven_pipeline.retention.chosen import forget_chosen
from calven_pipeline.retention.compaction import Finish, finish
from calven_pipeline.retention.expiry import check_books
from calven_pipeline.retention.leftovers import Leftovers, finish_leftovers
from calven_pipeline.retention.person_export import forget_exports
from calven_pipeline.retention.persons import Asked, Found, find_person
from calven_pipeline.retention.removal import Removal, ask_for_compaction, forget_unused_users, make_salt
from calven_pipeline.validation.books import balance
from calven_pipeline.warehouse.database import WorkingDatabase, open_working_database

SCRUBBED = ("users", "desks", "locations", "requests", "rejections", "answers")


@dataclass(frozen=True)
class Erasure:
    """What one launch did. `found` is None where an earlier run of the launch had chosen the rows: this one finished its work.

    `removal` counts rows by outcome; `reports` are rows of Presence Details, `texts` others' texts that named the person, `files`
    earlier exports about them. `leftovers` is what any earlier run had left.
    """

    found: Found | None = None
    removal: Removal = field(default_factory=Removal)
    reports: int = 0
    texts: int = 0
    files: int = 0
    finish: Finish = field(default_factory=Finish)
    leftovers: Leftovers = field(default_factory=Leftovers)

    @property
    def story(self) -> str:
        """One line, without the person."""
        if self.found is None:
            return f"Forgotten by an earlier run of this launch, which this one finished: {self.removal.story}"
        left = f"; {self.found.rows_left} more stay, which stand for several people" if self.found.rows_left else ""
        more = f". {self.leftovers.story}" if self.leftovers.story else ""
        return f"One person forgotten: {self.removal.story}{left}{more}"


def forget_person(data_dir: Path, asked: Asked, *, launch: str, run_id: str) -> Erasure:
    """Remove one person from everything under the data folder that is ours, and rewrite the files.

    Each `launch` chooses once; run again, it finishes. Raises `RequestError` as `find_person` does, and where rows were
    read and not judged yet; what any earlier run had left is finished all the same, and the error says so.
    """
    leftovers = finish_leftovers(data_dir, run_id)
    with open_working_database(data_dir) as database:
        was_done = database.value("requests/request_of_run", {"kind": "forget", "run_id": launch}) is not None
        try:
            erasure = Erasure(removal=leftovers.removal) if was_done else _forget(database, data_dir, asked, launch)
        except RequestError as error:
            raise RequestError(f"{error} {leftovers.story}".rstrip()) from None
        books = balance(database)
    done = finish(data_dir, run_id).after(leftovers.finish)
    check_books(books, "Rows were removed")
    return replace(erasure, finish=done, leftovers=leftovers)


def _forget(database: WorkingDatabase, data_dir: Path, asked: Asked, launch: str) -> Erasure:
    found = find_person(database, asked)
    not_judged = database.value("persons/rows_not_judged")
    if not_judged:
        raise RequestError(
            f"{not_judged} rows were read and not judged yet, so nothing was done: the last run ended in between. Launch "
            "ingest_presence, then this again."
        )
    check_books(balance(database), "Nothing was removed")
    files = forget_exports(data_dir, database.value("persons/identifiers"))
    _clear_fetched(database.state)
    with database.transaction():
        _settle(database)
        make_salt(database)
        database.run("persons/remember_forgotten")
        reports, texts = _forget_beside(database, found)
        forget_unused_users(database)  # who has rows goes after them
        _record(database, launch, found.rows)
        ask_for_compaction(database)
    return Erasure(found, forget_chosen(database), reports, texts, files)


def _settle(database: WorkingDatabase) -> None:
    """Write down which rows go; what waits or is rejected counts as ignored from now on."""
    database.run("persons/choose_rows")
    database.run("persons/settle_verdicts", {"revision": database.value("validation/next_revision")})
    database.run("persons/drop_outbox")
    database.run("persons/drop_rejections")


def _forget_beside(database: WorkingDatabase, found: Found) -> tuple[int, int]:
    """Remove what Calven and the people tables say of the person, and their mentions; how many reports and texts changed."""
    this = {"mention": found.mention}
    database.run("persons/drop_unconfirmed")
    reports = database.run("persons/drop_calven_presence", this)
    database.run("persons/drop_users")
    database.run("persons/reread_mappings")
    database.run("persons/drop_people")
    texts = sum(database.run(f"persons/scrub_{table}", this) for table in SCRUBBED)
    database.run("persons/drop_unlisted_outcomes", this)
    database.run("persons/forget_pulls")
    return reports, texts


def _record(database: WorkingDatabase, launch: str, row_count: int) -> None:
    nothing = dict.fromkeys(("source", "source_file", "first_date", "last_date", "note"))
    told = {"kind": "forget", "run_id": launch, "row_count": row_count, "reasons": [], "outcomes": []}
    database.run("requests/add_request", {**nothing, **told})


def _clear_fetched(state: Path) -> None:
    """Copies of exports from another machine that a killed run left; they are fetched again where they are needed."""
    shutil.rmtree(state / FETCHED, ignore_errors=True)
