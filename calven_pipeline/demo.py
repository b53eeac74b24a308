"""The demo: sample exports, the sandbox, and the main job twice, first as a dry run and then live.

What may surprise: it gives every `CALVEN_*` variable of this process a value of its own, because an empty one would let
`.env` through; so it cannot meet the real Calven. A data folder that is in use is left alone; the demo then goes to its
subfolder `demo`.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from calven_pipeline.errors import CalvenPipelineError
from calven_pipeline.project import samples_folder
from calven_pipeline.reporting.report import REPORT_FILE
from calven_pipeline.sandbox import SandboxServer
from calven_pipeline.settings import DataFolder, Settings
from calven_pipeline.warehouse import database
from calven_pipeline.warehouse.snapshot import SNAPSHOT_FILE

LaunchJob = Callable[[], str | None]

MARKER = Path("state") / "demo"
WORKING_FILE = Path("state") / database.WORKING_FILE
KEY = "sandbox-all"
OUTCOMES = {
    "accepted": "Calven took it",
    "rejected": "stands in `rejections`, with a reason",
    "pending": "valid, not acknowledged by Calven",
    "duplicate": "the same event was seen before",
    "ignored": "no presence: access denied",
}


def run_demo(launch_job: LaunchJob) -> int:
    """Run the demo; `launch_job` runs the main job and returns what failed, or None. The exit code."""
    console = Console(highlight=False)
    data_dir = demo_folder(DataFolder.load().data_dir)
    with SandboxServer(world=samples_folder() / "world") as sandbox:
        console.print(f"Sandbox  {sandbox.url}\nExports  {data_dir / 'exports'}\n", soft_wrap=True, markup=False)
        with _settings(data_dir, sandbox.url) as environment:
            _lay_out(data_dir)
            rehearsed = _run(console, launch_job, environment, data_dir, "dry-run")
            delivered = _run(console, launch_job, environment, data_dir, "live")
        _show_outcomes(console, rehearsed, delivered)
        _show_rejections(console, data_dir)
        stats = sandbox.stats()
    console.print(
        f"The sandbox took {stats['eventsAccepted']} events in this demo"
        + (
            ".\n"
            if stats["eventsAccepted"]
            else ": everything was delivered by an earlier one, and nothing is sent twice.\n"
        )
    )
    _show_next(console, data_dir)
    return 0


def demo_folder(data_dir: Path) -> Path:
    """The data folder itself where nobody uses it yet, or an earlier demo did; else its subfolder `demo`."""
    exports = data_dir / "exports"
    # Not `state` alone: any `dg` command makes Dagster's storage in it. Not `.gitkeep`, with which a clone begins.
    has_exports = exports.is_dir() and any(not path.name.startswith(".") for path in exports.iterdir())
    in_use = has_exports or any((data_dir / name).exists() for name in ("sources.yaml", SNAPSHOT_FILE, WORKING_FILE))
    return data_dir / "demo" if in_use and not (data_dir / MARKER).exists() else data_dir


@contextmanager
def _settings(data_dir: Path, url: str) -> Iterator[dict[str, str]]:
    """The environment of this process with the demo's settings and no others of ours; put back at the end."""
    before = {name: value for name, value in os.environ.items() if name.startswith(("CALVEN_", "DAGSTER_HOME"))}
    ours = {f"CALVEN_{name.upper()}": str(field.default) for name, field in Settings.model_fields.items()} | {
        "CALVEN_DATA_DIR": str(data_dir),
        "CALVEN_DAGSTER_POSTGRES_URL": "none",  # its runs are nobody's history
        "CALVEN_EXPORTS": str(data_dir / "exports"),
        "CALVEN_EXPORTS_OPTIONS": "{}",
        "CALVEN_API_URL": url,
        "CALVEN_AUTH": "hmac",
        "CALVEN_API_KEY": KEY,
        "CALVEN_API_SECRET": f"{KEY}-secret",
        "CALVEN_WAREHOUSE_API_KEY": KEY,
        "CALVEN_WAREHOUSE_API_SECRET": f"{KEY}-secret",
        "CALVEN_EVENTS_API_KEY": KEY,
        "CALVEN_EVENTS_API_SECRET": f"{KEY}-secret",
    }
    try:
        for name in before:
            del os.environ[name]
        os.environ.update(ours)
        yield ours
    finally:
        for name in ours:
            os.environ.pop(name, None)
        os.environ.update(before)


