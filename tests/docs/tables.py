"""The pages on tables, written from the dictionary: `uv run python -m tests.docs.tables` puts them there.

`.readme/tables.md` holds every table and view with its columns, the README what one row of each is.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from calven_pipeline.warehouse.dictionary import TABLES, VIEWS, Table

README = Path(__file__).parents[2] / "README.md"
PAGE = README.parent / ".readme" / "tables.md"
FIRST = "<!-- tables: written by `uv run python -m tests.docs.tables` -->\n"
LAST = "<!-- end of tables -->\n"
HEAD = """\
# Tables and views of `calven.duckdb`

What the [README](../README.md#tables-of-calvenduckdb) tells in short, column by column: the comments that the database itself
carries. Written by `uv run python -m tests.docs.tables`. Times that end in `_at` are UTC, `local_date` is the day in the
source's time zone, `utc_date` a day in UTC; a duration ends in its unit. A table is what was recorded, a view is counted when
it is read.
"""


def page() -> str:
    """The data dictionary: every table and view with its columns."""
    return "\n".join([HEAD, "## Tables", "", *_columns(TABLES), "## Views", "", *_columns(VIEWS)]).rstrip("\n") + "\n"


def rendered() -> str:
    """What one row of every table and view is, for the README."""
    return "\n".join([*_grains("table", TABLES), "", *_grains("view", VIEWS), ""])


def written(text: str) -> str:
    """What stands between the marks in that README."""
    return text.partition(FIRST)[2].partition(LAST)[0]


def _columns(tables: Iterable[Table]) -> Iterator[str]:
    for table in tables:
        yield from (f"### `{table.name}`", "", table.comment, "", "| column | type | meaning |", "|---|---|---|")
        yield from (f"| `{column.name}` | {column.type} | {_cell(column.comment)} |" for column in table.columns)
        yield ""


def _grains(kind: str, tables: Iterable[Table]) -> Iterator[str]:
    yield from (f"| {kind} | what it holds |", "|---|---|")
    yield from (f"| `{table.name}` | {_cell(table.comment)} |" for table in tables)


def _cell(sentence: str) -> str:
    return (sentence[0].lower() + sentence[1:] if sentence.startswith("One row") else sentence).removesuffix(".")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    before = README.read_text(encoding="utf-8")
    head, first, rest = before.partition(FIRST)
    README.write_text(head + first + "\n" + rendered() + "\n" + LAST + rest.partition(LAST)[2], encoding="utf-8")
