"""The commands `preview` and `profiles`: a path or a name in, a screen or YAML out, an exit code.

What may surprise: people's data is printed here, on the terminal of whoever asked, and nowhere else.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from rich import box
from rich.table import Table

from calven_pipeline.errors import RequestError
from calven_pipeline.exports.profile_values import nearest
from calven_pipeline.exports.profiles import PROFILE_FILE
from calven_pipeline.exports.ready import ready_names, ready_summary, ready_text
from calven_pipeline.previewing.previews import preview, suggestion_for
from calven_pipeline.previewing.screen import WIDTH, show
from calven_pipeline.previewing.sources import entry_indent, is_in_flow_style
from calven_pipeline.previewing.suggest import as_yaml
from calven_pipeline.settings import DataFolder
from calven_pipeline.terminal import Terminal


def run_preview(file: Path, *, source: str | None, rows: int) -> int:
    """Show how a file would be read; raises the profile's problem where it cannot be."""
    data_dir = DataFolder.load().data_dir
    seen = preview(file, data_dir, source=source, rows=rows)
    show(_console(), seen, data_dir)
    if seen.problem:
        raise seen.problem
    return 0


def run_suggest(file: Path, *, ready: str | None) -> int:
    """Print a source to start from: a whole `sources.yaml`, or an entry for the one that is there."""
    data_dir = DataFolder.load().data_dir
    suggestion = suggestion_for(file, data_dir, None if ready is None else _ready_name(ready))
    indent = entry_indent(data_dir)
    if is_in_flow_style(data_dir):
        _say_that_nothing_can_be_appended(data_dir / PROFILE_FILE)
    sys.stdout.write(
        as_yaml(suggestion) if indent is None else "\n" + as_yaml(suggestion, is_entry=True, indent=indent)
    )
    return 0


def _say_that_nothing_can_be_appended(profiles: Path) -> None:
    told = f"{profiles.name} is written in flow style ([...]): write its list with `- ` before this can be appended"
    with contextlib.suppress(OSError):  # where the output is no file
        if os.path.samestat(os.fstat(sys.stdout.fileno()), profiles.stat()):
            raise RequestError(told)
    print(f"calven-pipeline preview: {told}", file=sys.stderr)  # noqa: T201


def run_profiles(name: str | None) -> int:
    """Print the ready profiles, or one of them."""
    if name is None:
        table = Table(box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False)
        table.add_column("profile", no_wrap=True)
        table.add_column("what it reads", overflow="fold")
        for known in ready_names():
            table.add_row(known, ready_summary(known))
        _console().print(table)
        return 0
    sys.stdout.write(ready_text(_ready_name(name)))
    return 0


def _ready_name(name: str) -> str:
    wanted = name.strip().lower()
    if wanted not in ready_names():
        near = nearest(wanted, ready_names())
        raise RequestError(f"there is no ready profile {name!r}{near}; `calven-pipeline profiles` lists them")
    return wanted


def _console() -> Terminal:
    console = Terminal()
    return console if console.is_terminal or "COLUMNS" in console._environ else Terminal(width=WIDTH)
