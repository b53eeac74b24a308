"""Where Dagster keeps runs, logs, cursors and switches: `state/dagster` in the data folder, with or without DAGSTER_HOME.

Named by `instance_class` in `dagster.yaml`. Without it and without DAGSTER_HOME, Dagster keeps everything in a
`.tmp_dagster_home_*` folder that it deletes at exit; it still makes that folder and says so, but it stays empty.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef  # it has no public name; pinned below Dagster 1.14 and tested

from calven_pipeline.settings import DataFolder


def dagster_folder() -> Path:
    """`state/dagster` in the data folder, absolute: child processes may have another working directory."""
    return DataFolder.load().data_dir.absolute() / "state" / "dagster"


class CalvenInstance(dg.DagsterInstance):
    """Dagster's own instance with other default folders."""

    @classmethod
    def config_schema(cls) -> Mapping[str, Any]:
        """No further keys in `dagster.yaml`."""
        return {}

    @classmethod
    def config_defaults(cls, base_dir: str) -> Mapping[str, Any]:
        """Dagster's defaults for our folder; `base_dir` (DAGSTER_HOME or the temporary folder) is left alone."""
        folder = dagster_folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # `telemetry: enabled: false` does not reach the `dg` command while DAGSTER_HOME is unset (tried with 1.13.27).
        os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
        logging.getLogger("dagster").info("Runs, logs and cursors are kept in %s", folder)
        return InstanceRef.config_defaults(str(folder))
