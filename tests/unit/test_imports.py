"""Do imports point one way, and do definitions load without what takes long?"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "calven_pipeline"
NAME = "calven_pipeline"

# A room may use itself, rooms of a lower level, and what `BESIDE` names.
LEVELS = {
    "cli": 6,
    "definitions": 6,
    "demo": 5,
    "doctor": 5,
    "previewing": 5,
    "defs": 5,
    "delivery": 4,
    "retention": 4,
    "status": 4,
    "checks": 4,
    "validation": 3,
    "exports": 2,
    "reconciliation": 3,
    "reference": 2,
    "reporting": 2,
    "alerts": 1,
    "api": 1,
    "warehouse": 1,
    "sandbox": 1,
    "project": 1,
    "sql": 0,
    "settings": 0,
    "terminal": 0,
    "errors": 0,
}
BESIDE = {
    ("settings", "errors"),
    ("definitions", "defs"),
    ("cli", "definitions"),
    ("checks", "status"),
    ("retention", "delivery"),
}
SANDBOX_MAY = {"errors", "sandbox"}
DAGSTER_IN = {"defs", "definitions", "cli"}
HEAVY = ("pandas", "httpx", "duckdb", "pyarrow", "aiohttp", "rich", "starlette", "uvicorn", "vl_convert")


@cache
def modules() -> tuple[tuple[str, Path, ast.Module], ...]:
    """Every module with the room that it stands in."""
    return tuple(parsed())


def parsed() -> Iterator[tuple[str, Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room != "__init__":
            yield room, path, ast.parse(path.read_text())


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere in the source, with what is taken out of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_used(tree: ast.AST) -> set[str]:
    return {name.split(".")[1] for name in imported(tree) if name.startswith(f"{NAME}.")}


def test_every_room_has_a_level():
    """A new room says where it stands."""
    assert {room for room, _, _ in modules()} <= set(LEVELS)


@pytest.mark.parametrize("room", sorted({room for room, _, _ in modules()}))
def test_imports_point_to_the_right(room):
    """cli, definitions -> defs -> delivery -> validation -> exports, reference -> api, warehouse -> settings, errors."""
    wrong = [
        f"{path.relative_to(PACKAGE)} uses {used}"
        for name, path, tree in modules()
        if name == room
        for used in rooms_used(tree) - {room}
        if not (LEVELS[used] < LEVELS[room] or (room, used) in BESIDE)
    ]
    assert wrong == []


def test_the_sandbox_stands_alone():
    """It is a stand-in for Calven, so it must not share our client's mistakes."""
    for room, path, tree in modules():
        if room == "sandbox":
            assert rooms_used(tree) <= SANDBOX_MAY, path


def test_dagster_stays_in_its_rooms():
    """All else runs in a test or a shell without it."""
    using = {room for room, _, tree in modules() if any(name.split(".")[0] == "dagster" for name in imported(tree))}
    assert using == DAGSTER_IN


def loaded_by(code: str) -> set[str]:
    """The packages that a fresh Python has loaded after the code."""
    print_them = "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    answer = subprocess.run(
        (sys.executable, "-c", f"{code}\n{print_them}"), cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    return set(answer.stdout.split())


def test_definitions_load_without_what_takes_long():
    """`import pandas` alone takes two seconds, and Dagster loads definitions for everything it does."""
    bare = loaded_by("import dagster")
    ours = loaded_by(f"from {NAME}.definitions import defs; defs().resolve_all_job_defs()")
    assert (ours - bare) & set(HEAVY) == set()


def test_help_of_the_command_line_loads_nothing_of_ours():
    """Who asks for help does not wait for Dagster."""
    loaded = loaded_by(f"from {NAME}.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass")
    assert loaded & {*HEAVY, "dagster"} == set()
