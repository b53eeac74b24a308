"""What somebody might drop or set to do harm: refused with one line, in bounded memory, and nothing beside it suffers."""

import csv
import resource
import stat
from pathlib import Path

import duckdb
import pytest

from calven_pipeline.errors import SettingsError
from calven_pipeline.exports import csv_header, json_text, tables
from calven_pipeline.exports.profiles import load_profiles
from calven_pipeline.exports.staging import Staging, stage_exports
from calven_pipeline.warehouse.snapshot import write_snapshot
from tests.sql.conftest import Pipeline

PROFILES = """
sources:
  - name: doors
    files: "**/*"
    columns: {timestamp: timestamp, user_email: who, location_id: where}
"""
GOOD = '{"timestamp": "2026-10-12T08:00:00Z", "who": "a@x.example"}\n'
DEEP, DEEPER = 100_000, 1_500_000
MOST_MEMORY_KB = 400_000


def stage(pipeline: Pipeline) -> tuple[Staging, list[str]]:
    """What was staged, and why the rest was not."""
    (pipeline.data / "sources.yaml").write_text(PROFILES)
    staging = stage_exports(pipeline.database, load_profiles(pipeline.data), pipeline.data)
    return staging, [str(problem).partition(": ")[2] for problem in staging.problems]


def test_files_that_explode_are_refused_and_the_others_read(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nested without end, a line without end, rows that unpack to gigabytes, a header without end."""
    exports = pipeline.data / "exports"
    exports.mkdir(exist_ok=True)
    monkeypatch.setattr(json_text, "LONGEST_LINE_BYTES", 8 * 1024**2)
    monkeypatch.setattr(tables, "LARGEST_ROWS_BYTES", 8 * 1000**2)
    (exports / "a.jsonl").write_text('{"timestamp": ' + "[" * DEEP + "]" * DEEP + "}\n" + GOOD)
    (exports / "b.jsonl").write_text('{"timestamp": ' + "[" * DEEPER + "]" * DEEPER + "}\n" + GOOD)
    (exports / "c.jsonl").write_text(GOOD + '{"timestamp": "' + "x" * 9 * 1024**2)
    columns = [f"c{number}" for number in range(csv_header.MOST_COLUMNS)]
    (exports / "d.csv").write_text(f"timestamp,who,where,{','.join(columns)}\n")
    with duckdb.connect() as connection:
        rows = "select 'a@x.example' as who, 'x' as \"where\", repeat('x', 1000000) as timestamp from range(20)"
        connection.execute(f"copy ({rows}) to '{exports / 'e.parquet'}' (format parquet)")
    assert (exports / "e.parquet").stat().st_size < 100_000
    (exports / "f.jsonl").write_text(GOOD)
    pipeline.database.connection.execute("set memory_limit = '100MB'")
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    staging, problems = stage(pipeline)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < MOST_MEMORY_KB
    assert sorted(problems) == [
        "2,048 of its rows hold more than 8,000,000 bytes; check that it is an export",
        "a line is longer than 8,388,608 bytes",
        "it has more than 1,000 columns; check that it is a CSV file",
        "its rows are too large or nested too deep for the memory of a run; check that it is an export",
    ]
    assert (staging.files_read, staging.rows) == (2, 3)


def test_a_line_without_end_is_noticed_over_the_pieces_that_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a line ends within a piece or goes on through several; many short lines are no long one."""
    monkeypatch.setattr(json_text, "CHUNK_BYTES", 10)
    monkeypatch.setattr(json_text, "LONGEST_LINE_BYTES", 25)
    path = tmp_path / "a.jsonl"
    for lines, is_plain in (
        (["x" * 25, "x" * 25], True),
        (["x" * 3] * 30, True),
        (["x" * 26], False),
        (["x", "x" * 26, "x"], False),
        (["x" * 12] * 10, True),
        (["x" * 100], False),
    ):
        path.write_text("\n".join(lines) + "\n")
        assert json_text.is_plain_lines(path) is is_plain, lines


@pytest.mark.parametrize("name", ["elsewhere", "../elsewhere"])
def test_a_folder_of_others_is_neither_filled_nor_closed(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The folder of the Parquet files is closed to others: `CALVEN_PARQUET=/etc` would have locked everybody out."""
    folder = pipeline.data / name
    folder.mkdir(mode=0o755)
    (folder / "passwd").touch()
    monkeypatch.setenv("CALVEN_PARQUET", str(folder.resolve()) if name == "elsewhere" else name)
    with pytest.raises(SettingsError, match="holds something else"):
        write_snapshot(pipeline.database, pipeline.data)
    assert [found.name for found in folder.iterdir()] == ["passwd"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_what_spreadsheets_would_run_is_neutralised_on_the_way_to_them(pipeline: Pipeline, tmp_path: Path) -> None:
    """The snapshot keeps values as they are, and carries a macro that every query may use."""
    for _ in range(2):
        write_snapshot(pipeline.database, pipeline.data)
    values = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", " =1", "\n=1", "\uff1dx", "a=b", "x", "", "1-2", None]
    with duckdb.connect(str(pipeline.data / "calven.duckdb"), read_only=True) as snapshot:
        rows = "select for_spreadsheets(columns(*)) from (select unnest($values) as cell, 7 as number, date '2026-11-02' as day)"
        snapshot.execute(f"copy ({rows}) to '{tmp_path / 'cells.csv'}' (header)", {"values": values})
    with (tmp_path / "cells.csv").open(newline="") as file:
        header, *cells = csv.reader(file)
    assert header == ["cell", "number", "day"]
    assert {tuple(row[1:]) for row in cells} == {("7", "2026-11-02")}
    assert [row[0] for row in cells] == [*(f"'{value}" for value in values[:9]), "a=b", "x", "", "1-2", ""]
