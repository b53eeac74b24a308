"""A data folder belongs to Calven or to a sandbox, never to both."""

from pathlib import Path

import pytest

from calven_pipeline.errors import SettingsError
from calven_pipeline.warehouse.database import open_working_database
from calven_pipeline.warehouse.home import claim_home

CALVEN, SANDBOX = "https://api.calven.com", "http://127.0.0.1:8787"


@pytest.mark.parametrize(("first", "second"), [(CALVEN, SANDBOX), (SANDBOX, CALVEN)])
def test_the_other_kind_of_calven_is_refused(tmp_path: Path, first: str, second: str) -> None:
    """Sample events must not reach Calven, and what a sandbox took is not delivered."""
    with open_working_database(tmp_path) as database:
        claim_home(database, first)
        with pytest.raises(SettingsError, match="CALVEN_DATA_DIR"):
            claim_home(database, second)


def test_another_sandbox_is_welcome(tmp_path: Path) -> None:
    """A sandbox has another port each time."""
    with open_working_database(tmp_path) as database:
        claim_home(database, SANDBOX)
        claim_home(database, "http://localhost:1")
