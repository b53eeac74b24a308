"""One person's data, by hand: `export_person` writes everything held about them, `forget_person` removes it.

What may surprise: Dagster keeps the configuration of its runs. So who is meant is best given as the name of a variable,
`email: {env: WHO}`, which is read here, since Dagster tells of a variable that is not set in twenty lines; and runs of these jobs are deleted from Dagster's history a day after they ended (see `history`). They report
no asset, since the run that made an asset last is kept. Neither says who was meant, in no log, error or number.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg

from calven_pipeline.defs.analytics import snapshot_metadata
from calven_pipeline.defs.failures import Metadata, clear_failures, tell_at_exit
from calven_pipeline.defs.jobs import CRASHES_ALONE
from calven_pipeline.defs.resources import Warehouse

if TYPE_CHECKING:
    from calven_pipeline.retention.persons import Asked, Found

FILES_TOLD = 100
FILE = dg.TableSchema([dg.TableColumn("source_file"), dg.TableColumn("rows", "int")])


def _text(description: str) -> dg.Field:
    """A text, or `{env: NAME}`."""
    text_or_variable = dg.ScalarUnion(scalar_type=str, non_scalar_schema={"env": str})
    return dg.Field(text_or_variable, is_required=False, description=description)


# Who is meant: exactly one of `user_id`, `email` and `badge`.
ONE_PERSON = {
    "user_id": _text("Calven's id of the user; case does not matter."),
    "email": _text("An address of theirs."),
    "badge": _text("A badge or employee number, as in exports or in the people table."),
    "source": _text("With a badge: the source it belongs to, where others use the number too."),
}


@dg.op(out=dg.Out(dg.Nothing), config_schema=ONE_PERSON)
def write_person(context: dg.OpExecutionContext, warehouse: Warehouse) -> dg.Output[None]:
    """Write everything held about one person to one JSON file."""
    from calven_pipeline.retention.person_export import OUT_OF_REACH, export_person

    with clear_failures():
        export = export_person(warehouse.data_dir, _asked(context.op_config), run_id=context.run.run_id)
    context.log.info(export.story)
    tell_at_exit(export.story)
    counts: Metadata = {f"entries/{table}": entries for table, entries in export.tables.items()}
    path = dg.MetadataValue.path(str(export.path))
    return dg.Output(None, metadata={"path": path, **counts, **_metadata(export.found, OUT_OF_REACH)})


@dg.op(out=dg.Out(dg.Nothing), config_schema=ONE_PERSON)
def remove_person(context: dg.OpExecutionContext, warehouse: Warehouse) -> dg.Output[None]:
    """Remove one person from every file of ours; re-executed, it finishes what an interrupted run left."""
    from calven_pipeline.reporting.report import refresh_report
    from calven_pipeline.retention.erasure import forget_person
    from calven_pipeline.retention.person_export import OUT_OF_REACH

    with clear_failures():
        launch = context.run.root_run_id or context.run.run_id
        erasure = forget_person(warehouse.data_dir, _asked(context.op_config), launch=launch, run_id=context.run.run_id)
        refresh_report(warehouse.data_dir)
    context.log.info(erasure.story)
    tell_at_exit(erasure.story)
    metadata: Metadata = {
        "rows_removed": erasure.removal.row_count,
        **{f"removed/{outcome}": rows for outcome, rows in erasure.removal.outcomes.items()},
        "reported_rows_removed": erasure.reports,
        "texts_of_others_changed": erasure.texts,
        "person_files_deleted": erasure.files,
        "leftover_rows_removed": erasure.leftovers.removal.row_count,
    }
    if erasure.found:
        metadata |= _metadata(erasure.found, OUT_OF_REACH)
    if erasure.finish.snapshot:
        metadata |= snapshot_metadata(erasure.finish.snapshot)
    return dg.Output(None, metadata=metadata)


@dg.job(
    description="Write everything that is held about one person to `persons/` in the data folder, as one JSON file.",
    tags=CRASHES_ALONE,
)
def export_person() -> None:
    """See the description."""
    write_person.alias("export_person")()  # no op may bear the name of a job, but a step may


@dg.job(
    description="Remove one person from the pipeline's files and the analysts' database for good. What is pending is not sent.",
    tags=CRASHES_ALONE,
)
def forget_person() -> None:
    """See the description."""
    remove_person.alias("forget_person")()


def _asked(config: Mapping[str, str | Mapping[str, str]]) -> "Asked":
    """Raises `SettingsError` for a variable that is not set, besides what `Asked.of` raises."""
    from calven_pipeline.retention.persons import Asked
    from calven_pipeline.settings import variable

    texts = {name: given if isinstance(given, str) else variable(given["env"]) for name, given in config.items()}
    return Asked.of(**texts)


def _metadata(found: "Found", out_of_reach: tuple[str, ...]) -> Metadata:
    """What was found, in counts, and what no job of ours can reach."""
    files = [dg.TableRecord({"source_file": name, "rows": rows}) for name, rows in found.files.items()]
    return {
        **found.counts,
        "exports_with_them": len(found.files) + found.files_named_for_them,
        "exports": dg.MetadataValue.table(files[:FILES_TOLD], FILE),
        "sources_with_people_table": ", ".join(found.people_tables),
        "out_of_reach": dg.MetadataValue.md("\n".join(f"- {place}" for place in out_of_reach)),
    }
