"""The tables as Parquet: the same rows, a file a day, and only what changed written anew."""

import shutil
from pathlib import Path

import duckdb
import pytest

from calven_pipeline.errors import SettingsError, WorkingDatabaseError
from calven_pipeline.sandbox import SandboxServer
from calven_pipeline.warehouse import parquet
from calven_pipeline.warehouse.dictionary import TABLES
from tests.http.delivering import Pipeline, Stock

WITHOUT_A_DAY = "presence/without-day/presence.parquet"


@pytest.fixture
def pipeline(tmp_path: Path, stock: Stock, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Ten events on ten days, delivered, and one row without a time."""
    monkeypatch.setenv("CALVEN_PARQUET", "parquet")
    pipeline = stock.pipeline(tmp_path / "it's data", 10, sandbox)
    (pipeline.data_dir / "exports" / "no-time.csv").write_text("timestamp,userId\nyesterday,somebody\n")
    pipeline.judge()
    pipeline.publish()
    return pipeline


def files(pipeline: Pipeline) -> dict[str, int]:
    """Every file with its number on the disk, which is another one once it was replaced."""
    folder = pipeline.data_dir / "parquet"
    return {str(path.relative_to(folder)): path.stat().st_ino for path in folder.rglob("*") if path.is_file()}


def replaced(before: dict[str, int], after: dict[str, int]) -> set[str]:
    """The files that are new or others, but for the small ones, which are always written."""
    small = {f"{name}.parquet" for name in parquet.ALWAYS_WRITTEN}
    return {name for name, number in after.items() if before.get(name) != number} - small


def assert_same_rows(pipeline: Pipeline) -> None:
    """Every table has the same rows, days among them, in Parquet as in the snapshot."""
    folder = str(pipeline.data_dir / "parquet").replace("'", "''")
    snapshot = str(pipeline.data_dir / "calven.duckdb").replace("'", "''")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{snapshot}' as ours (read_only)")
        for table in TABLES:
            columns = ", ".join(f'"{column.name}"::{column.type} as "{column.name}"' for column in table.columns)
            by_day = table.name in parquet.TABLES_BY_DAY
            where = f"{folder}/{table.name}/*/*.parquet" if by_day else f"{folder}/{table.name}.parquet"
            theirs = f"from read_parquet('{where}') select {columns}"
            found = connection.sql(f"{theirs} order by all").fetchall()
            assert found == connection.sql(f"from ours.{table.name} order by all").fetchall(), table.name


def test_only_what_changed_is_written_anew(pipeline: Pipeline) -> None:
    """A file per table and touched day; another run writes the touched days, one with nothing new writes none."""
    pipeline.outcomes()
    first = files(pipeline)
    days = {f"2026-10-{day:02d}" for day in range(1, 11)}
    assert {Path(name).parent.name for name in first if name.startswith("daily_presence/")} == days
    assert WITHOUT_A_DAY in first
    assert_same_rows(pipeline)
    pipeline.outcomes()
    assert replaced(first, files(pipeline)) == set()
    pipeline.export("more.csv", 1, first=30)  # on 3 October
    pipeline.judge()
    pipeline.outcomes()
    second = files(pipeline)
    assert replaced(first, second) == {f"{table}/2026-10-03/{table}.parquet" for table in parquet.TABLES_BY_DAY}
    assert_same_rows(pipeline)


def test_what_is_gone_goes_there_too(pipeline: Pipeline) -> None:
    """Days without rows go when everything is made anew; files that somebody lost come back; those of others stay."""
    pipeline.outcomes()
    folder = pipeline.data_dir / "parquet" / "presence"
    (folder / "2026-10-02" / "notes.txt").write_text("mine")
    (folder / "2026-10-04" / "presence.parquet").unlink()
    shutil.copytree(folder / "2026-10-03", folder / "local_date=2026-10-03")  # as earlier versions named it
    with pipeline.database() as database:
        for table in ("answers", "validated_presence", "staged_presence"):
            database.connection.execute(
                f"delete from {table} where row_id in "
                "(select row_id from staged_presence where local_date <= '2026-10-02' or local_date is null)"
            )
        database.connection.execute("delete from rejections")
    (pipeline.data_dir / "state" / "analytics.duckdb").unlink()
    assert pipeline.outcomes() == {"accepted": 8}
    days = {f"2026-10-{day:02d}" for day in range(3, 11)}
    assert {path.name for path in folder.iterdir()} == days | {"2026-10-02"}
    assert [path.name for path in (folder / "2026-10-02").iterdir()] == ["notes.txt"]
    assert {path.name for path in (folder.parent / "daily_presence").iterdir()} == days
    assert_same_rows(pipeline)


def test_an_interrupted_export_is_finished_by_the_next(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills up after some files: those are whole, the snapshot is new, and nothing is forgotten."""
    pipeline.outcomes()
    pipeline.export("more.csv", 5, first=30)
    pipeline.judge()
    real, calls = parquet.os.fsync, []

    def full(number: int) -> None:
        calls.append(number)
        if len(calls) > 5:  # the snapshot's, and some of Parquet
            raise OSError(28, "No space left on device")
        real(number)

    with monkeypatch.context() as disk:
        disk.setattr("os.fsync", full)
        with pytest.raises(WorkingDatabaseError, match="No space left on device"):
            pipeline.outcomes()
    assert pipeline.outcomes() == {"accepted": 10, "pending": 5, "rejected": 1}
    assert_same_rows(pipeline)
    assert not [name for name in files(pipeline) if name.endswith(".new")]


def test_another_folder_is_filled_whole(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also one that held files before, of another time."""
    pipeline.outcomes()
    shutil.copytree(pipeline.data_dir / "parquet", tmp_path / "elsewhere")
    pipeline.export("more.csv", 5, first=30)
    pipeline.judge()
    pipeline.outcomes()
    shutil.rmtree(pipeline.data_dir / "parquet")
    monkeypatch.setenv("CALVEN_PARQUET", str(tmp_path / "elsewhere"))
    pipeline.outcomes()
    (tmp_path / "elsewhere").rename(pipeline.data_dir / "parquet")
    assert_same_rows(pipeline)


@pytest.mark.parametrize("folder", [".", "exports", "exports/parquet", "state/parquet", "../data/exports"])
def test_folders_of_the_pipeline_are_refused(folder: str, tmp_path: Path) -> None:
    """What lies in exports/ would be read as an export."""
    with pytest.raises(SettingsError, match="CALVEN_PARQUET"):
        parquet.parquet_folder(Path(folder), tmp_path / "data")
