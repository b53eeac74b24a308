"""Dagster's databases are real ones in these tests; only the scripts that migrate them are read once."""

from collections.abc import Iterator

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory


@pytest.fixture(scope="session", autouse=True)
def migrations_read_once() -> Iterator[None]:
    """Dagster has Alembic read some 80 scripts for each database that it makes: 40 ms, two to four times an instance."""
    read, known = ScriptDirectory.from_config, {}

    def remembered(config: Config) -> ScriptDirectory:
        folder = config.get_main_option("script_location")
        if folder not in known:
            known[folder] = read(config)
        return known[folder]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", remembered)
        yield
