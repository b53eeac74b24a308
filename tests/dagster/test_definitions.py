"""Is everything that Dagster should see there, under its name, and nothing else?"""

from pathlib import Path

import dagster as dg
import pytest

import calven_pipeline
from calven_pipeline.alerts.incidents import MOST_KEPT
from calven_pipeline.definitions import defs
from calven_pipeline.defs.resources import Calven, Warehouse

DEPENDENCIES = {
    "users": set(),
    "locations": set(),
    "desks": set(),
    "exports": set(),
    "staged_presence": {"exports"},
    "validated_presence": {"staged_presence", "users", "locations", "desks"},
    "published_presence": {"validated_presence"},
    "rejections": {"validated_presence"},
    "calven_presence": {"published_presence"},
    "analytics_database": {"published_presence", "rejections", "calven_presence", "users", "locations", "desks"},
    "presence_report": {"analytics_database"},
}
GROUPS = {
    "sources": {"exports"},
    "reference": {"users", "locations", "desks"},
    "presence": {"staged_presence", "validated_presence", "published_presence", "rejections", "calven_presence"},
    "analytics": {"analytics_database", "presence_report"},
}
BLOCKING = {
    "users:pulled": False,
    "locations:pulled": False,
    "desks:pulled": False,
    "staged_presence:every_file_read": False,
    "validated_presence:every_row_has_one_verdict": True,
    "published_presence:everything_delivered": False,
    "published_presence:books_balance": True,
    "calven_presence:calven_confirms": False,
    "users:fit_to_judge_by": True,
    "locations:fit_to_judge_by": True,
    "desks:fit_to_judge_by": True,
    "staged_presence:no_source_silent": False,
    "validated_presence:reference_fresh": False,
    "validated_presence:no_badge_lost": False,
    "validated_presence:no_door_lost": False,
    "published_presence:clock_agrees": False,
    "rejections:rejection_rate_usual": False,
}
GRAINS = {
    "users": "One row per user known to Calven.",
    "locations": "One row per location (office) known to Calven.",
    "desks": "One row per desk known to Calven; desks name the zones and levels they stand in.",
    "exports": "One row per row of the files in the drop folder, under the names that source profiles give its columns.",
    "staged_presence": "One row per row of every export file.",
    "validated_presence": "One row per staged row, with its verdict: valid, rejected, duplicate or ignored.",
    "published_presence": "One row per row read, with what became of it and Calven's answer: the table `presence`.",
    "rejections": "One row per row that was ever rejected, with every reason; `status` says whether it is open or resolved.",
    "calven_presence": "One row per row of Presence Details that Calven reports for the days touched.",
    "analytics_database": "One file, `calven.duckdb`, with every table that analysts read.",
    "presence_report": "One page, `reports/presence.html`, with people by day and place, outcomes, reasons and sources: counts alone.",
}
JOBS = {
    "presence_pipeline": set(DEPENDENCIES) - GROUPS["sources"],
    "ingest_presence": set(DEPENDENCIES) - GROUPS["sources"] - GROUPS["reference"],
    "refresh_reference": GROUPS["reference"],
    "retry_pending": {"published_presence", "rejections", "calven_presence", "analytics_database", "presence_report"},
}
BY_HAND = {
    "replay": ["choose_rows", "deliver_chosen"],
    "dismiss": ["dismiss_rows", "write_dismissed"],
    "trim_history": ["trim_runs"],
    "apply_retention": ["remove_old_rows"],
    "export_person": ["export_person"],
    "forget_person": ["forget_person"],
}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return defs()


@pytest.fixture(scope="module")
def graph(definitions):
    return definitions.resolve_asset_graph()


def names(keys) -> set[str]:
    return {key.to_user_string() for key in keys}


def test_every_asset_by_name_with_what_it_reads(graph):
    """An asset that gets lost (a file with `@definitions` loses its assets without a word) is missed here."""
    assert {
        key.to_user_string(): names(graph.get(key).parent_keys) for key in graph.get_all_asset_keys()
    } == DEPENDENCIES


def test_every_asset_is_in_its_group(graph):
    groups: dict[str, set[str]] = {}
    for key in graph.get_all_asset_keys():
        groups.setdefault(graph.get(key).group_name, set()).add(key.to_user_string())
    assert groups == GROUPS


def test_every_description_begins_with_a_grain(graph):
    """Who opens an asset in the UI reads first what one row of it is."""
    first_lines = {
        key.to_user_string(): (graph.get(key).description or "").splitlines()[0] for key in graph.get_all_asset_keys()
    }
    assert first_lines == GRAINS


def test_every_check_by_name_and_whether_it_blocks(graph):
    """Only broken books and tables that nothing can be judged by block; after every other failed check, the run goes on."""
    specs = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    assert {f"{spec.asset_key.to_user_string()}:{spec.name}": spec.blocking for spec in specs} == BLOCKING
    assert all(spec.description for spec in specs if spec.name != "every_row_has_one_verdict")


