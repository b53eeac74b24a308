"""A deployment with the shipped samples, and one sandbox for all tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from calven_pipeline.project import samples_folder
from calven_pipeline.sandbox import SandboxServer
from tests.dagster.deploying import Deployment, new_deployment
from tests.dagster.migrations import migrations_read_once

__all__ = ["migrations_read_once"]
HERE = Path(__file__).parent
# Dagster 1.13.27 asks pydantic for resources' fields in a way that pydantic 2.11 and newer warns of.
DAGSTERS_OWN = "ignore:The `__fields__` attribute is deprecated"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings are errors; one is Dagster's own and not ours to mend."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(DAGSTERS_OWN))


@pytest.fixture(scope="session")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(world=samples_folder() / "world") as running:
        yield running


@pytest.fixture
def sandbox(server: SandboxServer) -> SandboxServer:
    """The sandbox, freshly started as far as anyone can tell."""
    server.set_world(samples_folder() / "world")
    server.clear()
    return server


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting, no `.env` and no DAGSTER_HOME of whoever runs the tests."""
    for name in os.environ:
        if name.startswith(("CALVEN_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def deployment(tmp_path: Path, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """The samples, and one key for everything."""
    return new_deployment(tmp_path / "data", sandbox, monkeypatch)


@pytest.fixture(scope="session")
def rehearsed_folder(server: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after one dry run on the samples: reference data, verdicts, and every valid event pending."""
    with pytest.MonkeyPatch.context() as patch:
        server.set_world(samples_folder() / "world")
        server.clear()
        deployment = new_deployment(tmp_path_factory.mktemp("rehearsed") / "data", server, patch)
        deployment.set(PUBLISH="dry-run")
        assert deployment.run().success
        assert server.accepted() == []
    return deployment.data_dir


@pytest.fixture
def rehearsed(rehearsed_folder: Path, deployment: Deployment) -> Deployment:
    """The deployment with a copy of that folder."""
    return deployment.copy_of(rehearsed_folder)
