"""A data folder belongs to Calven or to a sandbox, never to both."""

from pathlib import Path

import pytest

from calven_pipeline.errors import SettingsError
from calven_pipeline.warehouse.database import open_working_database
from calven_pipeline.warehouse.home import check_home, settle_home

CALVEN, SANDBOX = "https://api.calven.com", "http://127.0.0.1:8787"


@pytest.mark.parametrize(("first", "second"), [(CALVEN, SANDBOX), (SANDBOX, CALVEN)])
def test_the_other_kind_of_calven_is_refused(tmp_path: Path, first: str, second: str) -> None:
    """Sample events must not reach Calven, and what a sandbox took is not delivered."""
    with open_working_database(tmp_path) as database:
        settle_home(database, first)
        with pytest.raises(SettingsError, match="CALVEN_DATA_DIR"):
            check_home(database, second)


def test_another_sandbox_is_welcome(tmp_path: Path) -> None:
    """A sandbox has another port each time."""
    with open_working_database(tmp_path) as database:
        settle_home(database, SANDBOX)
        check_home(database, "http://localhost:1")


def test_a_try_without_data_binds_nothing(tmp_path: Path) -> None:
    """A folder that was only pointed at Calven, without a key, may still become a sandbox's."""
    with open_working_database(tmp_path) as database:
        check_home(database, CALVEN)
        settle_home(database, SANDBOX)
