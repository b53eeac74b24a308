"""Start-up: loading the definitions against a bare `import dagster`, and a run with nothing to do against one of empty assets.

uv run pytest -m benchmark -s tests/benchmarks/test_startup.py
"""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from calven_pipeline.project import project_folder, samples_folder
from calven_pipeline.sandbox import SandboxServer

# Dagster 1.13.27 asks pydantic for resources' fields in a way that pydantic 2.11 and newer warns of.
DAGSTERS_OWN = "ignore:The `__fields__` attribute is deprecated"
pytestmark = [pytest.mark.benchmark, pytest.mark.filterwarnings(DAGSTERS_OWN)]

DG = str(Path(sys.executable).parent / "dg")
LOADS, LAUNCHES = 9, 5
AT_MOST = 1.3
JOB = "presence_pipeline"

IMPORT = (sys.executable, "-c", "import dagster")
LOAD = (sys.executable, "-c", "from calven_pipeline.definitions import defs; defs()")

# As Dagster scaffolds a project, with as many assets as ours, which depend on each other as ours do.
PYPROJECT = """\
[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "empty_assets"
code_location_name = "empty_assets"
"""
DEFINITIONS = """\
from pathlib import Path

import dagster as dg


@dg.definitions
def defs():
    loaded = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return dg.Definitions.merge(loaded, dg.Definitions(executor=dg.in_process_executor))
"""
ASSETS = """\
import dagster as dg


def empty(name, deps):
    @dg.asset(name=name, deps=deps)
    def nothing() -> None: ...

    return nothing


assets = [empty(name, deps) for name, deps in {dependencies!r}.items()]
job = dg.define_asset_job({job!r}, selection=dg.AssetSelection.all())
"""


@dataclass(frozen=True)
class Cost:
    wall_s: float
    cpu_s: float


def cost(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Cost:
    """What a process and its children cost, from its start to its end."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    after, wall_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
    assert done.returncode == 0, done.stderr[-2000:]
    return Cost(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compare(what: str, ours: Sequence[Cost], theirs: Sequence[Cost]) -> tuple[float, float]:
    """The ratios of the medians, wall and processor time."""
    wall = median(cost.wall_s for cost in ours) / median(cost.wall_s for cost in theirs)
    cpu = median(cost.cpu_s for cost in ours) / median(cost.cpu_s for cost in theirs)
    print(f"\n{what}: wall {wall:.2f}, processor {cpu:.2f} (at most {AT_MOST})")
    for name, costs in (("ours", ours), ("theirs", theirs)):
        print(f"  {name:6} wall {' '.join(f'{cost.wall_s:5.2f}' for cost in costs)} s")
        print(f"  {name:6} cpu  {' '.join(f'{cost.cpu_s:5.2f}' for cost in costs)} s")
    return wall, cpu


def environment(data_dir: Path, url: str = "") -> dict[str, str]:
    """As after `uv run`, without anybody's settings."""
    names = {"PATH": f"{Path(DG).parent}:{os.environ['PATH']}", "VIRTUAL_ENV": sys.prefix, "HOME": str(data_dir)}
    ours = {"DATA_DIR": str(data_dir), "API_URL": url, "API_KEY": "sandbox-all", "API_SECRET": "sandbox-all-secret"}
    return {**names, **{f"CALVEN_{name}": value for name, value in ours.items()}}


def test_loading_the_definitions_costs_little_more_than_importing_dagster(tmp_path: Path) -> None:
    where = environment(tmp_path)
    for command in (IMPORT, LOAD):
        cost(command, project_folder(), where)  # compiles what nobody has compiled yet
    rounds = [(cost(LOAD, project_folder(), where), cost(IMPORT, project_folder(), where)) for _ in range(LOADS)]
    wall, cpu = compare("Loading the definitions", [ours for ours, _ in rounds], [theirs for _, theirs in rounds])
    assert wall <= AT_MOST
    assert cpu <= AT_MOST


def dependencies() -> dict[str, list[str]]:
    """The assets that our job makes, each with those of them that it reads."""
    from calven_pipeline.definitions import defs

    job = defs().resolve_job_def(JOB)
    graph, made = job.asset_layer.asset_graph, job.asset_layer.executable_asset_keys
    keys = [key for key in graph.toposorted_asset_keys if key in made]
    return {key.path[-1]: sorted(parent.path[-1] for parent in graph.get(key).parent_keys & made) for key in keys}


@pytest.fixture
def empty_project(tmp_path: Path) -> Path:
    """A project of as many empty assets, on an instance like ours."""
    folder = tmp_path / "empty"
    (folder / "empty_assets" / "defs").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "dagster.yaml").symlink_to(project_folder() / "dagster.yaml")
    package = folder / "empty_assets"
    (package / "__init__.py").touch()
    (package / "definitions.py").write_text(DEFINITIONS)
    (package / "defs" / "__init__.py").touch()
    (package / "defs" / "assets.py").write_text(ASSETS.format(dependencies=dependencies(), job=JOB))
    return folder


@pytest.fixture
def our_project(tmp_path: Path) -> Path:
    """This project, in a folder without anybody's `.env`."""
    folder = tmp_path / "ours"
    folder.mkdir()
    for name in ("pyproject.toml", "dagster.yaml", "calven_pipeline"):
        (folder / name).symlink_to(project_folder() / name)
    return folder


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A data folder with the samples, and the address of a sandbox that knows them."""
    data_dir = tmp_path / "data"
    shutil.copytree(samples_folder(), data_dir, ignore=shutil.ignore_patterns("world"))
    with SandboxServer(world=samples_folder() / "world") as sandbox:
        yield data_dir, sandbox.url


def test_a_run_with_nothing_to_do_costs_little_more_than_one_of_empty_assets(
    tmp_path: Path, our_project: Path, empty_project: Path, served: tuple[Path, str]
) -> None:
    """Both by `dg launch`, each with its history, after everything was read and delivered."""
    data_dir, url = served
    launch = (DG, "launch", "--job", JOB)
    ours = (launch, our_project, environment(data_dir, url))
    theirs = (launch, empty_project, environment(tmp_path / "empty-data") | {"PYTHONPATH": str(empty_project)})
    for project in (ours, theirs):
        cost(*project)
    rounds = [(cost(*ours), cost(*theirs)) for _ in range(LAUNCHES)]
    wall, cpu = compare("A run with nothing to do", [one for one, _ in rounds], [other for _, other in rounds])
    assert wall <= AT_MOST
    assert cpu <= AT_MOST
