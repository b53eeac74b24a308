"""A sandbox in a process of its own, so that its time is not ours."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from calven_pipeline.settings import Settings

CONCURRENCY = 8


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
