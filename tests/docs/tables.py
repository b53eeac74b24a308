"""The README's part on tables, written from the dictionary: `uv run python -m tests.docs.tables` puts it there."""

from collections.abc import Iterator
from pathlib import Path

from calven_pipeline.warehouse.dictionary import TABLES, Table

README = Path(__file__).parents[2] / "README.md"
FIRST = "<!-- tables: written by `uv run python -m tests.docs.tables` -->\n"
LAST = "<!-- end of tables -->\n"


def rendered() -> str:
    """Every table that analysts read, folded, with its columns."""
    return "".join(line + "\n" for table in TABLES for line in _lines(table))


def written(text: str) -> str:
    """What stands between the marks in that README."""
    return text.partition(FIRST)[2].partition(LAST)[0]


def _lines(table: Table) -> Iterator[str]:
    yield f"<details><summary><code>{table.name}</code>: {_small(table.comment)}</summary>"
    yield ""
    yield "| column | type | meaning |"
    yield "|---|---|---|"
    for column in table.columns:
        yield f"| `{column.name}` | {column.type} | {column.comment.removesuffix('.')} |"
    yield ""
    yield "</details>"
    yield ""


def _small(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].removesuffix(".")


if __name__ == "__main__":
    before = README.read_text(encoding="utf-8")
    head, first, rest = before.partition(FIRST)
    README.write_text(head + first + "\n" + rendered() + LAST + rest.partition(LAST)[2], encoding="utf-8")
