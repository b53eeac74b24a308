"""One served project and one browser for all tests in it; nothing where there is no Chromium."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.clicking import browsing, chromium
from tests.browser.serving import serving
from tests.dagster.receiving import Receiver, receiving

if TYPE_CHECKING:
    from tests.browser.clicking import Person
    from tests.browser.serving import Served


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Where alerts go."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator["Served"]:
    pytest.importorskip("playwright", reason="`uv sync --group browser`")
    if chromium() is None:
        pytest.skip("there is no Chromium here")
    with serving(tmp_path_factory.mktemp("served") / "project", ALERT_WEBHOOK=receiver.url) as served:
        yield served


@pytest.fixture
def person(served: "Served") -> Iterator["Person"]:
    with browsing(served.url) as person:
        yield person
