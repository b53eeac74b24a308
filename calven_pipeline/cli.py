"""The command line: arguments in, one function call, exit code out.

Results go to stdout, everything else to stderr; a known error is one line. Exit codes: 0 done; 1 something failed, or
`status` found something wrong; 64 wrong arguments; 65 an export or an answer that cannot be read; 74 the working database;
75 trying again later may help; 77 Calven refused the key; 78 settings or profiles (the codes of BSD's sysexits.h).
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from calven_pipeline.errors import CalvenPipelineError

if TYPE_CHECKING:
    from calven_pipeline.status.facts import Operations

USAGE_EXIT_CODE = 64
BROKEN_PIPE_EXIT_CODE = 141  # as a shell says of a command whose reader went away
MOST_ROWS = 1000

DEMO_HELP = """Runs the main job on a sandbox and sample exports, first as a dry run, then live, and prints what became of
every row. Needs no key and no network. Works again on the second call.

  uv run calven-pipeline demo
"""
SANDBOX_HELP = """Stands in for the Calven API on this machine: its first line of output says where, the next ones which
keys it knows. Stop it with Ctrl-C.

  uv run calven-pipeline sandbox --port 8787 --users 5000
  uv run calven-pipeline sandbox --world data/samples/world --fault 503@10%
"""
PREVIEW_HELP = """Shows how a file would be read and what would become of its rows. Writes nothing that stays, sends nothing, needs no
key, and may be used while a run is under way.

  uv run calven-pipeline preview data/exports/badges/2026-11-02.csv
  uv run calven-pipeline preview night.csv.gz --source hq-badges --rows 20
  uv run calven-pipeline preview night.csv --suggest >> data/sources.yaml
"""
PROFILES_HELP = """Lists the ready profiles: how well-known systems write their exports. With a name, prints that one as YAML.

  uv run calven-pipeline profiles
  uv run calven-pipeline profiles lenel-onguard
"""
DOCTOR_HELP = """Checks settings, keys and roles, clock, folders and profiles: one line each, with what to do where one is not
well. Posts no event.

  uv run calven-pipeline doctor
