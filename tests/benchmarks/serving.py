"""A sandbox in a process of its own, so that its time is not ours, and all that comes before delivery."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from calven_pipeline.api import CalvenClient
from calven_pipeline.exports.profiles import load_profiles
from calven_pipeline.exports.staging import stage_exports
from calven_pipeline.reference.pull import pull_reference
from calven_pipeline.settings import Settings
from calven_pipeline.validation.verdicts import validate
from calven_pipeline.warehouse.database import open_working_database

CONCURRENCY = 8
NOW = datetime(2026, 12, 31, tzinfo=UTC)


@contextmanager
def serve(world: Path) -> Iterator[str]:
    """The address of a sandbox that serves the world."""
    command = [sys.executable, "-m", "calven_pipeline.cli", "sandbox", "--port", "0", "--world", str(world)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            yield next(word for word in line.split() if word.startswith("http"))
        finally:
            process.terminate()


def settings_for(url: str, data_dir: Path) -> Settings:
    """Settings with the key for everything."""
    return Settings(
        api_url=url, data_dir=data_dir, api_key="sandbox-all", api_secret="sandbox-all-secret", concurrency=CONCURRENCY
    )


def prepare(url: str, data_dir: Path) -> None:
    """Reference data, staged and judged rows: everything before delivery."""
    profiles = load_profiles(data_dir)
    with open_working_database(data_dir) as database:
        with CalvenClient(settings_for(url, data_dir)) as client:
            for resource in ("users", "locations", "desks"):
                pull_reference(client, database, resource)
        stage_exports(database, profiles, data_dir)
        validate(database, profiles, data_dir, now=NOW)
