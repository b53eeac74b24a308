"""What commands print on: a Rich console that leaves it to the command line what a reader that went away means."""

from __future__ import annotations

from rich.console import Console


class Terminal(Console):
    """A console without colours by guess."""

    def __init__(self, width: int | None = None) -> None:
        """`width` is for where nobody sees it at once."""
        super().__init__(highlight=False, width=width)

    def on_broken_pipe(self) -> None:
        """Rich would end the process with 1."""
        raise BrokenPipeError
