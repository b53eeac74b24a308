"""The command line: arguments in, one function call, exit code out.

Results go to stdout, everything else to stderr; a known error is one line. Exit codes: 0 done; 1 something failed;
64 wrong arguments; 65 an export or an answer that cannot be read; 74 the working database; 75 trying again later may help;
77 Calven refused the key; 78 settings or profiles (the codes of BSD's sysexits.h).
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from calven_pipeline.errors import CalvenPipelineError

USAGE_EXIT_CODE = 64

DEMO_HELP = """Runs the main job on a sandbox and sample exports, first as a dry run, then live, and prints what became of
every row. Needs no key and no network. Works again on the second call.

  uv run calven-pipeline demo
"""
SANDBOX_HELP = """Stands in for the Calven API on this machine: its first line of output says where, the next ones which
keys it knows. Stop it with Ctrl-C.

  uv run calven-pipeline sandbox --port 8787 --users 5000
  uv run calven-pipeline sandbox --world data/samples/world --fault 503@10%
"""
DOCTOR_HELP = """Checks settings, keys and roles, clock, folders and profiles: one line each, with what to do where one is not
well. Posts no event.

  uv run calven-pipeline doctor
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s")
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except CalvenPipelineError as error:
        print(f"calven-pipeline {options.command}: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except KeyboardInterrupt:
        return 130


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
    doctor = _command(commands, "doctor", "checks settings, keys, clock, folders and profiles", DOCTOR_HELP)
    doctor.set_defaults(run=_doctor)
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


def _doctor(_: argparse.Namespace) -> int:
    from calven_pipeline.doctor import run_doctor

    return run_doctor()


if __name__ == "__main__":
    sys.exit(main())
