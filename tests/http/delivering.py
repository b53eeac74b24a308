"""A pipeline with valid events in its outbox and a sandbox to send them to."""

import contextlib
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from calven_pipeline.api import CalvenClient
from calven_pipeline.delivery.publish import Delivery, publish_due
from calven_pipeline.delivery.sender import Log
from calven_pipeline.exports.profiles import load_profiles
from calven_pipeline.exports.staging import stage_exports
from calven_pipeline.reference.pull import pull_reference
from calven_pipeline.sandbox import SandboxServer
from calven_pipeline.settings import Settings
from calven_pipeline.validation.books import balance
from calven_pipeline.validation.verdicts import validate
from calven_pipeline.warehouse.database import WorkingDatabase, open_working_database
from calven_pipeline.warehouse.snapshot import write_snapshot

_LOGGER = logging.getLogger(__name__)
RESOURCES = ("users", "locations", "desks")
USERS = 40  # of every sandbox that is given a data folder of the stock


@dataclass
class Pipeline:
    """A data folder, and the sandbox that it talks to."""

    data_dir: Path
    sandbox: SandboxServer

    def settings(self, **changes: object) -> Settings:
        """Settings for this sandbox with the key for everything."""
        keys = {"api_key": "sandbox-all", "api_secret": "sandbox-all-secret"}
        return Settings(api_url=self.sandbox.url, data_dir=self.data_dir, **{**keys, **changes})

    @contextlib.contextmanager
    def database(self) -> Iterator[WorkingDatabase]:
        """The working database."""
        with open_working_database(self.data_dir) as database:
            yield database

    def pull(self) -> None:
        """Reference data, as the sandbox has it now."""
        with self.database() as database, CalvenClient(self.settings()) as client:
            for resource in RESOURCES:
                pull_reference(client, database, resource)

    def export(self, name: str, events: int, *, first: int = 0) -> None:
        """Write an export of events that are all valid; each event has the id `event-<number>`."""
        users = [user["userId"] for user in self.sandbox.world.rows("users")]
        desks = [desk["deskId"] for desk in self.sandbox.world.rows("desks")]
        path = self.data_dir / "exports" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ["timestamp,eventId,userId,locationId,locationType"]
        lines += [
            f"2026-10-{1 + n % 28:02d}T08:00:{n % 60:02d}Z,event-{n},{users[n % len(users)]},{desks[n % len(desks)]},place"
            for n in range(first, first + events)
        ]
        path.write_text("\n".join(lines) + "\n")

    def judge(self) -> None:
        """Stage and validate what is new."""
        with self.database() as database:
            profiles = load_profiles(self.data_dir)
            stage_exports(database, profiles, self.data_dir)
            validate(database, profiles, self.data_dir)

    def publish(self, *, log: Log = _LOGGER.info, **settings: object) -> Delivery:
        """Deliver what is due, then check that the books balance."""
        with self.database() as database, CalvenClient(self.settings(**settings)) as client:
            delivery = publish_due(database, client, load_profiles(self.data_dir), self.data_dir, log=log)
            books = balance(database)
            assert books.balanced, books.story
        return delivery

    def outcomes(self) -> dict[str, int]:
        """Rows by outcome, as analysts see them."""
        return dict(self.ask("select outcome, count(*) from presence group by outcome"))

    def ask(self, sql: str) -> list[tuple]:
        """Rows of a fresh snapshot."""
        with self.database() as database:
            write_snapshot(database, self.data_dir)
        with duckdb.connect(str(self.data_dir / "calven.duckdb"), read_only=True) as snapshot:
            return snapshot.sql(sql).fetchall()

    def most_repeats(self) -> int:
        """How many events reached the sandbox more than once."""
        return sum(event["timesReceived"] > 1 for event in self.sandbox.accepted())


class OpenPipeline(Pipeline):
    """A pipeline whose working database stays open for a whole test: opening it costs more than what is asked of it."""

    _open: WorkingDatabase | None = None

    @contextlib.contextmanager
    def database(self) -> Iterator[WorkingDatabase]:
        """The one that is open."""
        assert self._open is not None
        yield self._open

    @contextlib.contextmanager
    def opened(self) -> Iterator["OpenPipeline"]:
        """The pipeline, while its database is open."""
        with open_working_database(self.data_dir) as self._open:
            yield self


@dataclass(frozen=True)
class Stock:
    """Data folders in which valid events wait: reference data, staged and judged rows. Each is made once, to be copied."""

    folder: Path

    def pipeline(self, data_dir: Path, events: int, sandbox: SandboxServer) -> Pipeline:
        """A copy with that many events, and the sandbox to send them to: one with the company of `USERS` users."""
        made = self.folder / str(events)
        if not made.exists():
            self._make(Pipeline(made, sandbox), events)
        shutil.copytree(made, data_dir)
        return Pipeline(data_dir, sandbox)

    @staticmethod
    def _make(pipeline: Pipeline, events: int) -> None:
        pipeline.pull()
        pipeline.export("events.csv", events)
        pipeline.judge()
        pipeline.sandbox.clear()
