"""Is the README true? Its names, defaults, tables, queries, messages, commands and links are held against the code."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from calven_pipeline import cli, errors, validation
from calven_pipeline.api import CalvenClient
from calven_pipeline.delivery.publish import publish_due
from calven_pipeline.demo import OUTCOMES, run_demo
from calven_pipeline.doctor import CHECKS
from calven_pipeline.exports.profiles import OUR_COLUMNS, SourceProfile, load_profiles
from calven_pipeline.exports.staging import stage_exports
from calven_pipeline.reconciliation.reconcile import reconcile
from calven_pipeline.reference.pull import pull_reference
from calven_pipeline.sandbox import KEYS
from calven_pipeline.sandbox.fault_kinds import FAULT_KINDS
from calven_pipeline.sandbox.faults import parse_fault
from calven_pipeline.settings import DataFolder, Settings
from calven_pipeline.validation.advice import WHAT_TO_DO
from calven_pipeline.validation.reasons import CALVENS, REASONS
from calven_pipeline.validation.verdicts import validate
from calven_pipeline.warehouse.database import open_working_database
from calven_pipeline.warehouse.dictionary import TABLES, VIEWS, Column
from calven_pipeline.warehouse.queries import query
from calven_pipeline.warehouse.snapshot import SNAPSHOT_FILE, write_snapshot
from tests.docs import answers, tables

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
PACKAGE = Path(validation.__file__).parents[1]
CODE = re.compile(r"`([^`]+)`")
WITHOUT_RULE = 2  # a heading and a rule stand above the rows of a table

# Dagster 1.13.27 asks pydantic for resources' fields in a way that pydantic 2.11 and newer warns of.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")


def section(heading: str) -> str:
    """The text below a heading of any level, up to the next heading outside code."""
    text = re.split(rf"^#+ {re.escape(heading)}$", README, maxsplit=1, flags=re.MULTILINE)[1]
    return re.split(r"^#+ (?=[A-Z])", text, maxsplit=1, flags=re.MULTILINE)[0]


def rows(heading: str, first_column: str) -> list[list[str]]:
    """The cells of the tables in that section whose first column has that name."""
    blocks = re.findall(r"(?:^\|.*\n)+", section(heading), flags=re.MULTILINE)
    wanted = [block for block in blocks if block.startswith(f"| {first_column} |")]
    assert wanted, f"no table of {first_column} under {heading}"
    return [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for block in wanted
        for line in block.splitlines()[WITHOUT_RULE:]
    ]


def words(cell: str) -> list[str]:
    """What stands in backquotes."""
    return CODE.findall(cell)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> Iterator[list[str]]:
    """Every shell command that starts with `uv run`, in a block or in the text, as arguments after `uv run`."""
    shown = [line for block in blocks("sh") for line in block.splitlines()]
    shown += re.findall(r"^    (?!.*\|)(.*)$", section("Quick start"), flags=re.MULTILINE)
    text = re.sub(r"^ *```.*?^ *```$", "", README, flags=re.MULTILINE | re.DOTALL)
    shown += [word for word in words(text) if word.startswith("uv run ")]
    for line in shown:
        for part in line.split("&&"):
            if "uv run " in part:
                yield shlex.split(
                    re.split(r" >| \|\|", part.partition("uv run ")[2].removeprefix("--group browser "))[0]
                )


@pytest.fixture(scope="module")
def definitions():
    from calven_pipeline.definitions import defs

    return defs()


@pytest.fixture(scope="module")
def assets(definitions) -> set[str]:
    return {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}


@pytest.fixture(scope="module")
def jobs(definitions) -> dict[str, set[str]]:
    """Assets by job; Dagster's own job for everything left out."""
    found = {job.name: job for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")}
    return {
        name: {key.to_user_string() for key in job.asset_layer.executable_asset_keys} for name, job in found.items()
    }


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    """The data folder of a demo whose steps run without Dagster, three times as fast."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))  # no `.env`
        patch.setenv("CALVEN_DATA_DIR", str(folder))
        assert run_demo(run_the_steps) == 0
    return folder


def run_the_steps() -> None:
    settings = Settings.load()
    profiles = load_profiles(settings.data_dir)
    with open_working_database(settings.data_dir) as database, CalvenClient(settings) as client:
        for resource in ("users", "locations", "desks"):
            pull_reference(client, database, resource)
        assert not stage_exports(database, profiles, settings.data_dir).problems
        validate(database, profiles, settings.data_dir)
        assert publish_due(database, client, profiles, settings.data_dir).problem is None
        assert reconcile(database, client).agrees
        write_snapshot(database, settings.data_dir)


def test_the_quick_start_has_the_two_commands_as_they_are():
    """Whoever copies them needs nothing else."""
    assert "    pip install uv && uv run calven-pipeline demo\n    uv run pytest\n" in section("Quick start")


def test_the_demo_prints_the_numbers_that_the_quick_start_shows(data_dir):
    shown = re.findall(r"^    (\w+) +(\d+) +(\d+)   (.+)$", section("Quick start"), flags=re.MULTILINE)
    assert [(outcome, meaning) for outcome, _, _, meaning in shown] == list(OUTCOMES.items())
    with duckdb.connect(str(data_dir / SNAPSHOT_FILE), read_only=True) as snapshot:
        found = dict(snapshot.sql("select outcome, count(*) from presence group by outcome").fetchall())
    assert {outcome: int(live) for outcome, _, live, _ in shown} == {name: found.get(name, 0) for name in OUTCOMES}
    assert sum(int(rehearsed) for _, rehearsed, _, _ in shown) == sum(found.values())
    assert f"each of {sum(found.values())} sample rows" in section("Quick start")


def test_outcomes():
    assert [words(row[0])[0] for row in rows("Outcomes and promises", "outcome")] == list(OUTCOMES)


def test_every_asset_with_the_jobs_that_run_it(assets, jobs):
    shown = {words(row[0])[0]: set(words(row[3])) for row in rows("Assets, jobs, checks", "asset")}
    assert shown == {asset: {job for job, assets in jobs.items() if asset in assets} for asset in assets}


def test_every_job(jobs):
    assert {words(row[0])[0] for row in rows("Assets, jobs, checks", "job")} == set(jobs)


def test_every_check_and_whether_it_blocks(definitions):
    graph = definitions.resolve_asset_graph()
    found = {
        (key.name, key.asset_key.to_user_string()): graph.get_check_spec(key).blocking for key in graph.asset_check_keys
    }
    shown = {
        (words(row[0])[0], words(row[1])[0]): row[2].startswith("blocking")
        for row in rows("Assets, jobs, checks", "check")
    }
    assert shown == found


def test_all_that_starts_by_itself(definitions):
    """Whether it is on or off at first, and the cron line of a schedule."""
    repository = definitions.get_repository_def()
    found = {
        f"schedule {s.name}": (
            s.default_status == dg.DefaultScheduleStatus.RUNNING,
            f"{s.cron_schedule} {s.execution_timezone}",
        )
        for s in repository.schedule_defs
    } | {
        f"sensor {s.name}": (s.default_status == dg.DefaultSensorStatus.RUNNING, None)
        for s in repository.sensor_defs
        if s.name != "default_automation_condition_sensor"
    }
    shown = {
        row[0].replace("`", ""): (row[1] == "on", row[2].replace("`", "").partition(",")[0] if "`" in row[2] else None)
        for row in rows("Assets, jobs, checks", "by itself")
    }
    assert shown == found


def every_settings_class(start):
    return [start, *(each for child in start.__subclasses__() for each in every_settings_class(child))]


def test_every_setting_with_its_default():
    shown = {words(row[0])[0]: row[1] for row in rows("Settings", "name")}
    fields = {name: field for group in every_settings_class(DataFolder) for name, field in group.model_fields.items()}
    assert set(shown) == {f"CALVEN_{name.upper()}" for name in fields}
    for name, field in fields.items():
        cell = shown[f"CALVEN_{name.upper()}"]
        if field.default in (None, ()):
            assert cell in {"", "the one key"}
        else:
            assert cell == f"`{field.default}`"


def test_the_example_of_an_env_file_can_be_loaded(tmp_path, monkeypatch):
    (example,) = blocks("ini")
    names = [line.split("=")[0].strip() for line in example.splitlines() if line.strip()]
    assert {name.removeprefix("CALVEN_").lower() for name in names} <= set(Settings.model_fields)
    (tmp_path / ".env").write_text(example, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CALVEN_{name.upper()}", raising=False)
    assert Settings.load().publish == "dry-run"


def test_every_key_of_a_source_profile():
    shown = [words(row[0])[0] for row in rows("Source profiles", "key")]
    assert sorted(shown) == sorted({*SourceProfile.model_fields, "profile"} - {"is_default"})
    assert words(re.search(r"^Our columns: (.*)$", README, flags=re.MULTILINE)[1]) == list(OUR_COLUMNS)


def test_the_example_profile_can_be_loaded(tmp_path):
    example = next(block for block in blocks("yaml") if block.startswith("sources:"))
    (tmp_path / "sources.yaml").write_text(example, encoding="utf-8")
    for name in ("people.csv", "places.csv"):
        (tmp_path / name).write_bytes((PROJECT / "data" / "samples" / name).read_bytes())
    (profile,) = load_profiles(tmp_path)
    assert profile.name == "hq-badges"


def test_every_reason_in_order_with_its_stage_and_whether_it_heals():
    validated = list(dict.fromkeys(re.findall(r"then (?:\['|'(?=\w+' end))(\w+)'", query("validation/judge_rows"))))
    refused = set(re.findall(r"(?:then|else) '(calven_\w+)'", query("delivery/settle_events")))
    assert list(REASONS) == [*validated, *CALVENS]
    assert set(CALVENS) == refused

    with_new_data, _, when_time_has_come, *_ = query("validation/choose_rows_to_recheck").split("\nunion\n")
    calvens, _, ours = with_new_data.partition("\n        else\n")
    beyond_cure = set(re.findall(r"'(\w+)'", ours.partition("list_has_any")[2]))
    beyond_cure -= set(re.findall(r"(?<!not )list_contains\(r\.reasons, '(\w+)'\)", when_time_has_come))
    beyond_cure |= refused - set(re.findall(r"'(calven_\w+)'", calvens))
    stages = dict.fromkeys(validated, "validate") | {"malformed_row": "read"} | dict.fromkeys(CALVENS, "calven")
    shown = [(row[0], words(row[1])[0], row[2]) for row in rows("Reasons", "stage")]
    healing = {reason: "no" if reason in beyond_cure | {"malformed_row"} else "yes" for reason in REASONS}
    assert shown == [(stages[reason], reason, healing[reason]) for reason in REASONS]


def test_every_promise_has_a_test_that_exists():
    """The names of the tests are as the page shows them; whether they prove it is for its reader to judge."""
    proofs = [words(row[1]) for row in rows("Outcomes and promises", "promise")]
    assert len(proofs) > 10
    for file, _, test in (proof.partition("::") for promise in proofs for proof in promise):
        assert f"def {test}(" in (PROJECT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_tables_and_views_are_those_of_the_dictionary():
    """Where this fails: `uv run python -m tests.docs.tables`."""
    assert tables.written(README).strip() == tables.rendered().strip()
    assert tables.PAGE.read_text(encoding="utf-8") == tables.page()


def test_the_snapshot_has_the_tables_and_views_that_the_page_shows(data_dir):
    """With their columns, types and comments; nothing else is in sight."""
    with duckdb.connect(str(data_dir / SNAPSHOT_FILE), read_only=True) as snapshot:
        found = snapshot.sql(
            "select table_name, column_name, data_type, comment from duckdb_columns() "
            "where database_name = current_database() and schema_name = 'main' and not internal "
            "order by table_name, column_index"
        ).fetchall()
    shown = [(table.name, *column) for table in TABLES + VIEWS for column in map(facts, table.columns)]
    assert found == sorted(shown, key=lambda row: row[0])


def facts(column: Column) -> tuple[str, str, str]:
    return column.name, column.type, column.comment


@pytest.mark.parametrize("statement", [block for block in blocks("sql") if block not in section("Queries")])
def test_every_query_elsewhere_answers_on_the_demos_database(data_dir, statement):
    with duckdb.connect(str(data_dir / SNAPSHOT_FILE), read_only=True) as snapshot:
        assert snapshot.sql(statement).fetchall()


def questions(language: str) -> dict[str, str]:
    """What stands in the section on queries: each line above a block, and the block."""
    return dict(re.findall(rf"^(.+)\n\n```{language}\n((?:.*\n)*?)```$", section("Queries"), flags=re.MULTILINE))


def test_every_question_is_answered_on_the_demos_database(data_dir):
    """Rightly: the answers are counted by hand. Where an answer ends in times of the run, its first columns are."""
    asked = questions("sql")
    assert asked.keys() == answers.ROWS.keys() | {answers.PRESENT, answers.DELIVERY}
    with duckdb.connect(str(data_dir / SNAPSHOT_FILE), read_only=True) as snapshot:
        found = {question: snapshot.sql(statement).fetchall() for question, statement in asked.items()}
    for question, rows in answers.ROWS.items():
        width = len(rows[0]) if rows else None
        assert [row[:width] for row in found[question]] == rows, question
    assert {row[1] for row in found[answers.PRESENT]} == answers.PRESENT_ON_MONDAY
    assert len(found[answers.PRESENT]) == len(answers.PRESENT_ON_MONDAY)
    assert tuple(map(sum, zip(*(row[1:5] for row in found[answers.DELIVERY]), strict=True))) == answers.DELIVERED


def test_the_question_for_pandas_is_answered_too(data_dir, capsys):
    ((question, example),) = questions("python").items()
    exec(example.replace("data/calven.duckdb", str(data_dir / SNAPSHOT_FILE)), {})
    printed = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines())
    assert (question, printed) == (answers.PANDAS, answers.ARRIVED)


def test_what_to_do_is_said_alike_in_the_database_and_on_screens(data_dir):
    """And in the documented order, with the stages of the page."""
    with duckdb.connect(str(data_dir / SNAPSHOT_FILE), read_only=True) as snapshot:
        found = snapshot.sql("from reasons order by number").fetchall()
    stages = {words(row[1])[0]: row[0] for row in rows("Reasons", "stage")}
    assert found == [(n, stages[reason], reason, WHAT_TO_DO[reason]) for n, reason in enumerate(REASONS, start=1)]


def test_the_way_in_from_python(data_dir, capsys):
    example = blocks("python")[0]
    exec(example.replace("data/calven.duckdb", str(data_dir / SNAPSHOT_FILE)), {})
    assert "accepted" in capsys.readouterr().out


def test_sandbox_keys():
    shown = {words(row[0])[0]: (row[1], row[2]) for row in rows("The sandbox", "key")}
    found = {key.id: ("Basic" if key.is_basic else "HMAC, client secret", key.role.name) for key in KEYS.values()}
    assert shown == found
    assert {key.secret for key in KEYS.values()} == {f"{key}-secret" for key in shown}


def test_every_fault_and_every_example_of_one():
    cells = [word for row in rows("The sandbox", "fault") for word in words(row[0])]
    assert {word for word in cells if not word.isdigit()} == set(FAULT_KINDS) - {"STATUS"}
    for row in rows("The sandbox", "part"):
        for part in words(row[0]):
            parse_fault(f"503{part}")
    for example in (word for row in rows("The sandbox", "fault") for word in words(row[1]) if "=" in word):
        parse_fault(example)


def test_every_message_that_is_explained_can_appear():
    """Literals are joined as Python joins them; what is filled in is left out."""
    literals = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literals.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                literals.append("".join(part.value for part in node.values if isinstance(part, ast.Constant)))
    for row in rows("When it fails", "message"):
        (message,) = words(row[0])
        assert any(message in literal for literal in literals), message


def test_exit_codes():
    tree = [errors.CalvenPipelineError]
    for kind in tree:
        tree += kind.__subclasses__()
    found = {0, 130, cli.USAGE_EXIT_CODE} | {kind.exit_code for kind in tree}
    assert {int(row[0]) for row in rows("When it fails", "code")} == found


def test_the_doctors_checks():
    shown = section("When it fails").replace("\n", " ")
    assert f"checks {', '.join(list(CHECKS)[:-1])} and {list(CHECKS)[-1]}" in shown


def test_every_command_exists(assets, jobs):
    pytest_options = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    by_itself = {row[0].replace("`", "") for row in rows("Assets, jobs, checks", "by itself")}
    tools = {"pytest", "ruff", "mypy", "calven-pipeline", "dg", "python", "--with"}
    tools |= {"dagster", "dagster-webserver", "dagster-daemon"}
    seen = set()
    for command in commands():
        tool, *arguments = command
        seen.add(tool)
        assert tool in tools
        if tool == "calven-pipeline":
            cli._parser().parse_args(arguments)
        elif tool == "pytest" and "-m" in arguments:
            marker = arguments[arguments.index("-m") + 1]
            assert any(line.startswith(f"{marker}:") for line in pytest_options["tool"]["pytest"]["markers"])
            assert (PROJECT / arguments[-1]).exists()
        elif tool == "dg" and arguments[0] == "launch":
            what, name = arguments[1:3]
            assert name in (jobs if what == "--job" else assets)
        elif tool == "dg":
            assert arguments in (["dev"], ["check", "defs"])
        elif tool == "dagster":
            kind, action, name = arguments
            assert (action, f"{kind} {name}" in by_itself) == ("start", True)
        elif tool == "python":
            assert arguments in (["-m", "tests.docs.tables"], ["-m", "tests.browser.pictures"])
    assert seen == tools
    for fault in re.findall(r"--fault (\S+)", README):
        parse_fault(fault)


def test_every_room_is_a_folder():
    for row in rows("Development", "room"):
        assert (PACKAGE / words(row[0])[0]).is_dir()
    named = words(section("Development").partition("grouped by question: ")[2].partition(".")[0].replace("\n", " "))
    folders = {path.name for path in (PROJECT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert set(named) == folders


def test_every_link_leads_somewhere():
    targets = re.findall(r"\]\(([^)\s]+)\)", README)
    headings = re.findall(r"^#+ ([A-Z].*)$", README, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}
    for target in targets:
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("https://"):
            assert (PROJECT / target).exists(), target


def test_images_are_small_enough_for_a_page():
    images = [PROJECT / target for target in re.findall(r"!\[.+\]\(([^)]+)\)", README)]
    assert images
    assert all(image.stat().st_size < 300_000 for image in images)
