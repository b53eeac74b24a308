"""SQL by name: `query("staging/stage_rows")` is the text of `sql/staging/stage_rows.sql`.

One statement a file, values only as `$parameters`; DuckDB refuses a parameter that is missing or unknown.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

SQL = files("calven_pipeline") / "sql"


@cache
def query(name: str) -> str:
    """The statement in `sql/<name>.sql`; raises `LookupError` where there is none, or an empty one."""
    path = SQL / f"{name}.sql"
    if not path.is_file():
        raise LookupError(f"no SQL file of that name: {name}.sql")
    text = path.read_text(encoding="utf-8")
    if not any(line.strip() and not line.lstrip().startswith("--") for line in text.splitlines()):
        raise LookupError(f"the SQL file {name}.sql holds no statement")
    return text


@cache
def names_in(folder: str) -> tuple[str, ...]:
    """The names of all statements in a folder of `sql/`, sorted."""
    return tuple(sorted(f"{folder}/{file.name.removesuffix('.sql')}" for file in (SQL / folder).iterdir()))
