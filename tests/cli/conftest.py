"""What the tests of the commands share with those of Dagster."""

from tests.dagster.migrations import migrations_read_once

__all__ = ["migrations_read_once"]
