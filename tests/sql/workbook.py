"""A minimal .xlsx workbook, written by hand: as an Excel file has them, times are numbers with a format."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

Cell = str | bool | float | datetime.datetime | datetime.date | datetime.time | datetime.timedelta | None

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
STYLES = (  # 1: a moment, 2: a date, 3: a time of day, 4: hours
    f"<styleSheet {MAIN}><fonts><font/></fonts><fills><fill/></fills><borders><border/></borders><cellStyleXfs><xf/>"
    '</cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/><xf numFmtId="14"/><xf numFmtId="21"/><xf numFmtId="46"/></cellXfs>'
    "</styleSheet>"
)
RETURN = "_x000D_"  # XML would make a line feed of it
DAY = datetime.timedelta(days=1)
EPOCH = datetime.datetime(1899, 12, 30)  # noqa: DTZ001 - a workbook knows no zones


def workbook(**sheets: Sequence[Sequence[Cell]]) -> bytes:
    """The bytes of a workbook with these sheets, each a list of rows."""
    names = list(sheets)
    parts = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": f'<Relationships {RELATIONS}><Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{OFFICE}"><sheets>'
        + "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(names, 1))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"<Relationships {RELATIONS}>"
        + "".join(
            f'<Relationship Id="r{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in range(1, len(names) + 1)
        )
        + f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": STYLES,
        **{f"xl/worksheets/sheet{n}.xml": _sheet(rows) for n, rows in enumerate(sheets.values(), 1)},
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, HEAD + text)
    return content.getvalue()


def _sheet(rows: Sequence[Sequence[Cell]]) -> str:
    written = [
        f'<row r="{n}">' + "".join(map(_cell, (f"{column}{n}" for column in "ABCDEFGH"), row)) + "</row>"
        for n, row in enumerate(rows, 1)
    ]
    return f"<worksheet {MAIN}><sheetData>{''.join(written)}</sheetData></worksheet>"


def _cell(place: str, cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return (
            f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(cell, {chr(13): RETURN})}</t></is></c>'
        )
    kind, value = "", cell
    if isinstance(cell, bool):
        kind, value = 't="b"', int(cell)
    elif isinstance(cell, datetime.datetime):
        kind, value = 's="1"', (cell - EPOCH) / DAY
    elif isinstance(cell, datetime.date):
        kind, value = 's="2"', (datetime.datetime.combine(cell, datetime.time()) - EPOCH) / DAY
    elif isinstance(cell, datetime.time):
        kind, value = 's="3"', (datetime.datetime.combine(EPOCH, cell) - EPOCH) / DAY
    elif isinstance(cell, datetime.timedelta):
        kind, value = 's="4"', cell / DAY
    return f'<c r="{place}" {kind}><v>{value!r}</v></c>'
