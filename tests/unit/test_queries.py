"""SQL files: found by name, one statement each, headed, and all in use."""

import re
from pathlib import Path

import duckdb
import pytest

from calven_pipeline.warehouse import queries
from calven_pipeline.warehouse.database import FOLDERS_AT_OPENING

PACKAGE = Path(queries.__file__).parent.parent
FILES = sorted((PACKAGE / "sql").rglob("*.sql"))
NAMES = [file.relative_to(PACKAGE / "sql").with_suffix("").as_posix() for file in FILES]


@pytest.mark.parametrize("name", NAMES)
def test_one_statement_with_a_header(name: str) -> None:
    """Two lines of comment that say the grain and what it reads, then one statement."""
    text = queries.query(name)
    assert text.startswith("-- ")
    assert text.splitlines()[1].startswith("-- ")
    assert len(duckdb.extract_statements(text)) == 1


def test_every_file_is_used() -> None:
    """A statement that nobody runs is deleted."""
    source = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    patterns = [re.sub(r"\{[^}]*\}", r"\\w+", quoted) for quoted in re.findall(r'"(\w+/[\w{}.]+)"', source)]
    unused = [
        name
        for name in NAMES
        if name.split("/")[0] not in FOLDERS_AT_OPENING and not any(re.fullmatch(p, name) for p in patterns)
    ]
    assert unused == []


def test_an_unknown_name_is_refused() -> None:
    """A misspelt name is an error of ours, not of DuckDB's."""
    with pytest.raises(LookupError, match="staging/stage_rowz"):
        queries.query("staging/stage_rowz")


def test_an_empty_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with nothing but comments would run as nothing at all."""
    (tmp_path / "empty.sql").write_text("-- nothing\n\n")
    monkeypatch.setattr(queries, "SQL", tmp_path)
    with pytest.raises(LookupError, match=r"empty\.sql"):
        queries.query("empty")
