"""Everything that is held about one person, as one JSON file.

What may surprise: its name says nothing about who it is about, and it is for its owner alone. It is a copy like any other: whoever
hands it over deletes it after, or forgets the person, which deletes it too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from calven_pipeline.errors import WorkingDatabaseError
from calven_pipeline.retention.leftovers import fold_leftovers
from calven_pipeline.retention.persons import Asked, Found, find_person
from calven_pipeline.warehouse.database import WorkingDatabase, open_working_database

FOLDER = "persons"
UNFINISHED = ".new"
FOLDER_MODE, FILE_MODE = 0o700, 0o600
# In the order of the file.
TABLES = (
    "users",
    "known_users",
    "people",
    "desks",
    "export_files",
    "staged_presence",
    "validated_presence",
    "outbox",
    "calls",
    "answers",
    "rejections",
    "daily_presence",
    "calven_presence",
    "unconfirmed_presence",
    "requests",
)
OUT_OF_REACH = (
    "the exports themselves, in exports/ and wherever they come from",
    "the people tables (people.csv) that sources.yaml names",
    "Calven: ask there",
    "backups of the data folder",
    "copies of calven.duckdb and its Parquet files that somebody made elsewhere",
)


@dataclass(frozen=True)
class PersonExport:
    """Where the file is, and how many objects of each table stand in it."""

    path: Path
    found: Found
    tables: dict[str, int]

    @property
    def story(self) -> str:
        """One line, without the person."""
        return f"{sum(self.tables.values())} entries about one person, {self.found.rows} rows among them: {self.path}"


def export_person(data_dir: Path, asked: Asked, *, run_id: str) -> PersonExport:
    """Write `persons/person-<run id>.json` with everything held about who is asked for.

    Answers that a killed run left on disk are taken in before. Raises `RequestError` as `find_person` does.
    """
    with open_working_database(data_dir) as database:
        fold_leftovers(database)
        found = find_person(database, asked)
        held = dict(_held(database, found))
        head = database.value("persons/identifiers")
    path = _written(
        data_dir, f"person-{run_id}.json", _text(head, found, {name: text for name, (text, _) in held.items()})
    )
    return PersonExport(path, found, {name: entries for name, (_, entries) in held.items()})


def forget_exports(data_dir: Path, identifiers: str) -> int:
    """Delete the files of earlier exports that are about a person with one of these identifiers; how many."""
    ours, deleted = _keys(json.loads(identifiers)), 0
    for path in sorted((data_dir / FOLDER).glob("person-*.json*")):
        if path.suffix == UNFINISHED or _keys(_head(path)) & ours:
            path.unlink(missing_ok=True)
            deleted += 1
    return deleted


def _held(database: WorkingDatabase, found: Found) -> Iterator[tuple[str, tuple[str, int]]]:
    """Of each table its JSON array, and how many entries that has."""
    database.run("persons/create_iso_utc")
    for table in TABLES:
        parameters = {"mention": found.mention} if table in {"desks", "calven_presence", "requests"} else None
        text = database.value(f"held/{table}", parameters)
        yield table, (text, database.value("persons/count_entries", {"entries": text}))


def _text(head: str, found: Found, tables: dict[str, str]) -> str:
    """The file: who it is about stands on the second line, each table on one of its own."""
    told = {
        "made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "look_before_handing_over": {
            "rows_naming_others": found.rows_naming_others,
            "malformed_rows": found.malformed_rows,
        },
        "left_out_because_shared": {
            "rows": found.rows_left,
            "addresses": found.addresses_shared,
            "badges": found.badges_shared,
        },
        "out_of_reach": OUT_OF_REACH,
    }
    lines = [f'"person": {head}', *(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in told.items())]
    held = ",\n".join(f"{json.dumps(name)}: {text}" for name, text in tables.items())
    return "{\n" + ",\n".join(lines) + ',\n"tables": {\n' + held + "\n}\n}\n"


def _written(data_dir: Path, name: str, text: str) -> Path:
    """The file under that name, all of it or none, for its owner alone."""
    folder = data_dir / FOLDER
    path, new = folder / name, folder / f"{name}{UNFINISHED}"
    try:
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        folder.chmod(FOLDER_MODE)
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "w", encoding="utf-8") as file:
            file.write(text)
        new.replace(path)
    except OSError as error:
        raise WorkingDatabaseError(
            f"Cannot write into {folder}: {error.strerror}. Check the space and the rights of the folder."
        ) from error
    return path


def _head(path: Path) -> object:
    """Who a file is about."""
    with path.open(encoding="utf-8") as file:
        file.readline()
        try:
            return json.loads("{" + file.readline().rstrip().removesuffix(",") + "}").get("person")
        except ValueError:
            return None


def _keys(head: object) -> set[str]:
    """What stands for the person, as comparable texts."""
    if not isinstance(head, dict):
        return set()
    badges = [f"badge {badge['source']} {badge['badge']}" for badge in head.get("badges") or ()]
    return {*(head.get("user_ids") or ()), *(head.get("addresses") or ()), *badges}
