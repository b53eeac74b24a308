"""A sheet of a workbook as CSV text, so that header, positions and row numbers are as for any CSV file.

What may surprise: pandas reads it, with the engine "calamine", and the whole sheet is in memory (a sheet has a million
rows at most). Its parts are unpacked once before that, with a limit. Excel keeps times as fractions of a day, so they
are rounded to the millisecond; a column whose dates all fall on midnight is one of dates.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calven_pipeline.exports.dialect import Dialect
from calven_pipeline.exports.encodings import CHUNK_BYTES, UTF_8, UnreadableTextError
from calven_pipeline.exports.wording import shown

if TYPE_CHECKING:
    import pandas as pd

MOST_UNPACKED_BYTES = 1000**3
MOST_TIMES_PACKED = 200
FREE_BYTES = 100 * 1000**2
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
WORKBOOK_PART = "xl/workbook"
MOST_SHEETS_SHOWN = 10


def write_sheet(
    path: Path, target: Path, dialect: Dialect, *, rows: int | None = None, has_blank_rows: bool = False
) -> None:
    """Write the dialect's sheet, or the first, as CSV in UTF-8 below its `skip_lines`; only the first `rows`, if given.

    Rows without any value are left out, unless `has_blank_rows`. Raises `UnreadableTextError` or `OSError`.
    """
    _refuse_other_files(path)
    cells = _cells(path, dialect, rows)
    texts = cells.apply(_as_texts, axis="index") if len(cells) else cells
    if not has_blank_rows:
        texts = texts[(texts != "").any(axis="columns")]
    texts.to_csv(target, header=False, index=False, encoding=UTF_8, lineterminator="\n")


def as_written(dialect: Dialect) -> Dialect:
    """The dialect of the text that `write_sheet` writes."""
    return replace(dialect, encoding=UTF_8, delimiter=",", quote='"', skip_lines=0)


def _refuse_other_files(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(len(OLE2))
    if head == OLE2:
        raise UnreadableTextError(
            "it is protected by a password, or an Excel file of the old kind (.xls); save it as .xlsx without a password"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            _refuse_explosion(archive, path.stat().st_size)
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise UnreadableTextError(
            "it is no Excel workbook (.xlsx), or a cut one; check that the file is whole"
        ) from error
    if not any(name.startswith(WORKBOOK_PART) for name in names):
        raise UnreadableTextError("it is a zip file but no Excel workbook (.xlsx)")


def _refuse_explosion(archive: zipfile.ZipFile, packed_bytes: int) -> None:
    """Unpack every part once, counting: what the archive says of its sizes is not believed."""
    unpacked = 0
    most = min(MOST_UNPACKED_BYTES, max(FREE_BYTES, MOST_TIMES_PACKED * packed_bytes))
    for part in archive.infolist():
        with archive.open(part) as content:
            while chunk := content.read(CHUNK_BYTES):
                unpacked += len(chunk)
                if unpacked > most:
                    raise UnreadableTextError(f"it unpacks to more than {most:,} bytes; export it as CSV")


def _cells(path: Path, dialect: Dialect, rows: int | None) -> pd.DataFrame:
    import pandas as pd

    with _workbook(path) as workbook:
        sheets = [str(name) for name in workbook.sheet_names]
        if dialect.sheet is not None and dialect.sheet not in sheets:
            names = ", ".join(map(shown, sheets[:MOST_SHEETS_SHOWN]))
            raise UnreadableTextError(f"it has no sheet {dialect.sheet!r}; it has {names}")
        try:
            return pd.read_excel(
                workbook, sheet_name=dialect.sheet or 0, header=None, dtype=object, na_filter=False,
                skiprows=dialect.skip_lines, nrows=rows,
            )  # fmt: skip
        except Exception as error:  # the engine's own errors have no common class
            raise UnreadableTextError(f"its sheet cannot be read ({type(error).__name__}); export it as CSV") from error


def _workbook(path: Path) -> pd.ExcelFile:
    import pandas as pd

    try:
        return pd.ExcelFile(path, engine="calamine")
    except ImportError:
        raise
    except Exception as error:  # the engine's own errors have no common class
        raise UnreadableTextError(
            f"it is no Excel workbook ({type(error).__name__}); save it again as .xlsx"
        ) from error


def _as_texts(column: pd.Series[Any]) -> pd.Series[str]:
    """A column's cells as text; each kind of cell is written by itself, all its cells at once."""
    import datetime

    import pandas as pd

    kinds = column.map(type)
    texts = column.astype(str).mask(column.isna(), "")
    for kind in kinds.unique():
        of_kind = kinds == kind
        if issubclass(kind, bool):
            texts[of_kind] = texts[of_kind].str.lower()
        elif issubclass(kind, datetime.date):
            texts[of_kind] = _instants(pd.to_datetime(column[of_kind]), "%Y-%m-%d %H:%M:%S")
        elif issubclass(kind, datetime.time):
            texts[of_kind] = _instants(pd.to_datetime("2000-01-01 " + texts[of_kind], format="ISO8601"), "%H:%M:%S")
        elif issubclass(kind, float):
            texts[of_kind] = texts[of_kind].str.removesuffix(".0")
    return texts


def _instants(times: pd.Series[pd.Timestamp], written: str) -> pd.Series[str]:
    rounded = times.dt.round("ms")
    if "%Y" in written and (rounded == rounded.dt.normalize()).all():
        return rounded.dt.strftime("%Y-%m-%d")
    texts = rounded.dt.strftime(written)
    thousandths = rounded.dt.strftime("%f").str[:3]
    return texts.where(thousandths == "000", texts + "." + thousandths)