def _lay_out(data_dir: Path) -> None:
    """Put the samples where a user would put exports and profiles."""
    samples = samples_folder()
    (data_dir / MARKER).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    (data_dir / MARKER).touch()
    shutil.copytree(samples / "exports", data_dir / "exports", dirs_exist_ok=True)
    for name in ("sources.yaml", "people.csv", "places.csv"):
        shutil.copyfile(samples / name, data_dir / name)


def _run(
    console: Console, launch_job: LaunchJob, environment: dict[str, str], data_dir: Path, mode: str
) -> dict[str, int]:
    """Launch the job in that mode; rows by outcome after it."""
    os.environ["CALVEN_PUBLISH"] = environment["CALVEN_PUBLISH"] = mode
    with console.status(f"presence_pipeline, {mode} ..."):
        problem = launch_job()
    if problem:
        raise CalvenPipelineError(problem)
    console.print(f"presence_pipeline, {mode}: succeeded")
    with duckdb.connect(str(data_dir / SNAPSHOT_FILE), read_only=True) as snapshot:
        return dict(snapshot.sql("select outcome, count(*) from presence group by outcome").fetchall())


def _show_outcomes(console: Console, rehearsed: dict[str, int], delivered: dict[str, int]) -> None:
    table = Table(box=box.SIMPLE_HEAD, title="What became of every row", title_justify="left")
    table.add_column("outcome", no_wrap=True)
    table.add_column("dry run", justify="right", no_wrap=True)
    table.add_column("live", justify="right", no_wrap=True)
    table.add_column("meaning", style="dim")
    for outcome, meaning in OUTCOMES.items():
        table.add_row(outcome, str(rehearsed.get(outcome, 0)), str(delivered.get(outcome, 0)), meaning)
    table.add_section()
    table.add_row("rows read", str(sum(rehearsed.values())), str(sum(delivered.values())))
    console.print(table)


def _show_rejections(console: Console, data_dir: Path) -> None:
    table = Table(box=box.SIMPLE_HEAD, title="Why rows were rejected", title_justify="left")
    table.add_column("reason", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("for example", overflow="fold")
    with duckdb.connect(str(data_dir / SNAPSHOT_FILE), read_only=True) as snapshot:
        rows = snapshot.sql(
            "select reason, count(*), arg_min(detail, (source_file, row_number)), "
            "arg_min(coalesce(suggestion, ''), (source_file, row_number)) "
            "from rejections where status = 'open' group by reason order by count(*) desc, reason"
        ).fetchall()
    for reason, count, detail, suggestion in rows:
        example = Text(detail)
        if suggestion:
            example.append(f"\nwould pass: {suggestion}", style="green")
        table.add_row(reason, str(count), example)
    console.print(table)


def _show_next(console: Console, data_dir: Path) -> None:
    folder = "" if data_dir == Path("data") else f"CALVEN_DATA_DIR={shlex.quote(str(data_dir))} "
    places = {
        str(data_dir / SNAPSHOT_FILE): "every table, with comments; open it read-only in any DuckDB client",
        str(data_dir / REPORT_FILE): "a page for whoever runs the buildings; open it in a browser",
        f"{folder}uv run dg dev": "these runs in the Dagster UI",
        "uv run calven-pipeline sandbox": "a sandbox that stays, and the settings to reach it",
        "uv run calven-pipeline doctor": "checks your own settings",
    }
    console.print("Where to look next")
    for place, what in places.items():
        console.print(f"  {place}\n      {what}", soft_wrap=True, markup=False)
