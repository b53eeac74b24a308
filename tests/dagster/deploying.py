"""A deployment of the project in a temporary folder, and what a run of it did."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import stamina

from calven_pipeline.definitions import defs
from calven_pipeline.project import samples_folder
from calven_pipeline.sandbox import SandboxServer

DEFINITIONS = defs()
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Run:
    """What one run of a job did, read from its events."""

    success: bool
    failures: dict[str, str]
    metadata: dict[str, dict[str, Any]]
    checks: dict[str, bool]
    outputs: dict[str, dict[str, Any]]
    events: Sequence[dg.DagsterEvent] = field(repr=False)

    @classmethod
    def of(cls, result: dg.ExecuteInProcessResult) -> "Run":
        failures, metadata, checks, outputs = {}, {}, {}, {}
        for event in result.all_events:
            if event.is_step_failure:
                told = event.step_failure_data.user_failure_data
                failures[event.step_key] = (
                    told.description if told else "UNTOLD " + event.step_failure_data.error.message
                )
            if event.is_successful_output:
                values = event.step_output_data.metadata.items()
                outputs.setdefault(event.step_key, {}).update({name: value.value for name, value in values})
            if event.event_type_value == "ASSET_MATERIALIZATION":
                values = event.materialization.metadata.items()
                metadata[event.asset_key.to_user_string()] = {name: value.value for name, value in values}
            if event.event_type_value == "ASSET_CHECK_EVALUATION":
                check = event.event_specific_data
                checks[f"{check.asset_key.to_user_string()}:{check.check_name}"] = check.passed
        return cls(result.success, failures, metadata, checks, outputs, result.all_events)


@dataclass
class Deployment:
    """A data folder, the settings of a deployment, and the sandbox that they lead to."""

    data_dir: Path
    sandbox: SandboxServer
    patch: pytest.MonkeyPatch

    def set(self, **settings: str | None) -> None:
        """Set `CALVEN_<name>`; None unsets it."""
        for name, value in settings.items():
            if value is None:
                self.patch.delenv(f"CALVEN_{name}", raising=False)
            else:
                self.patch.setenv(f"CALVEN_{name}", value)

    def use_key(self, name: str | None, *, role: str = "") -> None:
        """Use that key of the sandbox, for one role or for everything."""
        prefix = f"{role}_API" if role else "API"
        self.set(**{f"{prefix}_KEY": name, f"{prefix}_SECRET": name and f"{name}-secret"})

    def run(
        self, job: str = "presence_pipeline", config: Mapping[str, Any] | None = None, *, quiet: bool = True
    ) -> Run:
        """Run the job in this process, with no waiting between retries."""
        with dg.DagsterInstance.ephemeral() as instance, stamina.set_testing(True, attempts=1):
            result = (DEFINITIONS.resolve_job_def(job)).execute_in_process(
                instance=instance, raise_on_error=False, run_config={**(QUIET if quiet else {}), **(config or {})}
            )
            return Run.of(result)

    def copy_of(self, folder: Path) -> "Deployment":
        """This deployment, with a copy of that data folder as its own."""
        shutil.rmtree(self.data_dir)
        shutil.copytree(folder, self.data_dir)
        return self

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the analysts' database."""
        with duckdb.connect(str(self.data_dir / "calven.duckdb"), read_only=True) as snapshot:
            return snapshot.sql(sql).fetchall()

    def outcomes(self) -> dict[str, int]:
        """Rows of the analysts' database by outcome."""
        return dict(self.rows("select outcome, count(*) from presence group by outcome"))

    def working_rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the working database."""
        with duckdb.connect(str(self.data_dir / "state" / "pipeline.duckdb")) as working:
            return working.execute(sql).fetchall()

    def add_badges(
        self, name: str = "late.csv", lines: Sequence[str] = ("04/11/2026 08:00,B-1001,Main door,in,Access granted",)
    ) -> Path:
        """Drop another badge export: one good row unless told otherwise."""
        path = self.data_dir / "exports" / "badges" / name
        path.write_text("\n".join(["Time,Badge,Reader,Direction,Result", *lines]) + "\n")
        return path


def new_deployment(data_dir: Path, sandbox: SandboxServer, patch: pytest.MonkeyPatch) -> Deployment:
    shutil.copytree(samples_folder(), data_dir, ignore=shutil.ignore_patterns("world"))
    deployment = Deployment(data_dir, sandbox, patch)
    deployment.set(DATA_DIR=str(data_dir), API_URL=sandbox.url)
    deployment.use_key("sandbox-all")
    return deployment
