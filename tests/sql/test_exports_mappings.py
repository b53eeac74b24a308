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
        ('"a\nb",x@example.com\n\nab\n', "line 5 cannot be read: it has 1 value, the header 2"),
        ('ab,"x@example.com\n', 'line 2 cannot be read: a quote (") is not closed'),
        ("ab,x@example.com\nab\n", "line 3 cannot be read: it has 1 value, the header 2"),
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


GERMAN = "source_place;location_id;location_type\r\nEingang;E;zone\r\nKüche 1;K;zone\r\nGroßraum;G;zone\r\n"
GREEK = "source_place,location_id,location_type\nΕίσοδος,E,zone\n"  # noqa: RUF001
RUSSIAN = "source_place,location_id,location_type\nВход,E,zone\nСклад 2,S,zone\n"  # noqa: RUF001


@pytest.mark.parametrize(
    ("text", "encoding", "stated", "places"),
    [
        (GERMAN, "cp1252", None, ["Eingang", "Großraum", "Küche 1"]),
        (GERMAN, "utf-8", "windows-1251", ["Eingang", "Großraum", "Küche 1"]),
        (GERMAN, "utf-16", None, ["Eingang", "Großraum", "Küche 1"]),
        (RUSSIAN, "cp1251", None, ["Вход", "Склад 2"]),
        (RUSSIAN, "cp1251", "utf-16", ["Вход", "Склад 2"]),
        (GREEK, "cp1253", "windows-1253", ["Είσοδος"]),
    ],
)
def test_tables_as_a_spreadsheet_saves_them(
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    text: str,
    encoding: str,
    stated: str | None,
    places: list[str],
) -> None:
    """The header says nothing; once every row with such a letter was refused. UTF-8 wins over what the source states."""
    (tmp_path / "places.csv").write_bytes(text.encode(encoding))
    profile = PROFILE.model_copy(update={"encoding": stated})
    assert sorted(row[0] for row in read_places(connection, profile, tmp_path).fetchall()) == places


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("A,1,zone\nВход BА,E,zone\n".encode("cp1251"), "it is not UTF-8 (see line 3); save it as CSV UTF-8"),  # noqa: RUF001
        ("A,1,zone\n".encode("utf-16-le"), "it is no text in UTF-8; save it as CSV UTF-8"),
        (b"A,1,zone\nB\xe4,1,zone\n", "line 3 cannot be read: it is not UTF-8"),
    ],
)
def test_tables_in_an_encoding_that_stays_unclear(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, content: bytes, told: str
) -> None:
    """The third begins with the mark of UTF-8."""
    mark = b"\xef\xbb\xbf" if told.startswith("line") else b""
    (tmp_path / "places.csv").write_bytes(mark + b"source_place,location_id,location_type\n" + content)
    with pytest.raises(SourceProfileError) as caught:
        read_places(connection, PROFILE, tmp_path)
    assert told in str(caught.value)
