"""The validation step: profiles and mappings in, one verdict for each new or open row out.

What may surprise: open rejections are looked at again only when reference data or mappings differ from what the last
validation saw, so a run with nothing new costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from calven_pipeline.errors import ReferenceDataError
from calven_pipeline.exports.profiles import SourceProfile
from calven_pipeline.reference.fitness import fitness, story_of
from calven_pipeline.validation.collapse import Collapse
from calven_pipeline.validation.mappings import remember_profiles
from calven_pipeline.validation.outcomes import judge_outcomes, mark_unlisted_rows
from calven_pipeline.validation.raw import DamagedExportError, forget_fetched, keep_raw
from calven_pipeline.validation.spellings import spell_anew
from calven_pipeline.warehouse.database import WorkingDatabase

VERDICTS = ("valid", "rejected", "duplicate", "ignored")
MOST_SENT_AGAIN = 5  # times that new reference data sends an event again which Calven refused; a replay has no limit
# In the order of their reading.
LOOKUPS = ("users", "addresses", "loose_addresses", "places", "place_ids", "files", "doors")


@dataclass(frozen=True)
class Validation:
    """How many rows got which verdict, and the first reasons of those rejected; healed rows were rejected before.

    `collapsed` counts those of the ignored that stand beside the one event of their person, place and day.
    """

    revision: int
    verdicts: dict[str, int]
    reasons: dict[str, int]
    rechecked: int
    healed: int
    collapsed: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def judged(self) -> int:
        """All rows that got a verdict."""
        return sum(self.verdicts.values())

    @property
    def rejection_rate(self) -> float:
        """Which share of them was rejected, from 0 to 1; 0 where no row was judged."""
        return self.verdicts.get("rejected", 0) / self.judged if self.judged else 0.0


def validate(
    database: WorkingDatabase,
    profiles: Sequence[SourceProfile],
    data_dir: Path,
    *,
    now: datetime | None = None,
) -> Validation:
    """Judge every staged row without a verdict, and every row that deserves a second look; all in one transaction.

    Those are open rejections that could be cured, rows whose outcome the profile lists otherwise by now, rows whose time lay
    in the future and has come, events that were never sent while a mapping or the reference data changed, collapsed rows
    whose event was refused, and what somebody asked for.

    `now` (aware) decides what lies in the future. Raises `ReferenceDataError` where users, locations or desks were never
    pulled or are not fit to judge by, and `SourceProfileError` where a mapping cannot be read.
    """
    _require_reference(database)
    moment = now or datetime.now(UTC)
    damaged: set[str] = set()
    while True:
        try:
            with database.transaction():
                remember_profiles(database, profiles, data_dir)
                validation = _judge(database, profiles, moment)
                keep_raw(database, profiles, data_dir, damaged)
        except DamagedExportError as error:  # rare: once more from the start, without opening that file
            damaged.add(error.source_file)
        else:
            forget_fetched(data_dir)
            return validation


def _require_reference(database: WorkingDatabase) -> None:
    tables = fitness(database).values()
    missing = [table.resource for table in tables if table.last is None]
    if missing:
        raise ReferenceDataError(
            f"Nothing can be checked before {', '.join(missing)} were pulled once: run the job refresh_reference."
        )
    # Also here: not every run pulls, and so looks at the tables, before it validates.
    if faults := [fault for table in tables for fault in table.faults()]:
        raise ReferenceDataError(story_of(faults))


def _judge(database: WorkingDatabase, profiles: Sequence[SourceProfile], now: datetime) -> Validation:
    revision = {"revision": database.value("validation/next_revision")}
    last_row = {"last_row_judged": database.value("validation/last_row_judged")}
    inputs = database.value("validation/current_inputs")
    inputs_changed = inputs != database.value("validation/last_inputs")
    collapse = Collapse.of(database)
    outcomes_changed = judge_outcomes(database, profiles, last_row)
    database.run("validation/find_relisted_rows", {"outcomes_changed": outcomes_changed})
    _look_up(database, last_row)
    _choose_rows_to_recheck(database, collapse, inputs_changed=inputs_changed, now=now)
    _look_up_what_rows_name(database, last_row)
    rechecked = database.run("validation/forget_verdicts")
    with database.joins_as_written():
        database.run("validation/judge_rows", {**last_row, **revision, "now": now})
    collapsed = collapse.collapse(database, revision["revision"])
    database.run("validation/fill_outbox", revision)
    healed = _keep_rejections(database, revision, now)
    if inputs_changed:
        database.run("validation/add_validation", {**revision, "inputs": inputs, "now": now})
    validation = Validation(
        revision["revision"],
        dict(database.rows("validation/count_verdicts", revision)),
        dict(database.rows("validation/count_reasons", revision)),
        rechecked,
        healed,
        collapsed,
        _warnings(database, last_row),
    )
    database.run("validation/keep_old_revisions", revision)
    return validation


def _look_up(database: WorkingDatabase, last_row: dict[str, int]) -> None:
    """Put what rows are held against into temporary tables: what Calven knows, the profiles' tables, and repeated events."""
    database.run("validation/current_places")
    database.run("validation/add_known_locations", last_row)
    database.run("validation/find_repeats", last_row)
    if last_row["last_row_judged"]:
        database.run("validation/find_earlier", last_row)
    has_removed = database.value("validation/has_removed_rows")
    if has_removed:
        database.run("validation/find_removed", last_row)
        database.run("validation/add_removed")
    database.run("validation/find_repeated_rows", last_row)
    if has_removed:
        database.run("validation/mark_repeats_of_removed", last_row)
    for lookup in LOOKUPS:
        database.run(f"validation/lookup_{lookup}")


