"""The analysts' tables as Parquet files, for tools that do not speak DuckDB: a file per table, and a folder per local day.

    users.parquet ... snapshot.parquet
    presence/2026-11-02/presence.parquet              likewise daily_presence
    presence/without-day/presence.parquet             rows without a day

The day stands in the files as well, as a date; no folder is named `local_date=...`, since pyarrow refuses a whole table of such
folders where one of them is of rows without a day (tried with 26.0).

What may surprise: only days that changed are written anew. What is owed is noted in the analysts' file in the transaction
that changes it, so a run that ends too early leaves nothing out. Every file is replaced in one step, but not all at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from calven_pipeline.errors import SettingsError
from calven_pipeline.warehouse.database import WorkingDatabase, foreign_errors
from calven_pipeline.warehouse.dictionary import TABLES, Table
from calven_pipeline.warehouse.readers import admit, create_private

DAY = "local_date"
TABLES_BY_DAY = ("presence", "daily_presence")
ALWAYS_WRITTEN = ("export_files", "requests", "snapshot")  # small ones
NO_DAY = "without-day"
DAY_FOLDERS = ("????-??-??", NO_DAY, f"{DAY}=*")  # the last ones were written by earlier versions
NEW = ".new"


def parquet_folder(setting: Path | None, data_dir: Path) -> Path | None:
    """Where the files go; raises `SettingsError` for a folder that the pipeline reads or keeps its own files in."""
    if setting is None:
        return None
    folder = data_dir / setting
    ours = data_dir.resolve()
    if folder.resolve() == ours or any(folder.resolve().is_relative_to(ours / name) for name in ("exports", "state")):
        raise SettingsError(
            f"CALVEN_PARQUET: {folder} is a folder of the pipeline itself. Name another one, such as parquet."
        )
    if not _is_ours(folder):
        raise SettingsError(
            f"CALVEN_PARQUET: {folder} cannot be listed or holds something else, and would be closed to everybody but the pipeline and "
            "its readers. Name a folder that is empty, or not there yet."
        )
    return folder


def _is_ours(folder: Path) -> bool:
    """Whether the folder is not there, is empty, or holds anything that we would write there."""
    ours = {name for table in TABLES for name in (table.name, f"{table.name}.parquet", f".{table.name}.parquet{NEW}")}
    try:
        names = {found.name for found in folder.iterdir()}
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not names or not names.isdisjoint(ours)


def write_parquet(database: WorkingDatabase, folder: Path, group: int | None) -> None:
    """Bring the files up to date with the attached analysts' file; days and leftovers that it does not hold go.

    Raises `OSError` or `WorkingDatabaseError` where the disk refuses; what is not written yet stays owed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    admit(folder, group)
    is_elsewhere = database.value("analytics/written") != str(folder.resolve())
    owed = {name for (name,) in database.rows("analytics/owed_tables")}
    for table in TABLES:
        if table.name in TABLES_BY_DAY:
            _write_days(database, folder / table.name, table, group, all_of_them=is_elsewhere)
        else:
            path = folder / f"{table.name}.parquet"
            if is_elsewhere or table.name in owed or table.name in ALWAYS_WRITTEN or not path.exists():
                _write(database, path, _rows_of(table), {}, group)
            admit(path, group)
    with database.transaction():
        database.run("analytics/forget_owed")
        database.run("analytics/forget_written")
        database.run("analytics/add_written", {"folder": str(folder.resolve())})


def _write_days(database: WorkingDatabase, folder: Path, table: Table, group: int | None, *, all_of_them: bool) -> None:
    folder.mkdir(exist_ok=True)
    admit(folder, group)
    days = {_name(day): day for (day,) in database.rows(f"analytics/days_of_{table.name}")}
    owed = {_name(day) for (day,) in database.rows("analytics/owed_days", {"table_name": table.name})}
    for stale in sorted(set(_day_folders(folder)) - set(days)):
        _remove(folder / stale)
    statement = f"{_rows_of(table)} where {DAY} is not distinct from $day"
    for name, day in days.items():
        path = folder / name / f"{table.name}.parquet"
        if all_of_them or name in owed or not path.exists():
            path.parent.mkdir(exist_ok=True)
            _write(database, path, statement, {"day": day}, group)
        admit(path.parent, group)
        admit(path, group)


def _write(
    database: WorkingDatabase, path: Path, statement: str, values: dict[str, date | None], group: int | None
) -> None:
    """Write beside the old file, see it on the disk, and put it in its place."""
    new = path.with_name(f".{path.name}{NEW}")
    create_private(new)
    # COPY takes no parameter for its path; a path may hold a quote. Without a file of its own choice, ours keeps its rights.
    target = str(new).replace("'", "''")
    try:
        with foreign_errors(f"write {path.name}"):
            database.connection.execute(
                f"copy ({statement}) to '{target}' (format parquet, use_tmp_file false)", values
            )
        with new.open("rb") as file:
            os.fsync(file.fileno())
        admit(new, group)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)  # half a file keeps a full disk full
        raise


def _rows_of(table: Table) -> str:
    """The table with its columns; JSON is text to most readers."""
    columns = ", ".join(
        f'"{column.name}"::varchar as "{column.name}"' if column.type == "JSON" else f'"{column.name}"'
        for column in table.columns
    )
    return f"select {columns} from analytics.{table.name}"  # noqa: S608 - names are constants of the dictionary


def _name(day: date | None) -> str:
    return day.isoformat() if day else NO_DAY


def _day_folders(folder: Path) -> Iterator[str]:
    return (found.name for pattern in DAY_FOLDERS for found in folder.glob(pattern) if found.is_dir())


def _remove(folder: Path) -> None:
    """Remove the folder of a day with the files that are ours; others, which somebody put there, stay."""
    for file in (*folder.glob("*.parquet"), *folder.glob(f".*{NEW}")):
        file.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