def everything(definitions: dg.Definitions) -> dict[str, set[str]]:
    """All that Dagster would show, by name."""
    graph, repository = definitions.resolve_asset_graph(), definitions.get_repository_def()
    return {
        "assets": names(graph.get_all_asset_keys()),
        "checks": {key.to_user_string() for key in graph.asset_check_keys},
        "jobs": {job.name for job in definitions.resolve_all_job_defs()},
        "schedules": {schedule.name for schedule in repository.schedule_defs},
        "sensors": {sensor.name for sensor in repository.sensor_defs},
        "resources": set(repository.get_top_level_resources()),
    }


def test_dagster_finds_the_same_by_its_own_way_of_loading(definitions):
    """We leave out its catalogue of components by an interface that it may change; see `calven_pipeline.definitions`."""
    found = everything(dg.load_from_defs_folder(path_within_project=Path(calven_pipeline.__file__).parent))
    assert found == everything(definitions)
    assert all(found.values())


def test_alerts_remember_one_bad_day(definitions):
    """Every check fails, and every step and job of ours, each once."""
    jobs = [job for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")]
    steps = {node.name for job in jobs for node in job.nodes}
    assert len(BLOCKING) + len(steps) + len(jobs) <= MOST_KEPT


def test_every_job_by_name_with_its_assets(definitions):
    jobs = {job.name: job for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")}
    assert {name: sorted(node.name for node in jobs.pop(name).nodes) for name in BY_HAND} == BY_HAND
    assert {name: names(job.asset_layer.executable_asset_keys) for name, job in jobs.items()} == JOBS
    assert all(job.description for job in jobs.values())


def test_jobs_run_the_checks_of_their_assets(definitions):
    """A job without its checks would succeed where it should fail."""
    for name, assets in JOBS.items():
        checks = definitions.resolve_job_def(name).asset_layer.asset_graph.asset_check_keys
        expected = {check for check in BLOCKING if check.split(":")[0] in assets}
        assert {f"{check.asset_key.to_user_string()}:{check.name}" for check in checks} == expected


def test_nothing_that_posts_or_pulls_starts_by_itself(definitions):
    """Whoever runs the project decides when presence is posted; a pull would fail every hour where there is no key."""
    repository = definitions.get_repository_def()
    automations = {automation.name: automation for automation in (*repository.schedule_defs, *repository.sensor_defs)}
    jobs = {schedule.name: schedule.job_name for schedule in repository.schedule_defs}
    jobs |= {sensor.name: sensor.job_name for sensor in repository.sensor_defs if sensor.targets}
    off = {name: job for name, job in jobs.items() if job in JOBS}
    assert off == {
        "new_exports": "ingest_presence",
        "retry_pending": "retry_pending",
        "refresh_reference": "refresh_reference",
    }
    assert {automations[name].default_status.value for name in off} == {"STOPPED"}
    assert all("Off until somebody" in automations[name].description for name in off)
    assert automations["retry_pending"].cron_schedule == "*/15 * * * *"
    assert automations["refresh_reference"].cron_schedule == "5 * * * *"
    assert {schedule.execution_timezone for schedule in repository.schedule_defs} == {"UTC"}


def test_no_job_is_run_again_after_a_step_failed(definitions):
    """Whatever the instance says: a run that failed in a step gave its reason, and Calven is not asked again and again."""
    for name in [*JOBS, *BY_HAND]:
        assert definitions.resolve_job_def(name).run_tags["dagster/retry_on_asset_or_op_failure"] == "false"


def test_steps_share_one_process(definitions):
    """DuckDB takes one writer."""
    assert definitions.executor is dg.in_process_executor
    assert all(definitions.resolve_job_def(name).executor_def.name == "in_process" for name in [*JOBS, *BY_HAND])


def test_resources_have_no_fields(definitions):
    """Dagster stores run configuration: what is no field cannot be in it, so no key can."""
    assert set(definitions.resources) == {"warehouse", "calven"}
    assert Warehouse.model_fields == {}
    assert Calven.model_fields == {}


def test_all_there_is_to_configure_is_a_shrinking_pull_which_files_and_which_days(definitions):
    """Anything else would be a second place for settings, and one that Dagster stores."""
    job = definitions.resolve_job_def("presence_pipeline")
    ops = job.run_config_schema.config_type.fields["ops"].config_type.fields
    configs = {name: op.config_type.fields["config"].config_type for name, op in ops.items()}
    asked = {name: set(config.fields) for name, config in configs.items() if getattr(config, "fields", None)}
    assert asked == {name: {"allow_shrink"} for name in GROUPS["reference"]} | {
        "staged_presence": {"files"},
        "presence_report": {"days", "first_date", "last_date"},
    }
