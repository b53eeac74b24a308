"""How large a workbook's sheets are before they are read: from the first corner to the last filled cell.

What may surprise: the engine makes a whole rectangle of a sheet, so one cell far away costs as much as all between, and
what a sheet says of its own size is not believed. Most sheets are written so plainly that a regular expression proves
them small (0.4 s a million cells); any other is read element by element, which takes ten times that.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO
from xml.parsers import expat

from calven_pipeline.exports.archives import Budget
from calven_pipeline.exports.encodings import CHUNK_BYTES, UnreadableTextError

MOST_UNPACKED_BYTES = 1000**3
MOST_CELLS = 20 * 1000**2  # of a sheet, filled or not: all empty, they take 2 GB of memory
MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384  # Excel's own
NOT_WHOLE = "it is no Excel workbook (.xlsx), or a cut one; check that the file is whole"

CELLS = b"sheetData"  # the element that holds a sheet's
REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})", re.IGNORECASE)
ATTRIBUTES = rb'(?:\s++[\w:.-]++="[^"<>]*+")*+\s*+'
PLACED = rb'c r="[A-Za-z]{1,3}+\d{1,7}+"'
USUAL_CELL = rb'<%s(?: [st]="[^"<>]*+")*+>(?:<v>[^<]*+</v>|<is><t>[^<]*+</t></is>)?+</c>' % PLACED
OTHER_ELEMENT = rb"/?+(?!c[\s/>]|row[\s/>])[A-Za-z]++(?![\w:.-])"
PLAIN = re.compile(  # whose cells and rows all say first where they stand
    rb'(?:%s|[^<]++|<(?:%s|row r="\d{1,7}+"|/c|/row|%s)%s/?+>|<\?xml[^<>]*+>)*+'
    % (USUAL_CELL, PLACED, OTHER_ELEMENT, ATTRIBUTES)
)
FAR_COLUMN = re.compile(rb'<c r="([A-Za-z]{2,3})')
FAR_ROW = re.compile(rb' r="[A-Za-z]*+(\d{6,7})"')
NEAR_COLUMNS, NEAR_ROWS = 26, 99_999  # of one letter, of five digits


def refuse_explosion(archive: zipfile.ZipFile, packed_bytes: int) -> None:
    """Raise `UnreadableTextError` where a workbook's parts unpack to too much, or a sheet has too many cells.

    Every part is unpacked once, counting; `packed_bytes` is the size of the file.
    """
    budget = Budget(packed_bytes, MOST_UNPACKED_BYTES, "export it as CSV")
    for number, part in enumerate(archive.infolist()):
        with archive.open(part) as content:
            is_sheet = _has_cells(_counted(content, str(number), budget))
        if not is_sheet:
            continue
        with archive.open(part) as content:
            is_small = _is_plainly_small(content)
        if not is_small:
            with archive.open(part) as content:
                _refuse_too_many_cells(content)


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    while chunk := content.read(CHUNK_BYTES):
        yield chunk


def _counted(content: IO[bytes], name: str, budget: Budget) -> Iterator[bytes]:
    position = 0
    for chunk in _chunks(content):
        position += len(chunk)
        budget.count(name, position)
        yield chunk


def _has_cells(chunks: Iterable[bytes]) -> bool:
    """Whether a part holds cells; reads it to its end."""
    end, found = b"", False
    for chunk in chunks:
        found = found or CELLS in end + chunk
        end = chunk[-len(CELLS) :]
    return found


def _is_plainly_small(content: IO[bytes]) -> bool:
    rest, rows, columns = b"", NEAR_ROWS, NEAR_COLUMNS
    for chunk in _chunks(content):
        cut = chunk.rfind(b">") + 1
        text, rest = rest + chunk[:cut], chunk[cut:]
        if cut == 0 or PLAIN.fullmatch(text) is None:
            return False
        columns = max(columns, *(_column(letters.decode()) for letters in set(FAR_COLUMN.findall(text))), 0)
        rows = max(rows, *map(int, set(FAR_ROW.findall(text))), 0)
        if rows * columns > MOST_CELLS:
            return False
    return not rest.strip()


def _refuse_too_many_cells(content: IO[bytes]) -> None:
    corner = _Corner()
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = corner.start, corner.end
    parser.StartDoctypeDeclHandler = _refuse_definitions
    try:
        for chunk in _chunks(content):
            parser.Parse(chunk)
            if corner.rows * corner.columns > MOST_CELLS:
                raise UnreadableTextError(
                    f"a sheet is larger than {MOST_CELLS:,} cells; clear the cells far below or beside its rows, "
                    "or export it as CSV"
                )
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise UnreadableTextError(NOT_WHOLE) from error


def _refuse_definitions(*_: object) -> None:
    raise UnreadableTextError("a sheet of it has a document type, as no workbook has; save it again as .xlsx")


class _Corner:
    """How many rows and columns a sheet has up to its last filled cell, from the start and end of its elements.

    A cell without a reference stands behind the one before it, a row without a number below the row before.
    """

    def __init__(self) -> None:
        self.rows = self.columns = 0
        self._row = self._column = 0  # where the next cell stands that does not say so, from 0
        self._cell = (0, 0)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """See an element begin."""
        name = name.rpartition(":")[2]
        if name == "c":
            self._cell = _place(attributes["r"]) if "r" in attributes else (self._row, self._column)
            self._column = self._cell[1] + 1
        elif name in {"v", "is"}:
            row, column = self._cell
            if row >= MOST_ROWS or column >= MOST_COLUMNS:
                raise UnreadableTextError("a sheet has cells beyond its last row or column; save it again as .xlsx")
            self.rows, self.columns = max(self.rows, row + 1), max(self.columns, column + 1)
        elif name == "row" and "r" in attributes:
            self._row = _place("A" + attributes["r"])[0]

    def end(self, name: str) -> None:
        """See an element end."""
        if name == "row" or name.endswith(":row"):
            self._row, self._column = self._row + 1, 0


def _place(reference: str) -> tuple[int, int]:
    """Row and column of a cell, from 0."""
    found = REFERENCE.fullmatch(reference)
    if found is None:
        raise UnreadableTextError(NOT_WHOLE)
    return int(found[2]) - 1, _column(found[1]) - 1


def _column(letters: str) -> int:
    """A column's number, from 1, by its letters."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


__all__ = ["NOT_WHOLE", "refuse_explosion"]
