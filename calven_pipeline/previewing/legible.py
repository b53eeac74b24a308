"""Values of a file for a terminal or a comment: what cannot be printed would move the cursor, or end the comment."""

from __future__ import annotations

UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


def legible(text: str, most: int | None = None) -> str:
    """The text in one line, unprintable characters replaced, and cut after `most` characters."""
    cut = text if most is None or len(text) <= most else f"{text[:most]}..."
    return "".join(char if char.isprintable() else " " if char.isspace() else UNPRINTABLE for char in cut)
