"""From export files to judged rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from calven_pipeline.defs.failures import PROBLEM, Metadata, clear_failures, problem_check
from calven_pipeline.defs.reference import desks, locations, users
from calven_pipeline.defs.resources import Warehouse

if TYPE_CHECKING:
    from calven_pipeline.exports.staging import Staging

REFUSED = "unreadable_files"
LEFT = "files_left"  # for another run
NAMES_SHOWN = 5


class StagingConfig(dg.Config):
    """Which files are read."""

    files: list[str] = Field(
        default=[], description="Only these files below exports/, as the sensor names them; empty for every file."
    )


@dg.asset(group_name="presence", kinds={"duckdb"})
def staged_presence(
    context: dg.AssetExecutionContext, config: StagingConfig, warehouse: Warehouse
) -> dg.MaterializeResult[None]:
    """One row per row of every export file.

    Reads `exports/` as the source profiles say, each file with new content once, each in a transaction of its own. A
    re-run reads nothing again. A profile that cannot work stops the step before anything is read; a file that cannot be
    read does not stop the others, and the run fails at its end. A file that is still changing is left for the next run.
    """
    from calven_pipeline.exports.profiles import load_profiles
    from calven_pipeline.exports.staging import stage_exports

    with clear_failures():
        profiles = load_profiles(warehouse.data_dir)
        with warehouse.open() as database:
            staging = stage_exports(database, profiles, warehouse.data_dir, only=config.files or None)
    for warning in _warnings(staging):
        context.log.warning(warning)
    metadata: Metadata = {
        "files_seen": staging.files_seen,
        "files_read": staging.files_read,
        "rows_read": staging.rows,
        "rows_ignored": staging.ignored,
        "rows_malformed": staging.malformed,
        "files_unsettled": len(staging.unsettled),
        "files_unmatched": staging.unmatched,
        "sql": "staging/stage_rows.sql",
    }
    if staging.left:
        metadata[LEFT] = staging.left
    if staging.problems:
        metadata[REFUSED] = staging.refused
        metadata[PROBLEM] = "\n".join(str(problem) for problem in staging.problems)
    return dg.MaterializeResult(metadata=metadata)


def _warnings(staging: "Staging") -> list[str]:
    """What was left alone, by name."""
    warnings = []
    if staging.unmatched:
        warnings.append(
            f"{staging.unmatched} files belong to no source: {_some(staging.unmatched_names)}. See sources.yaml."
        )
    if staging.unsettled:
        warnings.append(f"{len(staging.unsettled)} files are still changing and are left: {_some(staging.unsettled)}.")
    return warnings


def _some(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


every_file_read = problem_check("staged_presence", "every_file_read", "Every new export file could be read.")


@dg.asset(group_name="presence", kinds={"duckdb"}, deps=[staged_presence, users, locations, desks])
def validated_presence(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """One row per staged row, with its verdict: valid, rejected, duplicate or ignored.

    One pass of SQL over what is new or open, joined to users, locations, levels, zones and places. Open rejections are
    looked at again when reference data or mappings changed. A re-run with nothing new changes nothing.
    """
    from calven_pipeline.exports.profiles import load_profiles
    from calven_pipeline.validation.verdicts import validate

    with clear_failures():
        profiles = load_profiles(warehouse.data_dir)
        with warehouse.open() as database:
            validation = validate(database, profiles, warehouse.data_dir)
    for warning in validation.warnings:
        context.log.warning(warning)
    return dg.MaterializeResult(
        metadata={
            "rows_judged": validation.judged,
            **{f"rows_{verdict}": rows for verdict, rows in validation.verdicts.items()},
            "rows_rechecked": validation.rechecked,
            "rows_healed": validation.healed,
            "rows_collapsed": validation.collapsed,
            **{f"reason/{reason}": rows for reason, rows in validation.reasons.items()},
            "sql": "validation/judge_rows.sql",
        }
    )