"""
STATUS_HELP = """The state on one screen: what is wrong now and what to do, the last runs, rows by outcome, what waits, why rows
stand rejected, sources and their silence, schedules. Reads only calven.duckdb and the history of runs, so it answers while
a run writes. Exit code 0 where nothing is wrong, 1 where something is.

  uv run calven-pipeline status
  uv run calven-pipeline status --json
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s")
    options = _parser().parse_args(arguments)
    try:
        exit_code = int(options.run(options))
        sys.stdout.flush()  # while a reader that went away can still be told
    except CalvenPipelineError as error:
        print(f"calven-pipeline {options.command}: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more at its end
        return BROKEN_PIPE_EXIT_CODE
    else:
        return exit_code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # argparse exits with 2, which is no code of ours
        self.print_usage(sys.stderr)
        self.exit(USAGE_EXIT_CODE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="calven-pipeline", description="Carries presence exports to Calven; accounts for every row.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = _command(commands, "demo", "the main job on a sandbox and sample exports", DEMO_HELP)
    demo.set_defaults(run=_demo)
    sandbox = _command(commands, "sandbox", "the stand-in for the Calven API", SANDBOX_HELP)
    sandbox.add_argument("--port", type=int, default=8787, help="0 takes a free one (default: %(default)s)")
    sandbox.add_argument("--world", type=Path, metavar="DIR", help="folder with users.json, locations.json, desks.json")
    sandbox.add_argument(
        "--users", type=int, default=500, metavar="N", help="size of a generated company (default: %(default)s)"
    )
    sandbox.add_argument(
        "--seed", type=int, default=7, help="of the generated company and the faults (default: %(default)s)"
    )
    sandbox.add_argument(
        "--fault", action="append", default=[], metavar="SPEC", help="fail on purpose; may be repeated"
    )
    sandbox.set_defaults(run=_sandbox)
    preview = _command(commands, "preview", "how a file would be read, and what would become of its rows", PREVIEW_HELP)
    preview.add_argument(
        "file", type=Path, metavar="FILE", help="an export, wherever it lies; gzip and zip are looked into"
    )
    preview.add_argument(
        "--source", metavar="NAME", help="of sources.yaml, or a ready profile (default: the one that fits)"
    )
    preview.add_argument("--rows", type=_row_count, default=10, metavar="N", help="rows to show (default: %(default)s)")
    preview.add_argument(
        "--suggest", action="store_true", help="print a source to start from, as YAML, and nothing else"
    )
    preview.set_defaults(run=_preview)
    profiles = _command(commands, "profiles", "the ready profiles of well-known systems", PROFILES_HELP)
    profiles.add_argument("name", nargs="?", metavar="NAME", help="prints that one")
    profiles.set_defaults(run=_profiles)
    doctor = _command(commands, "doctor", "checks settings, keys, clock, folders and profiles", DOCTOR_HELP)
    doctor.set_defaults(run=_doctor)
    status = _command(commands, "status", "what is wrong now, and the state on one screen", STATUS_HELP)
    status.add_argument("--json", action="store_true", help="one JSON object, for scripts")
    status.set_defaults(run=_status)
    return parser


def _command(commands: argparse._SubParsersAction[_Parser], name: str, line: str, text: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=line, description=text, formatter_class=argparse.RawDescriptionHelpFormatter)


def _demo(_: argparse.Namespace) -> int:
    from calven_pipeline.demo import run_demo

    return run_demo(_launch_presence_pipeline)


def _launch_presence_pipeline() -> str | None:
    """Run the main job in this process, on Dagster's instance of this project; what failed, or None.

    Not by `dg launch`: that lets a `.env` win over the environment, and the demo must never meet real keys.
    """
    import dagster as dg

    from calven_pipeline.definitions import defs
    from calven_pipeline.project import project_folder

    with dg.DagsterInstance.from_config(str(project_folder())) as instance:
        result = (
            defs()
            .resolve_job_def("presence_pipeline")
            .execute_in_process(
                instance=instance,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        )
        failures = [event.step_failure_data for event in result.all_node_events if event.is_step_failure]
    if result.success:
        return None
    told = [data.user_failure_data.description for data in failures if data.user_failure_data]
    return next((line for line in told if line), "the run failed; its log is in the Dagster UI")


def _sandbox(options: argparse.Namespace) -> int:
    from calven_pipeline.sandbox import serve

    serve(port=options.port, world=options.world, users=options.users, seed=options.seed, faults=options.fault)
    return 0


def _row_count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MOST_ROWS:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {MOST_ROWS}")
    return int(text)


def _preview(options: argparse.Namespace) -> int:
    from calven_pipeline.previewing.commands import run_preview, run_suggest

    if options.suggest:
        return run_suggest(options.file, ready=options.source)
    return run_preview(options.file, source=options.source, rows=options.rows)


def _profiles(options: argparse.Namespace) -> int:
    from calven_pipeline.previewing.commands import run_profiles

    return run_profiles(options.name)


def _doctor(_: argparse.Namespace) -> int:
    from calven_pipeline.doctor import run_doctor

    return run_doctor()


def _status(options: argparse.Namespace) -> int:
    from calven_pipeline.status.command import run_status

    return run_status(_ask_dagster, as_json=options.json)


def _ask_dagster(now: datetime) -> Operations:
    """What Dagster knows now: runs, schedules, sensors."""
    from calven_pipeline.definitions import defs
    from calven_pipeline.defs.operations import operations
    from calven_pipeline.project import project_folder

    logging.getLogger("dagster").setLevel(logging.WARNING)  # it would say where it keeps runs
    return operations(project_folder(), defs().get_repository_def(), now)


if __name__ == "__main__":
    sys.exit(main())
