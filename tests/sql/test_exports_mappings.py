"""The customer's own tables of people and places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from calven_pipeline.errors import SourceProfileError
from calven_pipeline.exports import SourceProfile, read_people, read_places

PROFILE = SourceProfile(
    name="doors",
    files="*.csv",
    columns={"timestamp": "time", "source_user_id": "badge", "place": "door"},
    people="people.csv",
    places="places.csv",
)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def test_people(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Trimmed, extra columns ignored, identical doubles once, a line without a target kept."""
    text = "name;source_user_id;user_email\nAda; 007 ;ada@example.com\nA;007;ada@example.com\nBob;ab;\nBob;AB;\n;;x@y\n"
    (tmp_path / "people.csv").write_text(text)
    rows = read_people(connection, PROFILE, tmp_path)
    assert rows.columns == ["source_user_id", "user_id", "user_email"]
    assert sorted(rows.fetchall()) == [("007", None, "ada@example.com"), ("AB", None, None)]


def test_places(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_text("source_place,location_id,location_type\n,,\n1/1,L,Zone\n1/1,l,zone\n")
    ((place, location, kind, position),) = read_places(connection, PROFILE, tmp_path).fetchall()
    assert (place, location.lower(), kind, position) == ("1/1", "l", "zone", 2)


def test_several_tables_at_once(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """With DuckDB 1.5 the second table once took the place of the first, which had not been read yet."""
    (tmp_path / "people.csv").write_text("source_user_id,user_id\n1,U\n")
    (tmp_path / "places.csv").write_text("source_place,location_id,location_type\n1/1,L,zone\n")
    people, places = read_people(connection, PROFILE, tmp_path), read_places(connection, PROFILE, tmp_path)
    (tmp_path / "people.csv").write_text("source_user_id,user_id\n2,V\n")
    others = read_people(connection, PROFILE, tmp_path)
    assert people.fetchall() == [("1", "U", None)]
    assert places.fetchall() == [("1/1", "L", "zone", 1)]
    assert others.fetchall() == [("2", "V", None)]


def test_without_tables(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    profile = PROFILE.model_copy(update={"people": None, "places": None})
    assert read_people(connection, profile, tmp_path).fetchall() == []
    assert read_places(connection, profile, tmp_path).columns == ["source_place", "location_id", "location_type"]


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ("ab,x@example.com\nAB,y@example.com\n", "(row 2)"),
        ("ab,x@example.com\nab,X@example.com\n", "(row 2)"),
        ("ab,x@example.com\nab,\n", "(row 2)"),
        ("me@example.com,x@example.com\nme@example.com,y@example.com\n", "row 2"),
        ("ab,x@example.com\nab\n", "row 2 cannot be read"),
    ],
)
def test_what_cannot_be_followed(connection: duckdb.DuckDBPyConnection, tmp_path: Path, rows: str, word: str) -> None:
    """Two targets for one key, or a line that cannot be read; the message holds no address."""
    (tmp_path / "people.csv").write_text("source_user_id,user_email\n" + rows)
    with pytest.raises(SourceProfileError) as caught:
        read_people(connection, PROFILE, tmp_path)
    message = str(caught.value)
    assert all(part in message for part in ["sources.yaml", "'doors'", "`people`", "people.csv", word]), message
    assert "@" not in message


def test_a_table_that_is_gone(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with pytest.raises(SourceProfileError, match="No such file"):
        read_people(connection, PROFILE, tmp_path)
