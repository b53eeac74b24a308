"""A sheet of a workbook as CSV text, so that header, positions and row numbers are as for any CSV file.

What may surprise: pandas reads it, with the engine "calamine", and the whole sheet is in memory, from its first corner to
its last filled cell (300 bytes a cell, 100 an empty one). So its parts are unpacked once before that, and their cells
looked at, with limits. Excel keeps times as fractions of a day, so they are rounded to the millisecond; the engine does
not tell a date from a moment at midnight, so a date always comes with its 00:00:00.
"""

from __future__ import annotations

import csv
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calven_pipeline.exports.archives import zip_parts
from calven_pipeline.exports.dialect import Dialect
from calven_pipeline.exports.encodings import UTF_8, UnreadableTextError
from calven_pipeline.exports.sheet_size import NOT_WHOLE, refuse_explosion
from calven_pipeline.exports.wording import shown

if TYPE_CHECKING:
    import pandas as pd

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
WORKBOOK_PART = "xl/workbook"
OTHER_WORKBOOK_PARTS = {"xl/workbook.bin", "content.xml"}  # of binary and of OpenDocument sheets
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
    texts.to_csv(  # a lone carriage return is not quoted otherwise, and would end the row
        target, header=False, index=False, encoding=UTF_8, lineterminator="\n", quoting=csv.QUOTE_ALL
    )


def sheet_names(path: Path) -> tuple[str, ...]:
    """The sheets of a workbook that `write_sheet` could read; raises `UnreadableTextError`."""
    with _workbook(path) as workbook:
        return tuple(map(str, workbook.sheet_names))


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
        names = [part.filename.lower() for part in zip_parts(path)]
        with zipfile.ZipFile(path) as archive:
            refuse_explosion(archive, path.stat().st_size)
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise UnreadableTextError(NOT_WHOLE) from error
    if not any(name.startswith(WORKBOOK_PART) for name in names):
        raise UnreadableTextError("it is a zip file but no Excel workbook (.xlsx)")
    if not OTHER_WORKBOOK_PARTS.isdisjoint(names):
        raise UnreadableTextError("it is a workbook of another kind; save it as .xlsx")


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
            texts[of_kind] = _instants(column[of_kind].astype("datetime64[us]"), "%Y-%m-%d %H:%M:%S")
        elif issubclass(kind, datetime.timedelta):
            texts[of_kind] = _hours(column[of_kind].astype("timedelta64[us]"))
        elif issubclass(kind, datetime.time):
            texts[of_kind] = _instants(pd.to_datetime("2000-01-01 " + texts[of_kind], format="ISO8601"), "%H:%M:%S")
        elif issubclass(kind, float):
            texts[of_kind] = texts[of_kind].str.removesuffix(".0")
    return texts


def _instants(times: pd.Series[pd.Timestamp], written: str) -> pd.Series[str]:
    rounded = times.dt.round("ms")
    return _with_thousandths(rounded.dt.strftime(written), rounded.dt.strftime("%f").str[:3])


def _hours(times: pd.Series[pd.Timedelta]) -> pd.Series[str]:
    """Durations as Excel shows them: hours, which may be more than a day's, minutes, seconds."""
    parts = times.dt.round("ms").dt.components.astype(int)
    whole = (parts["days"] * 24 + parts["hours"]).astype(str).str.zfill(2)
    for unit in ("minutes", "seconds"):
        whole = whole + ":" + parts[unit].astype(str).str.zfill(2)
    return _with_thousandths(whole, parts["milliseconds"].astype(str).str.zfill(3))


def _with_thousandths(texts: pd.Series[str], thousandths: pd.Series[str]) -> pd.Series[str]:
    return texts.where(thousandths == "000", texts + "." + thousandths)
