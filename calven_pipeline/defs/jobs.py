"""What can be launched as a whole."""

from __future__ import annotations

import dagster as dg

presence_pipeline = dg.define_asset_job(
    "presence_pipeline",
    selection=dg.AssetSelection.all(),
    description="Everything once: pull reference data, read new exports, judge, deliver, and write the analysts' database.",
)
ingest_presence = dg.define_asset_job(
    "ingest_presence",
    selection=dg.AssetSelection.assets("staged_presence").downstream(),
    description="From new exports to Calven, checked against the reference data of the last pull.",
)
refresh_reference = dg.define_asset_job(
    "refresh_reference",
    selection=dg.AssetSelection.groups("reference"),
    description="Pull users, locations and desks.",
)
