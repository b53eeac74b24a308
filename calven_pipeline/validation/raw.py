"""The original text of rejected rows, read from the export itself while it is still there.

What may surprise: the text of every row is not kept a second time, since that costs more than all of validation; what a
rejection needs is read again, small files many at a time. Where the file has gone or changed in between, or its profile
now reads other rows from it, the text is rebuilt from the staged columns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from calven_pipeline.errors import SourceProfileError, UnreadableExportError
from calven_pipeline.exports.arrivals import Contents, NewFile
from calven_pipeline.exports.bundles import SMALL_BYTES, Bundle, Headers
from calven_pipeline.exports.folder import DropFolder, ExportFile, drop_folder
from calven_pipeline.exports.profiles import SourceProfile
from calven_pipeline.exports.reading import ExportReader, OddRowsError, open_export, read_as
from calven_pipeline.exports.staging import SCRATCH, emptied
from calven_pipeline.warehouse.database import WorkingDatabase
from calven_pipeline.warehouse.queries import query

EVERY_BUNDLE = "*"  # among the damaged files: none is read together with others


class DamagedExportError(Exception):
    """A file that could be read when it was staged no longer can, and DuckDB has given up the transaction over it."""

    def __init__(self, source_file: str) -> None:
        super().__init__(source_file)
        self.source_file = source_file


@dataclass(frozen=True)
class Rows:
    """Where the rows of one file stand in the working database, and whether some are malformed."""

    first_row_id: int
    row_count: int
    has_malformed: bool


def keep_raw(
    database: WorkingDatabase, profiles: Sequence[SourceProfile], data_dir: Path, damaged: Collection[str] = ()
) -> None:
    """Fill `rejections.raw` wherever it is missing; the `damaged` files are not opened.

    Raises `DamagedExportError`; the transaction is lost then.
    """
    folder = drop_folder(data_dir)
    scratch = emptied(database.state / SCRATCH)
    found = _files_without_raw(database, profiles, folder, damaged)
    keeper = _Keeper(database, Contents(), scratch, Headers(), bundles=EVERY_BUNDLE not in damaged)
    keeper.keep(found)
    database.run("validation/rebuild_raw")


def forget_fetched(data_dir: Path) -> None:
    """Give up what was fetched from a remote folder, once the texts that rejections need are kept for good."""
    drop_folder(data_dir).forget()


_Read = tuple[NewFile, Rows]


def _files_without_raw(
    database: WorkingDatabase, profiles: Sequence[SourceProfile], folder: DropFolder, damaged: Collection[str]
) -> list[_Read]:
    """The files to read again, as they were staged; those that are gone, changed or read otherwise since are left out."""
    by_name = {profile.name: profile for profile in profiles}
    found = []
    for (
        source,
        source_file,
        container,
        size_bytes,
        modified_ns,
        sha256,
        content_bytes,
        was_read_as,
        *rows,
    ) in database.rows("validation/files_without_raw"):
        name = container or source_file
        file = ExportFile(source, name, folder.path_of(name), size_bytes, modified_ns)
        if source in by_name and source_file not in damaged and folder.is_at_hand(file):
            content = NewFile(by_name[source], file, source_file, sha256, content_bytes, container is not None)
            if was_read_as in {None, _read_as(content)}:
                found.append((content, Rows(*rows)))
    return found


def _read_as(content: NewFile) -> str:
    try:
        return read_as(content.profile, content.at(content.file.path))
    except UnreadableExportError:
        return ""  # the profile has no format for it any more


@dataclass(frozen=True)
class _Keeper:
    """Reads files again: small ones together, others one by one."""

    database: WorkingDatabase
    contents: Contents
    scratch: Path
    headers: Headers
    bundles: bool

    def keep(self, files: Sequence[_Read]) -> None:
        """Keep the texts of all rows that are rejected and have none."""
        waiting = list(reversed(files))
        while waiting:
            alone = []
            with Bundle[_Read](self.scratch, self.headers) as gathered:
                while waiting and not gathered.is_full:
                    read = waiting.pop()
                    if not self._add(read, gathered):
                        alone.append(read)
                alone += self._keep_from_bundle(gathered)
            for read in alone:
                self._keep_from_file(*read)

    def _add(self, read: _Read, gathered: Bundle[_Read]) -> bool:
        new, rows = read
        if not self.bundles or new.size_bytes > SMALL_BYTES:
            return False
        try:
            content = self.contents.read(new)
            return new.is_of(content) and gathered.add(
                read, new.profile, new.at(new.file.path), content, rows.row_count
            )
        except UnreadableExportError:
            return False

    def _keep_from_bundle(self, gathered: Bundle[_Read]) -> list[_Read]:
        """Read the bundle; the files that have to be read one by one."""
        connection, alone = self.database.connection, list[_Read]()
        for group in gathered.groups:
            files = [read for read, _ in group.files]
            try:
                if not self._read(partial(group.open, connection, self.scratch), [rows for _, rows in files]):
                    alone += files
            except (SourceProfileError, UnreadableExportError):
                alone += files
            except (OddRowsError, duckdb.Error) as error:
                raise DamagedExportError(EVERY_BUNDLE) from error
        return alone

    def _keep_from_file(self, new: NewFile, rows: Rows) -> None:
        """Read a file by itself; where it has other rows by now, the texts are rebuilt from what was staged."""
        connection = self.database.connection
        try:
            with self.contents.plain(new, self.scratch) as file:
                self._read(partial(open_export, connection, new.profile, file, self.scratch), [rows])
        except SourceProfileError:
            return  # the profile names other columns by now: the text is rebuilt from what was staged
        except (UnreadableExportError, OddRowsError, duckdb.Error) as error:
            raise DamagedExportError(new.source_file) from error

    def _read(self, opened: Callable[..., AbstractContextManager[ExportReader]], files: Sequence[Rows]) -> bool:
        """Keep the texts of an export that holds the rows of these files one after another; False if it has not as many.

        Only whole lines of which none is malformed are read trustingly: an error on the way costs the transaction.
        """
        if not any(rows.has_malformed for rows in files):
            with opened(trusting=True) as export:
                if export.reads_lines:
                    return self._keep(export, files)
        with opened(trusting=False) as export:
            return self._keep(export, files)

    def _keep(self, export: ExportReader, files: Sequence[Rows]) -> bool:
        self.database.run(
            "validation/rows_without_raw",
            {
                "first_row_ids": [rows.first_row_id for rows in files],
                "row_counts": [rows.row_count for rows in files],
            },
        )
        wanted = self.database.connection.table("rows_without_raw")
        with self.database.joins_as_written(), self.database.relation("raw_rows", export.raw(wanted)):
            self.database.connection.execute(query("validation/read_raw"))
        if not self.database.value("validation/has_same_rows"):
            return False
        self.database.run("validation/keep_raw")
        return True
