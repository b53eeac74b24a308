"""How the text of a source's files is written, where its profile states it: encoding, separator, quote, header, sheet.

What may surprise: None means that the file itself tells (byte order mark, header); what is stated wins over what a file
seems to say.
"""

from __future__ import annotations

from dataclasses import dataclass

NO_QUOTE = ""  # nothing is quoted, so that a quotation mark is a character like any other


@dataclass(frozen=True)
class Dialect:
    """One source's way of writing; the keys of the same names in `sources.yaml`.

    `delimiter` is one to eight characters, `quote` one or none (""). `header` false: columns are named by position,
    "1" first. `skip_lines` stand above the header, or above the first row. `sheet` is for workbooks, `records`, the
    dotted path of an array, for JSON documents. No profile states `width`, how many columns there are: it is for files
    whose rows were counted when each was looked at by itself.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header: bool = True
    skip_lines: int = 0
    sheet: str | None = None
    records: str | None = None
    width: int | None = None


AS_IT_TELLS = Dialect()
