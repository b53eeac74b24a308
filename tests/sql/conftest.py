"""A data folder with a working database, driven step by step: exports in, verdicts out."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from calven_pipeline.exports.profiles import SourceProfile, load_profiles
from calven_pipeline.exports.staging import Staging, stage_exports
from calven_pipeline.validation.books import balance
from calven_pipeline.validation.verdicts import Validation, validate
from calven_pipeline.warehouse.database import WorkingDatabase, open_working_database

NOW = datetime(2026, 10, 31, 12, tzinfo=UTC)
COLUMNS = "timestamp,eventId,sourceUserId,userId,userEmail,locationId,locationType"

VERDICTS = """
    select f.source_file, s.row_id - f.first_row_id + 1, v.verdict, v.reasons, u.user_id, u.user_email, v.sends_email,
        l.location_id, l.location_type
    from staged_presence s
        join export_files f using (file_id)
        left join validated_presence v using (row_id)
        left join known_users u using (user_key)
        left join known_locations l using (location_key)
    order by s.row_id
"""


@dataclass(frozen=True)
class Judged:
    """One row as validation left it: where it stands, its verdict, and what would be sent of it."""

    source_file: str
    row_number: int
    verdict: str | None
    reasons: tuple[str, ...]
    user_id: str | None
    user_email: str | None
    sends_email: bool | None
    location_id: str | None
    location_type: str | None

    def __str__(self) -> str:
        """`valid`, or `rejected: unknown_user, missing_location`."""
        return f"{self.verdict}: {', '.join(self.reasons)}" if self.reasons else str(self.verdict)


@dataclass
class Pipeline:
    """The steps from export to verdict on a data folder of one's own; reference data is put in place by hand."""

    data: Path
    now: datetime = NOW
    _stack: ExitStack = field(default_factory=ExitStack)
    _database: WorkingDatabase | None = None

    @property
    def database(self) -> WorkingDatabase:
        if self._database is None:
            self._database = self._stack.enter_context(open_working_database(self.data, wait_s=0))
        return self._database

    def close(self) -> None:
        """End the work on the database as a run's end would; the next use opens it again."""
        self._stack.close()
        self._database = None

    def users(self, users: Iterable[tuple[str, str | None]]) -> None:
        """Calven's users from now on: pairs of id and address."""
        users = list(users)
        self._pulled("users", users)
        self._fill("users (user_id, email, pulled_at)", users)
        self.database.run("validation/refresh_known_users")
        self.database.run("validation/add_known_users")

    def locations(self, locations: Iterable[str]) -> None:
        """Calven's offices from now on."""
        rows = [(location,) for location in locations]
        self._pulled("locations", rows)
        self._fill("locations (location_id, pulled_at)", rows)

    def desks(self, desks: Iterable[tuple[str, str | None, str | None]]) -> None:
        """Calven's desks from now on: desk, zone and level."""
        desks = list(desks)
        self._pulled("desks", desks)
        self._fill("desks (desk_id, zone_id, level_id, pulled_at)", desks)

    def _pulled(self, resource: str, rows: Sequence[tuple[Any, ...]]) -> None:
        self.database.run(f"reference/clear_{resource}")
        self.database.run("reference/forget_pull", {"resource": resource})
        sha256 = hashlib.sha256(repr(rows).encode()).hexdigest()
        pull = {"resource": resource, "pulled_at": NOW, "row_count": len(rows), "size_bytes": 0, "sha256": sha256}
        self.database.run("reference/add_pull", pull)

    def _fill(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            marks = ", ".join(["(" + "?, " * len(rows[0]) + "timestamp '2026-10-01')"] * len(rows))
            values = [value for row in rows for value in row]
            self.database.connection.execute(f"insert into {table} values {marks}", values)

    def export(self, name: str, text: str | bytes) -> Path:
        """Drop an export."""
        path = self.data / "exports" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def swipes(self, *lines: str, name: str = "a.csv") -> Path:
        """Drop a CSV export in the API's own field names."""
        return self.export(name, "\n".join([COLUMNS, *lines]) + "\n")

    def table(self, name: str, *lines: str) -> None:
        """Write `people.csv` or `places.csv`, header first."""
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / name).write_text("\n".join(lines) + "\n")

    def profile(self, yaml: str) -> None:
        """Write `sources.yaml`."""
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "sources.yaml").write_text(yaml)

    def stage(self) -> Staging:
        return self._stage(load_profiles(self.data))

    def validate(self) -> Validation:
        return self._validate(load_profiles(self.data))

    def _stage(self, profiles: Sequence[SourceProfile]) -> Staging:
        return stage_exports(self.database, profiles, self.data)

    def _validate(self, profiles: Sequence[SourceProfile]) -> Validation:
        validation = validate(self.database, profiles, self.data, now=self.now)
        books = balance(self.database)
        assert books.balanced, books.story
        return validation

    def run(self) -> Validation:
        """Both steps; no file may be a problem, and the books must balance after."""
        profiles = load_profiles(self.data)
        assert self._stage(profiles).problems == []
        return self._validate(profiles)

    def rows(self) -> list[Judged]:
        """Every row ever staged, in the order of reading."""
        found = self.database.connection.execute(VERDICTS).fetchall()
        return [Judged(*row[:3], tuple(row[3] or ()), *row[4:]) for row in found]

    def outcomes(self) -> list[str]:
        """Every row's verdict and reasons as text, in the order of reading."""
        return [str(row) for row in self.rows()]

    def ask(self, sql: str) -> list[Any]:
        """The rows of a query; plain values where it has one column."""
        rows = self.database.connection.execute(sql).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that is only copied: Ann, Bob and one office with a level, a zone and two desks."""
    pipeline = Pipeline(tmp_path_factory.mktemp("company") / "data")
    pipeline.users([("U-ann", "ann@x.example"), ("U-bob", "bob@x.example"), ("U-nobody", None)])
    pipeline.locations(["Office"])
    pipeline.desks([("Desk-1", "Zone-1", "Level-1"), ("Desk-2", None, None)])
    pipeline.close()
    return pipeline.data


@pytest.fixture
def pipeline(tmp_path: Path, company: Path) -> Iterator[Pipeline]:
    """The steps on a copy of that folder."""
    pipeline = Pipeline(shutil.copytree(company, tmp_path / "data"))
    yield pipeline
    pipeline.close()
