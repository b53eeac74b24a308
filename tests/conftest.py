"""What every test may rely on: settings come from the test alone; and in how many processes tests run."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from calven_pipeline.settings import DataFolder, ExportSettings, Settings, SnapshotSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from calven_pipeline.sandbox import SandboxServer
    from tests.http.delivering import Stock

WORKERS = 3  # on two cores: a third of the time goes to waiting for processes, servers and disks

# Container images like to forbid compiled code; then each of the dozen processes of a run compiles Dagster anew (1.3 s).
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

gc.set_threshold(20_000, 20, 20)  # Dagster and pytest keep so much that looking through it is a tenth of all the time


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three; none where a worker would spoil a measurement or swallow what is printed, or costs more than it saves."""
    on_demand = "not benchmark" not in config.option.markexpr
    is_small = all(".py" in argument for argument in config.args)
    return 0 if on_demand or is_small or config.option.capture == "no" else WORKERS


@pytest.fixture(scope="session", autouse=True)
def tables_made_before(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A new working database is a copy of an empty one: making its tables takes 0.1 s, and a thousand tests begin so.

    In this process alone, and not where that is what is tested or measured; `_connect.__wrapped__` is the product's own.
    """
    if "not benchmark" not in request.config.option.markexpr:
        yield
        return
    from calven_pipeline.warehouse import database

    connect, empty = database._connect, tmp_path_factory.mktemp("empty")

    @functools.wraps(connect)
    def connect_to_copy(path: Path, wait_s: float) -> object:
        made = empty / "state" / database.WORKING_FILE
        if (
            path != made
            and path.name == made.name
            and not path.exists()
            and not path.with_name(f"{path.name}.wal").exists()
        ):
            if not made.exists():
                with database.open_working_database(empty):
                    pass
            shutil.copyfile(made, path)
        return connect(path, wait_s)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_connect", connect_to_copy)
        yield


@pytest.fixture(autouse=True)
def nobodys_settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the environment's nor the project's `.env` with somebody's keys; tests about `.env` bring their own."""
    for name in [name for name in os.environ if name.startswith("CALVEN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CALVEN_SETTLE_SECONDS", "0")  # files of tests are written in one go; waiting has its own tests
    if request.node.path.parent.name in {"http", "sql", "benchmarks"}:
        for settings in (DataFolder, ExportSettings, Settings, SnapshotSettings):
            monkeypatch.setitem(settings.model_config, "env_file", None)


@pytest.fixture(scope="session")
def server() -> Iterator[SandboxServer]:
    """One sandbox for all tests that leave no call of theirs under way: it takes 0.2 s to stop."""
    from calven_pipeline.sandbox import SandboxServer
    from tests.http.delivering import USERS

    with SandboxServer(users=USERS) as running:
        yield running


@pytest.fixture
def sandbox(server: SandboxServer) -> SandboxServer:
    """The sandbox, freshly started as far as anyone can tell."""
    server.clear()
    return server


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    """Data folders in which events wait."""
    from tests.http.delivering import Stock

    return Stock(tmp_path_factory.mktemp("stock"))
