"""Other clients than ours: DuckDB 1.1.3 and the newest read every table and view with its comment; pandas reads the Parquet files.

    uv run pytest -n 0 -m clients tests/sql/test_snapshot_clients.py

Each client is installed into an environment of its own, which takes a package registry.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from calven_pipeline.sandbox import SandboxServer
from calven_pipeline.warehouse.dictionary import TABLES, VIEWS
from tests.http.delivering import Pipeline, Stock

pytestmark = pytest.mark.clients

READ_ALL = """
import duckdb, json, sys
with duckdb.connect(sys.argv[1], read_only=True) as snapshot:
    names = "select table_name, comment from duckdb_tables() where schema_name = 'main' union all "
    names += "select view_name, comment from duckdb_views() where schema_name = 'main' and not internal"
    comments = dict(snapshot.sql(names).fetchall())
    columns = snapshot.sql(
        "select table_name, column_name, comment from duckdb_columns() where schema_name = 'main' and not internal "
        "order by table_name, column_index"
    ).fetchall()
    rows = {name: len(snapshot.sql(f"from {name}").fetchall()) for name in comments}
    print(json.dumps([duckdb.__version__, comments, columns, rows]))
"""
READ_PARQUET = """
import sys, pandas
presence = pandas.read_parquet(sys.argv[1] + "/presence")
users = pandas.read_parquet(sys.argv[1] + "/users.parquet")
days = presence["local_date"].dropna()
print(len(presence), len(days), type(days.min()).__name__, days.min(), presence["occurred_at"].max().year, len(users), type(users["extra"][0]).__name__)
"""


@pytest.fixture
def data_dir(tmp_path: Path, stock: Stock, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A snapshot of ten delivered events and a row without a time, and its Parquet files."""
    monkeypatch.setenv("CALVEN_PARQUET", "parquet")
    pipeline: Pipeline = stock.pipeline(tmp_path / "data", 10, sandbox)
    (pipeline.data_dir / "exports" / "no-time.csv").write_text("timestamp,userId\nyesterday,somebody\n")
    pipeline.judge()
    pipeline.publish()
    pipeline.outcomes()
    return pipeline.data_dir


def run(packages: list[str], code: str, *arguments: str, cwd: Path) -> str:
    """What the code prints in an environment with these packages alone."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("there is no uv here")
    command = [uv, "run", "--no-project", "--python", "3.11"]
    command += [word for package in packages for word in ("--with", package)]
    done = subprocess.run(
        [*command, "python", "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("client", ["duckdb==1.1.3", "duckdb"])
def test_every_table_view_and_comment_is_read(client: str, data_dir: Path) -> None:
    """The oldest client that we promise, and the newest there is."""
    told = json.loads(run([client], READ_ALL, str(data_dir / "calven.duckdb"), cwd=data_dir))
    version, comments, columns, rows = told
    assert version == "1.1.3" or client == "duckdb"
    everything = (*TABLES, *VIEWS)
    assert comments == {table.name: table.comment for table in everything}
    assert sorted(map(tuple, columns)) == sorted(
        (table.name, column.name, column.comment) for table in everything for column in table.columns
    )
    assert (rows["presence"], rows["daily_presence"]) == (11, 10)


def test_pandas_reads_parquet(data_dir: Path) -> None:
    """A folder of days is one frame, with the day as a date, none where the row has no time; JSON is text."""
    told = run(["pandas", "pyarrow"], READ_PARQUET, str(data_dir / "parquet"), cwd=data_dir)
    assert told.split() == ["11", "10", "date", "2026-10-01", "2026", "40", "str"]
