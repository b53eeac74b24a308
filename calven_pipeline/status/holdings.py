"""What the snapshot says. Only `calven.duckdb` is opened, read-only: a run may write meanwhile, and replace it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from calven_pipeline.errors import WorkingDatabaseError
from calven_pipeline.status.facts import OUTCOMES, Holdings, Pull, Rejection, Source, Waiting
from calven_pipeline.status.wording import LEAST_DAYS, LEAST_GAPS
from calven_pipeline.validation.advice import WHAT_TO_DO
from calven_pipeline.warehouse.database import MEMORY_LIMIT
from calven_pipeline.warehouse.queries import query
from calven_pipeline.warehouse.snapshot import SNAPSHOT_FILE

RECENT = timedelta(hours=24)
NO_ROWS = dict.fromkeys(OUTCOMES, 0)
CONFIG: dict[str, str | bool | int | float | list[str]] = {"memory_limit": MEMORY_LIMIT, "temp_directory": ""}
RENEW = "Launch retry_pending or presence_pipeline: it is written anew from state/."


def read_holdings(data_dir: Path, now: datetime) -> Holdings | None:
    """The snapshot's facts; None where there is no snapshot.

    Raises `WorkingDatabaseError` with one line where it is damaged, or was written by an earlier version of ours.
    """
    path = data_dir / SNAPSHOT_FILE
    try:
        written = path.stat()
        with closing(duckdb.connect(str(path), read_only=True, config=CONFIG)) as snapshot:
            return _read(snapshot, datetime.fromtimestamp(written.st_mtime, UTC), written.st_size, now)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorkingDatabaseError(f"{SNAPSHOT_FILE} cannot be read: {error.strerror}.") from error
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise WorkingDatabaseError(
            f"{SNAPSHOT_FILE} was written by another version of this project. {RENEW}"
        ) from error
    except duckdb.Error as error:  # its text may quote what it stumbled over
        raise WorkingDatabaseError(f"{SNAPSHOT_FILE} cannot be read ({type(error).__name__}). {RENEW}") from None


def _read(snapshot: duckdb.DuckDBPyConnection, written_at: datetime, size_bytes: int, now: datetime) -> Holdings:
    def rows(name: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        return snapshot.execute(query(name), dict(parameters or {})).fetchall()

    rows("status/create_readings")
    since = (now - RECENT).replace(tzinfo=None)
    counts = rows("status/count_outcomes", {"since": since})
    ((waiting, read_at, occurred_at),) = rows("status/count_waiting")
    last_events = dict(rows("status/last_events"))
    return Holdings(
        written_at=written_at,
        size_bytes=size_bytes,
        outcomes=NO_ROWS | {outcome: total for outcome, total, _ in counts},
        outcomes_24_h=NO_ROWS | {outcome: recent for outcome, _, recent in counts},
        waiting=Waiting(waiting, _maybe_utc(read_at), _maybe_utc(occurred_at)),
        rejections=tuple(
            Rejection(reason, count, _utc(first), WHAT_TO_DO.get(reason, ""))
            for reason, count, first in rows("status/open_rejections")
        ),
        sources=tuple(
            Source(name, file, _utc(staged_at), row_count, _maybe_utc(last_events.get(name)), usual, longest)
            for name, file, staged_at, row_count, usual, longest in rows(
                "status/usual_gaps", {"least_gaps": LEAST_GAPS, "least_days": LEAST_DAYS}
            )
        ),
        pulls=tuple(Pull(table, count, _utc(pulled_at)) for table, count, pulled_at in rows("status/pulls")),
    )


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC)


def _maybe_utc(time: datetime | None) -> datetime | None:
    return _utc(time) if time else None
