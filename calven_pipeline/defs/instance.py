"""Where Dagster keeps runs, logs, cursors and switches: `state/dagster` in the data folder, with or without DAGSTER_HOME.

With `CALVEN_DAGSTER_POSTGRES_URL`, runs, events and switches are kept in that database; what steps print stays in the
folder. Dagster hands its configuration to child processes on their command line, which every user of the machine can
read: so the configuration names a variable, and the address is in the environment alone.

Named by `instance_class` in `dagster.yaml`. Without it and without DAGSTER_HOME, Dagster keeps everything in a
`.tmp_dagster_home_*` folder that it deletes at exit; it still makes that folder and says so, but it stays empty.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef  # it has no public name; pinned below Dagster 1.14 and tested
from dagster._serdes import ConfigurableClassData  # nor has this

from calven_pipeline.errors import SettingsError
from calven_pipeline.settings import DataFolder, HistorySettings
from calven_pipeline.warehouse.readers import private_folder

POSTGRES = "dagster_postgres"
POSTGRES_URL = "DAGSTER_POSTGRES_URL"  # for child processes; `.env` may hold ours, and they do not read it
POSTGRES_STORAGES = {
    "storage": "DagsterPostgresStorage",
    "run_storage": "PostgresRunStorage",
    "event_log_storage": "PostgresEventLogStorage",
    "schedule_storage": "PostgresScheduleStorage",
}
ENGINES_KEPT = 8  # of the index and of the runs that are looked at


def dagster_folder() -> Path:
    """`state/dagster` in the data folder, absolute: child processes may have another working directory."""
    return DataFolder.load().data_dir.absolute() / "state" / "dagster"


class CalvenInstance(dg.DagsterInstance):
    """Dagster's own instance with other default folders."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - whatever Dagster gives its own
        """As Dagster's own, whose arguments are nobody else's business."""
        super().__init__(*arguments, **named)
        _keep_engines()

    @classmethod
    def config_schema(cls) -> Mapping[str, Any]:
        """No further keys in `dagster.yaml`."""
        return {}

    @classmethod
    def config_defaults(cls, base_dir: str) -> Mapping[str, Any]:
        """Dagster's defaults for our folder; `base_dir` (DAGSTER_HOME or the temporary folder) is left alone."""
        folder = dagster_folder()
        private_folder(folder.parent)  # the state folder, which Dagster may be the first to need
        private_folder(folder)
        # `telemetry: enabled: false` does not reach the `dg` command while DAGSTER_HOME is unset (tried with 1.13.27).
        os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
        logging.getLogger("dagster").info("Runs, logs and cursors are kept in %s", folder)
        return {**InstanceRef.config_defaults(str(folder)), **_postgres_storages()}


class _Engines:
    """Makes engines of SQLAlchemy as Dagster does, and keeps those of the files in use."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self._kept: dict[str, Any] = {}

    def __call__(self, address: str, **options: Any) -> Any:  # noqa: ANN401 - SQLAlchemy is not imported for its types
        """The engine for that file; each has the same options."""
        engine = self._kept.pop(address, None) or self._make(address, **options)
        self._kept[address] = engine
        if len(self._kept) > ENGINES_KEPT:
            self._kept.pop(next(iter(self._kept)), None)
        return engine


def _keep_engines() -> None:
    """Let this process compile each statement to Dagster's SQLite files once.

    Dagster 1.13.27 makes an engine for each look at a file of events, and each engine compiles anew: that was half a
    second of the four and a half that a run with nothing to do took.
    """
    from dagster._core.storage.event_log.sqlite import sqlite_event_log as events

    names = vars(events)
    make = names.get("create_engine")  # a Dagster without it is left as it is
    if make is not None and not isinstance(make, _Engines):
        names["create_engine"] = _Engines(make)


def _postgres_storages() -> Mapping[str, ConfigurableClassData]:
    """The storages that go to PostgreSQL: all four, or none. Raises `SettingsError`."""
    try:
        url = HistorySettings.load().dagster_postgres_url
        if url is None:
            return {}
        if importlib.util.find_spec(POSTGRES) is None:
            raise SettingsError(  # noqa: TRY301 - told as one line like the others
                "CALVEN_DAGSTER_POSTGRES_URL is set, but what it needs is not installed: `uv sync --extra postgres`."
            )
    except SettingsError as error:
        if Path(sys.argv[0]).name == "dg":
            raise SystemExit(f"Failed: {error}") from None  # without a run, nothing else turns it into a line
        raise
    # SQLAlchemy 2.1 takes `postgresql:` for psycopg 3, and dagster-postgres brings psycopg2.
    os.environ[POSTGRES_URL] = f"postgresql+psycopg2:{url.get_secret_value().partition(':')[2]}"
    config = f"postgres_url:\n  env: {POSTGRES_URL}\n"
    return {name: ConfigurableClassData(POSTGRES, storage, config) for name, storage in POSTGRES_STORAGES.items()}
