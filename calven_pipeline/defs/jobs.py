"""What can be launched as a whole.

What may surprise: every job says that Dagster's run retries are for workers that crashed alone, as `dagster.yaml` says for
runs of no job. A run that failed in a step failed with a reason, and would fail again, call by call.
"""

from __future__ import annotations

import dagster as dg

CRASHES_ALONE = {"dagster/retry_on_asset_or_op_failure": "false"}

presence_pipeline = dg.define_asset_job(
    "presence_pipeline",
    selection=dg.AssetSelection.all(),
    description="Everything once: pull reference data, read new exports, judge, deliver, and write the analysts' database.",
    tags=CRASHES_ALONE,
)
ingest_presence = dg.define_asset_job(
    "ingest_presence",
    selection=dg.AssetSelection.assets("staged_presence").downstream(),
    description="From new exports to Calven, checked against the reference data of the last pull.",
    tags=CRASHES_ALONE,
)
refresh_reference = dg.define_asset_job(
    "refresh_reference",
    selection=dg.AssetSelection.groups("reference"),
    description="Pull users, locations and desks.",
    tags=CRASHES_ALONE,
)
retry_pending = dg.define_asset_job(
    "retry_pending",
    selection=dg.AssetSelection.assets("published_presence", "rejections").downstream(),
    description="Send what waits, and write the analysts' database. Nothing is read or judged.",
    tags=CRASHES_ALONE,
)
