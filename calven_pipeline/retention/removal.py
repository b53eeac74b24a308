"""The removal of rows: their events stay as keyed hashes, their outcomes as numbers, and nothing else does.

What may surprise: a removed row keeps a line in `removed_rows`, so that an old export delivered again finds its events there
and is not sent again, and so that the books still add up. The hashes are made with a random salt that lies in the working
database alone. What is removed here lies on in freed blocks of the file until it is rewritten: see `compaction`.
"""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass, field

from calven_pipeline.validation.collapse import Collapse
from calven_pipeline.warehouse.database import WorkingDatabase

# In the order of their removal; `staged_presence` comes last.
TABLES = ("answers", "rejections", "outbox", "rows_asked_for", "validated_presence", "staged_presence")


@dataclass(frozen=True)
class Removal:
    """How many rows were removed, by the outcome that they count as from now on."""

    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """All of them."""
        return sum(self.outcomes.values())

    @property
    def story(self) -> str:
        """One line: rows by outcome."""
        told = ", ".join(f"{rows} {outcome}" for outcome, rows in sorted(self.outcomes.items()))
        return f"{self.row_count} rows removed ({told})" if told else "no rows removed"


def start_choosing(database: WorkingDatabase) -> None:
    """An empty temp table `rows_to_remove(row_id bigint)`, for the caller to fill with judged rows, each at most once."""
    database.run("retention/create_rows_to_remove")


def remove_rows(database: WorkingDatabase) -> Removal:
    """Remove the rows in `rows_to_remove`, and what the other tables hold of them; rows without a verdict stay.

    That is: verdicts, answers, rejections, places in the outbox and requests to look again.
    A row that was pending, or whose rejection was open, counts as `ignored` from now on; all others keep their outcome.
    Block by block of about a million row numbers, each in a transaction of its own, so do not call it within one;
    interrupted, it can be called again with what is left. Afterwards the file is due to be rewritten (`compaction.finish`).
    """
    counts: Counter[str] = Counter()
    make_salt(database)
    hashes_days = Collapse.of(database).is_or_was_wanted
    for first, last in database.rows("retention/ranges_to_remove"):
        with database.transaction():
            counts.update(_remove_range(database, first, last, hashes_days=hashes_days))
    return Removal(dict(counts))


def forget_unused_users(database: WorkingDatabase) -> int:
    """Remove from `known_users` whoever has no row and is not among `users`; how many. For a transaction of the caller's."""
    forgotten = database.run("retention/forget_known_users")
    if forgotten:
        ask_for_compaction(database)
    return forgotten


def ask_for_compaction(database: WorkingDatabase) -> None:
    """Note that something was removed whose bytes must go too, here and in the analysts' files.

    For the transaction that removed it; `remove_rows` does it.
    """
    if not database.value("retention/is_compaction_due"):
        database.run("retention/ask_for_compaction")
    if not database.value("retention/is_snapshot_due"):
        database.run("retention/ask_for_snapshot")


def make_salt(database: WorkingDatabase) -> None:
    """The random text that goes into every hash of what is removed, where there is none yet."""
    database.run("retention/make_salt", {"salt": secrets.token_hex(32)})


def _remove_range(database: WorkingDatabase, first: int, last: int, *, hashes_days: bool) -> dict[str, int]:
    """Remove the rows of a range, first what is kept of them and what reads them; rows by outcome."""
    these = {"first_row_id": first, "last_row_id": last}
    database.run("retention/start_block", these)
    database.run("retention/remember_rows", {**these, "revision": database.value("validation/next_revision")})
    counts = dict(database.rows("retention/count_block", these))
    if hashes_days:
        database.run("retention/remember_days", these)
    database.run("retention/take_off_answers", these)
    database.run("retention/drop_unconfirmed")
    for table in TABLES:
        database.run(f"retention/drop_{table}", these)
    ask_for_compaction(database)
    return counts
