"""The original text of rejected rows, read from the export itself while it is still there.

What may surprise: the text of every row is not kept a second time, since that costs more than all of validation; what a
rejection needs is read again. Where the file has gone or changed in between, the text is rebuilt from the staged columns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb

from calven_pipeline.errors import SourceProfileError, UnreadableExportError
from calven_pipeline.exports.discovery import ExportFile
from calven_pipeline.exports.profiles import SourceProfile
from calven_pipeline.exports.reading import OddRowsError, open_export
from calven_pipeline.exports.staging import SCRATCH
from calven_pipeline.warehouse.database import WorkingDatabase
from calven_pipeline.warehouse.queries import query


class DamagedExportError(Exception):
    """A file that could be read when it was staged no longer can, and DuckDB has given up the transaction over it."""

    def __init__(self, source_file: str) -> None:
        super().__init__(source_file)
        self.source_file = source_file


def keep_raw(
    database: WorkingDatabase, profiles: Sequence[SourceProfile], data_dir: Path, damaged: Collection[str] = ()
) -> None:
    """Fill `rejections.raw` wherever it is missing; the `damaged` files are not opened.

    Raises `DamagedExportError`; the transaction is lost then.
    """
    by_name = {profile.name: profile for profile in profiles}
    for source, source_file, first_row_id, size_bytes, modified_ns in database.rows("validation/files_without_raw"):
        file = _same_file(data_dir / "exports" / source_file, source, source_file, size_bytes, modified_ns)
        if file is not None and source in by_name and source_file not in damaged:
            _keep_from_file(database, by_name[source], file, first_row_id)
    database.run("validation/rebuild_raw")


def _same_file(path: Path, source: str, source_file: str, size_bytes: int, modified_ns: int) -> ExportFile | None:
    """The export as it was staged; None where it is gone or was changed since."""
    try:
        state = path.stat()
    except OSError:
        return None
    if (state.st_size, state.st_mtime_ns) != (size_bytes, modified_ns):
        return None
    return ExportFile(source, source_file, path, size_bytes, modified_ns)


def _keep_from_file(database: WorkingDatabase, profile: SourceProfile, file: ExportFile, first_row_id: int) -> None:
    for trusting in (True, False):
        try:
            _read_raw(database, profile, file, first_row_id, trusting=trusting)
        except OddRowsError:
            continue
        except SourceProfileError:
            return  # the profile names other columns by now: the text is rebuilt from what was staged
        except (UnreadableExportError, duckdb.Error) as error:
            raise DamagedExportError(file.source_file) from error
        return


def _read_raw(
    database: WorkingDatabase, profile: SourceProfile, file: ExportFile, first_row_id: int, *, trusting: bool
) -> None:
    scratch = database.state / SCRATCH
    scratch.mkdir(exist_ok=True)
    database.run("validation/rows_without_raw", {"first_row_id": first_row_id})
    with open_export(database.connection, profile, file, scratch, trusting=trusting) as export:
        wanted = database.connection.table("rows_without_raw")
        with database.joins_as_written(), database.relation("raw_rows", export.raw(wanted)):
            database.connection.execute(query("validation/read_raw"))
    database.run("validation/keep_raw", {"first_row_id": first_row_id})
