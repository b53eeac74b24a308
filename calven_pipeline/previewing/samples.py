"""What a file looks like without any profile: encoding, separator, lines above the header, header or none, columns, values.

What may surprise: this is a guess over the first few hundred rows, for a person to judge. What counts is read by the
profile, in SQL.
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from calven_pipeline.exports.dialect import AS_IT_TELLS, Dialect
from calven_pipeline.exports.encodings import BOM, UnreadableTextError, judged_encoding
from calven_pipeline.exports.profile_model import Format
from calven_pipeline.exports.spreadsheets import sheet_names, write_sheet
from calven_pipeline.previewing.heads import Head

SAMPLE_BYTES = 256 * 1024
MOST_ROWS = 300
DELIMITERS = (",", ";", "\t", "|", "^^", "||", "~~", "::", "^", "~", "\x1f")
SINGLE = "\x1e"  # stands for a separator of several characters while it is tried
MOST_LINES_ABOVE = 20
LARGEST_DOCUMENT_BYTES = 64 * 1024**2
DEEPEST = 4
MOST_CONTROLS = 0.02
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1e]")
WHOLE_NUMBER = re.compile(r"[+-]?\d+")
IS_A_VALUE = re.compile(r".*@.*\..*|.*\d{1,2}:\d{2}.*|.*\d+[/.-]\d+[/.-]\d+.*|\d{9,}")
MAY_BE_A_VALUE = re.compile(r"[\d+-].*|true|false|yes|no|in|out", re.IGNORECASE)


@dataclass(frozen=True)
class Sample:
    """What the head of a file seems to be.

    `dialect` states only what a profile must state; `encoding` and `delimiter` are what was found, for people. `values`
    has each column's texts, row by row, "" for a missing one. `doubts` are questions that only a person can answer, `sheets`
    all those of a workbook.
    """

    kind: Format
    columns: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]]
    dialect: Dialect = AS_IT_TELLS
    encoding: str | None = None
    delimiter: str | None = None
    doubts: tuple[str, ...] = field(default=())
    sheets: tuple[str, ...] = field(default=())

    @property
    def rows(self) -> int:
        """How many rows the sample has."""
        return max((len(values) for values in self.values.values()), default=0)

    def filled(self, column: str) -> list[str]:
        """A column's values that are not missing."""
        return [value for value in self.values.get(column, ()) if value]


def sample_of(head: Head) -> Sample:
    """Look at the head of a file; raises `UnreadableTextError` or `OSError`."""
    if head.kind is Format.PARQUET:
        return _of_parquet(head.path)
    if head.kind is Format.XLSX:
        return sheet_sample(head.path)
    if head.kind is Format.JSON:
        return _of_document(head.path)
    with head.path.open("rb") as file:
        content = file.read(SAMPLE_BYTES)
    text, found = _decoded(content)
    if head.kind is Format.JSONL:
        return replace(_of_records(_lines(text), Format.JSONL), encoding=found.encoding, dialect=found.dialect)
    return _of_text(text, found)


def _decoded(content: bytes) -> tuple[str, Sample]:
    """The text, and a sample that says how it was decoded."""
    encoding, doubts = _encoding(content)
    if encoding is None:
        return "", Sample(Format.CSV, (), {})
    is_marked = content.startswith((BOM, b"\xff\xfe", b"\xfe\xff"))
    stated = None if encoding == "utf-8" or is_marked else encoding
    text = content.decode(encoding, "replace").removeprefix("\ufeff")
    shown = f"{encoding} with a byte order mark" if is_marked else encoding
    return text, Sample(Format.CSV, (), {}, Dialect(encoding=stated), shown, doubts=doubts)


