"""What a message may say of a file: names in one printable line, and never a person's data."""

from __future__ import annotations

from collections.abc import Sequence


def shown(name: str) -> str:
    """A file's or column's name for a message of one line."""
    return name if name.isprintable() else ascii(name)


def shown_header(columns: Sequence[str]) -> str:
    """The names of a file's columns, unless its first line is data, which may be a person's."""
    if not looks_like_header(columns):
        return f"its first line does not look like a header ({len(columns)} values)"
    return f"it has {', '.join(map(shown, columns))}"


def looks_like_header(columns: Sequence[str]) -> bool:
    """Whether no name holds an address or begins with a digit, as times and most numbers do."""
    return not any("@" in name or name[:1].isdigit() for name in columns)
