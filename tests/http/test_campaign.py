"""Every fault that we can produce, and what holds after each: see `tests.http.campaign`.

    uv run pytest -m campaign -s tests/http/test_campaign.py

prints the table of faults. A handful of the most telling ones runs with every test.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from calven_pipeline.sandbox import SandboxServer
from tests.http.campaign import ALL, EVENTS, Fault, Line, endure, table
from tests.http.fault_site import Clock, Site

SHORT = (
    "drop-after-store",
    "one poison event in a hundred",
    "401 mid-run, for good",
    "SIGKILL before the commit",
    "two runs at once",
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A data folder whose exports are judged and wait to be sent; each fault gets a copy."""
    clock = Clock()
    with SandboxServer(users=40, clock=clock, record_calls=True) as sandbox:
        site = Site(tmp_path_factory.mktemp("campaign") / "data", sandbox, clock)
        site.begin()
        site.add_exports("first", EVENTS)
        site.judge()
        yield site


@pytest.fixture
def site(prepared: Site, tmp_path: Path) -> Iterator[Site]:
    """A copy of the prepared folder for one fault, and a sandbox that knows of nothing."""
    site = prepared.copy(tmp_path / "data")
    with site.leaving:
        yield site


@pytest.fixture(scope="module")
def lines() -> Iterator[list[Line]]:
    """The rows of the table, which is printed at the end."""
    lines: list[Line] = []
    yield lines
    print(f"\n\n{table(lines)}\n")


def faults(*names: str) -> list[Fault]:
    return [fault for fault in ALL if not names or fault.name in names]


@pytest.mark.campaign
@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.name)
def test_a_fault_costs_nothing_but_time(site: Site, fault: Fault, lines: list[Line]) -> None:
    """Books balance, no event is lost, no denied row sent, no secret told, and one clean run finishes the work."""
    lines.append(endure(site, fault))


@pytest.mark.parametrize("fault", faults(*SHORT), ids=lambda fault: fault.name)
def test_the_most_telling_faults(site: Site, fault: Fault) -> None:
    """The same, of each kind one or two."""
    assert endure(site, fault).runs <= 3


def test_names_of_faults_are_their_own() -> None:
    """A short form that names a fault which is gone would test nothing."""
    names = [fault.name for fault in ALL]
    assert len(set(names)) == len(names)
    assert set(SHORT) <= set(names)