def _choose_rows_to_recheck(
    database: WorkingDatabase, collapse: Collapse, *, inputs_changed: bool, now: datetime
) -> None:
    """Put the judged rows that deserve a second look into `rows_to_recheck`; their events leave the outbox."""
    database.run(
        "validation/choose_rows_to_recheck",
        {"inputs_changed": inputs_changed, "now": now, "most_sent_again": MOST_SENT_AGAIN},
    )
    database.run("validation/forget_rows_asked_for")
    collapse.find_uncovered(database)
    database.run("validation/take_back_events")
    database.run("validation/keep_old_verdicts")


def _look_up_what_rows_name(database: WorkingDatabase, last_row: dict[str, int]) -> None:
    """Add to the lookups what depends on the rows to judge: outcomes that were not listed, badges and doors."""
    mark_unlisted_rows(database, last_row)
    spell_anew(database, last_row)
    for (source,) in database.rows("validation/sources_with_patterns"):
        database.run("validation/add_doors_by_pattern", {**last_row, "source": source})


def _keep_rejections(database: WorkingDatabase, revision: dict[str, int], now: datetime) -> int:
    """Bring `rejections` up to date with the verdicts just given; how many open ones were resolved."""
    this = {**revision, "now": now}
    database.run("validation/count_sent_again", revision)
    database.run("validation/correct_resolutions", this)
    healed = database.run("validation/resolve_rejections", this)
    database.run("validation/explain_rejections", revision)
    for change in ("renew", "add"):
        database.run(f"validation/{change}_rejections", this)
    return healed


def _warnings(database: WorkingDatabase, last_row: dict[str, int]) -> tuple[str, ...]:
    """One line for each source whose new rows hold no presence at all: its profile may not fit its files."""
    warnings = []
    for source, first, last in database.rows("validation/new_rows_by_source", last_row):
        ((presence, rejected, ignored),) = database.rows(
            "validation/count_range", {"first_row_id": first, "last_row_id": last}
        )
        if not presence:
            warnings.append(
                f"None of the new rows of source {source} is presence: {rejected} rejected, {ignored} ignored. Look at "
                "`rejections`, and at `keep`, `granted`, `timestamp_format` and the tables of its profile."
            )
    return tuple(warnings)
