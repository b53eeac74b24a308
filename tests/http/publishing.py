"""One publishing run in a process of its own, which may be told where to die and what the machine keeps from it.

    python -m tests.http.publishing '{"data_dir": "...", "settings": {...}, "die": "before the POST"}'

It says "ready" on stdout before it begins, and on its last line what came of it; logs at DEBUG go to stderr. One that is
held waits for a line on stdin in between. The exit code is 0 or the error's own.
"""

import ctypes
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

from calven_pipeline.api import CalvenClient, PresencePoster, RetryPolicy
from calven_pipeline.delivery import outbox, sender
from calven_pipeline.delivery.journal import Journal
from calven_pipeline.delivery.publish import publish_due
from calven_pipeline.errors import CalvenPipelineError
from calven_pipeline.exports.profiles import load_profiles
from calven_pipeline.exports.staging import stage_exports
from calven_pipeline.settings import Settings
from calven_pipeline.validation.verdicts import validate
from calven_pipeline.warehouse.database import WAIT_S, WorkingDatabase, open_working_database
from calven_pipeline.warehouse.snapshot import write_snapshot

HASTY = RetryPolicy(attempts=3, wait_initial_s=0.01, wait_max_s=0.02, wait_jitter_s=0.01)
CALLS_PER_PLAN = 3  # where death comes between batches
CAPABILITIES_VERSION_3 = 0x20080522


def die(*_: object, **__: object) -> NoReturn:
    """As if the power had gone, for this process alone."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives SIGKILL")


def dying(owner: object, name: str, *, nth: int = 1, after: bool = False) -> None:
    """Replace the function by one that dies in the nth call, before or after its work."""
    work, seen = getattr(owner, name), iter(range(1, 1_000_000))

    @wraps(work)
    def mortal(*args: Any, **named: Any) -> Any:
        is_last = next(seen) == nth
        if is_last and not after:
            die()
        result = work(*args, **named)
        if is_last:
            die()
        return result

    setattr(owner, name, mortal)


def dying_in_the_fold(moment: str) -> None:
    """Die in the transaction that takes notes in: `first statement`, `before commit` or `after commit`."""
    fold, transaction, run = outbox.fold, WorkingDatabase.transaction, WorkingDatabase.run
    state = {"folding": False}

    @wraps(fold)
    def watched_fold(database: WorkingDatabase, journal: Journal, *rest: Any, **named: Any) -> None:
        state["folding"] = bool(journal.leftovers())
        fold(database, journal, *rest, **named)

    @contextmanager
    def mortal_transaction(self: WorkingDatabase) -> Iterator[None]:
        with transaction(self):
            yield
            if state["folding"] and moment == "before commit":
                die()
        if state["folding"]:
            die()

    def mortal_run(self: WorkingDatabase, *args: Any) -> int:
        changed = run(self, *args)
        if state["folding"] and moment == "first statement":
            die()
        return changed

    outbox.fold, WorkingDatabase.transaction, WorkingDatabase.run = watched_fold, mortal_transaction, mortal_run


def dying_between_batches() -> None:
    """Die when the third few calls are to be planned: two were sent, answered and taken in."""
    sender.CALLS_PLANNED = CALLS_PER_PLAN
    dying(outbox, "plan", nth=3)


MOMENTS: dict[str, Callable[[], None]] = {
    "before the POST": lambda: dying(PresencePoster, "post"),
    "with answers that are not noted": lambda: dying(Journal, "write"),
    "after the first note": lambda: dying(Journal, "write", after=True),
    "after the fifth note": lambda: dying(Journal, "write", nth=5, after=True),
    "in the middle of the fold": lambda: dying_in_the_fold("first statement"),
    "before the commit": lambda: dying_in_the_fold("before commit"),
    "after the commit": lambda: dying_in_the_fold("after commit"),
    "between batches": dying_between_batches,
    "while it recovers": lambda: dying(outbox, "recover", after=True),
    "when all is done": lambda: dying(outbox, "release", after=True),
}


def give_up_capabilities() -> None:
    """Make the rights of files hold for root too: an owner without capabilities."""
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def publish(
    settings: Settings, *, judge: bool = False, snapshot: bool = False, wait_s: float = WAIT_S, now: str | None = None
) -> dict[str, Any]:
    """Stage and judge what is new (if asked to), deliver what is due, and say what came of it."""
    profiles = load_profiles(settings.data_dir)
    with (
        open_working_database(settings.data_dir, wait_s=wait_s) as database,
        CalvenClient(settings, retries=HASTY) as client,
    ):
        if judge:
            stage_exports(database, profiles, settings.data_dir)
            validate(database, profiles, settings.data_dir, now=datetime.fromisoformat(now) if now else None)
        delivery = publish_due(database, client, profiles, settings.data_dir)
        if snapshot:
            write_snapshot(database, settings.data_dir)
    if delivery.problem:
        raise delivery.problem
    return {"accepted": delivery.accepted, "waiting": delivery.waiting, "calls": delivery.calls}


def main(order: dict[str, Any]) -> int:
    """Carry out the order; the exit code."""
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    Settings.model_config["env_file"] = None
    settings = Settings(**{**order.pop("settings"), "data_dir": Path(order.pop("data_dir"))})
    if moment := order.pop("die", None):
        MOMENTS[moment]()
    if (limit := order.pop("largest_file_bytes", None)) is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if order.pop("powerless", False):
        give_up_capabilities()
    print("ready", flush=True)
    if order.pop("held", False):
        sys.stdin.readline()
    try:
        print(json.dumps(publish(settings, **order)), flush=True)
    except CalvenPipelineError as error:
        print(json.dumps({"error": type(error).__name__, "story": str(error)}), flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