def _encoding(content: bytes) -> tuple[str | None, tuple[str, ...]]:
    """The encoding, None for an empty file, and what is doubtful of it."""
    if not content.strip():
        return None, ()
    for mark, encoding in ((BOM, "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if content.startswith(mark):
            return encoding, ()
    even, odd = content[0:4000:2].count(0), content[1:4000:2].count(0)
    if max(even, odd) > len(content[:4000]) / 5 > min(even, odd) * 5:
        return ("utf-16-be" if even > odd else "utf-16-le"), ()
    if len(CONTROLS.findall(content[:4000])) > MOST_CONTROLS * len(content[:4000]):
        raise UnreadableTextError("it is no text, no workbook and no Parquet file; check what it is")
    try:
        content[: content.rfind(b"\n") + 1 or len(content)].decode()
    except UnicodeDecodeError:
        words = b"\n".join(line for line in content.splitlines() if not line.isascii())
        judged = judged_encoding(words[:20_000])
        name = {"cp1251": "windows-1251"}.get(judged or "", "windows-1252")
        return name, () if judged else (f"Are names with accents right? The file is not UTF-8; {name} is a guess.",)
    return "utf-8", ()


# Text with separators


def _of_text(text: str, found: Sample) -> Sample:
    lines = text.splitlines(keepends=True)[: MOST_ROWS + MOST_LINES_ABOVE]
    tried = [(delimiter, *_parsed(lines, delimiter)) for delimiter in DELIMITERS if delimiter in text]
    best = max(tried, key=lambda found: _merit(found[1]), default=None)
    if best is None or _merit(best[1]) <= 0:
        best = ("", *_parsed(lines, ","))
    delimiter, rows, starts = best
    is_told = delimiter in {",", ";", "\t", "|", ""}
    dialect = replace(found.dialect, delimiter=None if is_told else delimiter)
    return of_rows(rows, starts, replace(found, dialect=dialect, delimiter=delimiter or None))


def _parsed(lines: Sequence[str], delimiter: str) -> tuple[list[list[str]], list[int]]:
    """The rows with this separator, and the line (from 0) at which each begins; blank lines are left out."""
    single = delimiter if len(delimiter) == 1 else SINGLE
    texts = lines if single == delimiter else [line.replace(delimiter, SINGLE) for line in lines]
    reader = csv.reader(texts, delimiter=single, skipinitialspace=True)
    rows: list[list[str]] = []
    starts: list[int] = []
    while True:
        start = reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            return rows, starts
        except csv.Error:
            continue
        if any(value.strip() for value in row):
            rows.append([value.strip() for value in row])
            starts.append(start)


def _merit(rows: Sequence[Sequence[str]]) -> float:
    """How well a separator fits: many columns, in most rows the same number of them, and not half of them empty."""
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return 0.0
    width, count = max(widths.items(), key=lambda item: item[0] * item[1])
    cells = [value for row in rows if len(row) == width for value in row]
    share, filled = count / len(rows), sum(map(bool, cells)) / len(cells)
    return share * share * width * filled


def of_rows(rows: Sequence[Sequence[str]], starts: Sequence[int], found: Sample) -> Sample:
    """The sample of rows of texts: which is the header, what stands above it, which rows are whole."""
    if not rows:
        return found
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    whole = (
        i for i, row in enumerate(rows[:MOST_LINES_ABOVE]) if len(row) == width and sum(map(bool, row)) * 2 >= width
    )
    first = next(whole, 0)  # a title that a spreadsheet has saved is followed by empty values
    below = [row for row in rows[first + 1 :] if len(row) == width]
    has_header = _is_header(rows[first], below)
    columns = tuple(rows[first]) if has_header else tuple(str(position) for position in range(1, width + 1))
    body = (below if has_header else [rows[first], *below])[:MOST_ROWS]
    skip_lines = starts[first] if first else 0
    values = {name: tuple(row[i] for row in body) for i, name in reversed(list(enumerate(columns)))}
    values = {name: values[name] for name in dict.fromkeys(columns)}
    return replace(
        found,
        columns=columns,
        values=values,
        dialect=replace(found.dialect, header=has_header, skip_lines=skip_lines),
    )


def _is_header(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a row names columns: no value among its names, none twice, and none that comes again below."""
    names = [name for name in row if name]
    if len(set(names)) < len(names) or len(names) < len(row) / 2:
        return False
    if any(IS_A_VALUE.fullmatch(name) for name in names):
        return False
    if sum(MAY_BE_A_VALUE.fullmatch(name) is not None for name in names) * 4 > len(names):
        return False
    again = sum(any(other[i] == name for other in below) for i, name in enumerate(row) if name)
    return again * 2 <= len(names)


# JSON


def _lines(text: str) -> Iterator[Any]:
    for line in text.splitlines()[:MOST_ROWS]:
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            continue


def _of_document(path: Path) -> Sample:
    if path.stat().st_size > LARGEST_DOCUMENT_BYTES:
        raise UnreadableTextError("it is a JSON document too large to look at whole; try a smaller one")
    text, found = _decoded(path.read_bytes())
    try:
        document = json.loads(text) if text else []
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise UnreadableTextError(f"it is not whole JSON{where}; fetch it again") from error
    records, at = (document, ()) if isinstance(document, list) else _longest_list(document)
    dialect = replace(found.dialect, records=".".join(at) or None)
    if not records and isinstance(document, dict):
        records, dialect = [document], found.dialect
    return replace(_of_records(records, Format.JSON), dialect=dialect, encoding=found.encoding)


def _longest_list(document: object, at: tuple[str, ...] = ()) -> tuple[list[Any], tuple[str, ...]]:
    """The longest list of objects within a document, and the way to it."""
    if isinstance(document, list):
        return (document, at) if any(isinstance(item, dict) for item in document) else ([], ())
    if not isinstance(document, dict) or len(at) > DEEPEST:
        return [], ()
    inside = [_longest_list(value, (*at, key)) for key, value in document.items()]
    return max(inside, key=lambda found: len(found[0]), default=([], ()))


def _of_records(records: Iterator[Any] | Sequence[Any], kind: Format) -> Sample:
    flat = [dict(_flattened(record)) for record in list(records)[:MOST_ROWS] if isinstance(record, dict)]
    names = list(dict.fromkeys(name for record in flat for name in record))
    objects = {
        name[:at] for name in names for at in range(len(name)) if name[at] == "."
    }  # one may be null in some records
    filled = {name for record in flat for name, value in record.items() if value}
    columns = tuple(name for name in names if name in filled or name not in objects)
    return Sample(kind, columns, {name: tuple(record.get(name, "") for record in flat) for name in columns})


def _flattened(record: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in record.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and name.count(".") < DEEPEST:
            yield from _flattened(value, f"{name}.")
        elif isinstance(value, list) and value and name.count(".") < DEEPEST:
            yield from _flattened({"0": value[0]}, f"{name}.")
        elif isinstance(value, bool):
            yield name, str(value).lower()
        elif value is None or isinstance(value, str | int | float):
            yield name, "" if value is None else str(value).strip()


# Workbooks and Parquet


def sheet_sample(path: Path, sheet: str | None = None) -> Sample:
    """The sample of one sheet of a workbook, of the first where none is named; its cells are the texts that staging reads."""
    dialect = Dialect(sheet=sheet)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        written = Path(folder) / "sheet.csv"
        write_sheet(path, written, dialect, rows=MOST_ROWS + MOST_LINES_ABOVE, has_blank_rows=True)
        with written.open(encoding="utf-8", newline="") as file:
            rows = [[value.strip() for value in row] for row in csv.reader(file)]
    kept = [(row, number) for number, row in enumerate(rows) if any(row)]
    found = Sample(Format.XLSX, (), {}, dialect, sheets=sheet_names(path))
    return of_rows([row for row, _ in kept], [number for _, number in kept], found)


def _of_parquet(path: Path) -> Sample:
    import duckdb

    from calven_pipeline.exports.tables import open_table

    try:
        with duckdb.connect() as connection, open_table(connection, path, Format.PARQUET, ()) as table:
            chosen = [table.values[name].alias(f"v{i}") for i, name in enumerate(table.columns)]
            rows = table.relation.select(*chosen).limit(MOST_ROWS).fetchall() if chosen else []
            columns = table.columns
    except duckdb.Error as error:
        raise UnreadableTextError("it is cut or damaged; fetch it again") from error
    return Sample(
        Format.PARQUET, columns, {name: tuple(row[i] or "" for row in rows) for i, name in enumerate(columns)}
    )
