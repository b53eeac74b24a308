"""Resources: how a step gets at Calven and at the working database.

What may surprise: they have no fields. Settings are read when a step needs them, so that no key is ever part of a run's
configuration, which Dagster stores.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from calven_pipeline.settings import DataFolder, Settings

if TYPE_CHECKING:
    from calven_pipeline.api import CalvenClient
    from calven_pipeline.warehouse.database import WorkingDatabase


class Warehouse(dg.ConfigurableResource):  # type: ignore[type-arg]  # generic only over what an IO manager is given
    """The working database and the data folder it lies in."""

    @property
    def data_dir(self) -> Path:
        """CALVEN_DATA_DIR."""
        return DataFolder.load().data_dir

    def open(self) -> "AbstractContextManager[WorkingDatabase]":
        """The working database, for one step."""
        from calven_pipeline.warehouse.database import open_working_database

        return open_working_database(self.data_dir)


class Calven(dg.ConfigurableResource):  # type: ignore[type-arg]  # see above
    """The Calven API with the keys of this deployment."""

    @contextmanager
    def connect(self) -> Iterator["CalvenClient"]:
        """A client for one step."""
        from calven_pipeline.api import CalvenClient

        with CalvenClient(Settings.load()) as client:
            yield client


@dg.definitions
def resources() -> dg.Definitions:
    """Both resources under the names that assets ask for."""
    return dg.Definitions(resources={"warehouse": Warehouse(), "calven": Calven()})
