"""The front door for Dagster: everything in `defs/`, in one process.

DuckDB takes one writer, so separate step processes would only queue for the file and cost seconds each to start.
"""

from __future__ import annotations

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """All assets, checks, jobs and resources, with the in-process executor."""
    return dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
        dg.Definitions(executor=dg.in_process_executor),
    )
