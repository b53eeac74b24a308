"""What several benchmarks need."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.company import make_reference
from tests.benchmarks.serving import serve


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[str]:
    """The address of a sandbox in a process of its own that serves the benchmarks' company."""
    make_reference(tmp_path / "world")
    with serve(tmp_path / "world") as url:
        yield url
