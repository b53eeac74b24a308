"""What every test may rely on: settings come from the test alone."""

import os

import pytest

from calven_pipeline.settings import Settings


@pytest.fixture(autouse=True)
def nobodys_settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the environment's nor the project's `.env` with somebody's keys; tests about `.env` bring their own."""
    for name in [name for name in os.environ if name.startswith("CALVEN_")]:
        monkeypatch.delenv(name)
    if request.node.path.parent.name in {"http", "sql", "benchmarks"}:
        monkeypatch.setitem(Settings.model_config, "env_file", None)
