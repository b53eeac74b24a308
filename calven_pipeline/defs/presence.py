"""From export files to judged rows."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from calven_pipeline.checks.rules import NO_BADGE_LOST, NO_DOOR_LOST, NO_SOURCE_SILENT, REFERENCE_FRESH
from calven_pipeline.defs.catalog import about, owners
from calven_pipeline.defs.checks import result, spec
from calven_pipeline.defs.failures import PROBLEM, Metadata, clear_failures, problem_check
from calven_pipeline.defs.freshness import freshness
from calven_pipeline.defs.reference import desks, locations, users
from calven_pipeline.defs.resources import Warehouse
from calven_pipeline.settings import CheckSettings

if TYPE_CHECKING:
    from calven_pipeline.checks.rules import Finding
    from calven_pipeline.exports.staging import Staging

REFUSED = "unreadable_files"
LEFT = "files_left"  # for another run
NAMES_SHOWN = 5


class StagingConfig(dg.Config):
    """Which files are read."""

    files: list[str] = Field(
        default=[], description="Only these files below exports/, as the sensor names them; empty for every file."
    )


exports = dg.AssetSpec(
    "exports",
    group_name="sources",
    kinds={"file"},
    owners=owners(),
    description="""One row per row of the files in the drop folder, under the names that source profiles give its columns.

Written by badge readers, Wi-Fi and desk sensors, not by us: the pipeline only reads it. `CALVEN_EXPORTS` says where it
is, `sources.yaml` how it is read.
""",
    metadata=about("exports"),
)


@dg.asset(
    group_name="presence",
    kinds={"duckdb", "table"},
    deps=[exports],
    owners=owners(),
    freshness_policy=freshness("staged_presence"),
    metadata=about("staged_presence", "staging/stage_rows"),
    check_specs=[spec(NO_SOURCE_SILENT)],
)
def staged_presence(
    context: dg.AssetExecutionContext, config: StagingConfig, warehouse: Warehouse
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # see calven_presence
    """One row per row of every export file.

    Reads `exports/` as the source profiles say, each file with new content once, each in a transaction of its own. A
    re-run reads nothing again. A profile that cannot work stops the step before anything is read; a file that cannot be
    read does not stop the others, and the run fails at its end. A file that is still changing is left for the next run.
    """
    from calven_pipeline.checks.silence import look_at_silence
    from calven_pipeline.exports.profiles import load_profiles
    from calven_pipeline.exports.staging import stage_exports

    with clear_failures():
        profiles = load_profiles(warehouse.data_dir)
        with warehouse.open() as database:
            staging = stage_exports(database, profiles, warehouse.data_dir, only=config.files or None)
            row_count = database.value("staging/count_all")
            silence = look_at_silence(database, [profile.name for profile in profiles], datetime.now(UTC))
    for warning in [*_warnings(staging), *_failing([silence])]:
        context.log.warning(warning)
    metadata: Metadata = {
        "dagster/row_count": row_count,
        "files_seen": staging.files_seen,
        "files_read": staging.files_read,
        "rows_read": staging.rows,
        "rows_ignored": staging.ignored,
        "rows_malformed": staging.malformed,
        "files_refused": len(staging.refused),
        "files_unsettled": len(staging.unsettled),
        "files_unmatched": staging.unmatched,
        "sql": "staging/stage_rows.sql",
    }
    if staging.left:
        metadata[LEFT] = staging.left
    if staging.problems:
        metadata[REFUSED] = staging.refused
        metadata[PROBLEM] = "\n".join(str(problem) for problem in staging.problems)
    return dg.MaterializeResult(metadata=metadata, check_results=[result(silence)])


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


def _failing(findings: "Iterable[Finding]") -> list[str]:
    """What checks warn of, for the log too."""
    return [finding.story for finding in findings if not finding.passed]


def _some(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


every_file_read = problem_check("staged_presence", "every_file_read", "Every new export file could be read.")


@dg.asset(
    group_name="presence",
    kinds={"duckdb", "table"},
    deps=[staged_presence, users, locations, desks],
    owners=owners(),
    freshness_policy=freshness("validated_presence"),
    metadata=about("validated_presence", "validation/judge_rows"),
    check_specs=[spec(REFERENCE_FRESH), spec(NO_BADGE_LOST), spec(NO_DOOR_LOST)],
)
def validated_presence(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:  # type: ignore[type-arg]  # see calven_presence
    """One row per staged row, with its verdict: valid, rejected, duplicate or ignored.

    One pass of SQL over what is new or open, joined to users, locations, levels, zones and places. Open rejections are
    looked at again when reference data or mappings changed. A re-run with nothing new changes nothing.
    """
    from calven_pipeline.checks.mappings import look_at_mappings
    from calven_pipeline.checks.reference import look_at_age
    from calven_pipeline.exports.profiles import load_profiles
    from calven_pipeline.validation.reasons import OURS
    from calven_pipeline.validation.verdicts import VERDICTS, validate

    with clear_failures():
        limits = CheckSettings.load()
        profiles = load_profiles(warehouse.data_dir)
        with warehouse.open() as database:
            validation = validate(database, profiles, warehouse.data_dir)
            row_count = database.value("validation/count_all")
            now = datetime.now(UTC)
            findings = (
                look_at_age(database, limits.reference_max_age_hours, now),
                *look_at_mappings(database, validation.revision, now),
            )
    for warning in [*validation.warnings, *_failing(findings)]:
        context.log.warning(warning)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": row_count,
            "rows_judged": validation.judged,
            **{f"rows_{verdict}": validation.verdicts.get(verdict, 0) for verdict in VERDICTS},
            "rejection_rate": validation.rejection_rate,
            "rows_rechecked": validation.rechecked,
            "rows_healed": validation.healed,
            "rows_collapsed": validation.collapsed,
            **{f"reason/{reason}": validation.reasons.get(reason, 0) for reason in OURS},
            "sql": "validation/judge_rows.sql",
        },
        check_results=[result(finding) for finding in findings],
    )
