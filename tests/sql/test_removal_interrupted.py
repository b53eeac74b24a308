"""Removals that were killed, or had no room: nothing of what was removed is shown again, and the next one finishes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import duckdb
import pytest

from calven_pipeline.errors import RequestError, WorkingDatabaseError
from calven_pipeline.retention import compaction, erasure, expiry
from calven_pipeline.retention.erasure import forget_person
from calven_pipeline.retention.persons import Asked
from calven_pipeline.retention.removal import Removal, remove_rows
from calven_pipeline.warehouse import snapshot
from calven_pipeline.warehouse.database import WorkingDatabase
from calven_pipeline.warehouse.snapshot import write_snapshot
from tests.sql.conftest import Pipeline
from tests.sql.test_removal import accept, expire

OLD = "2026-01-05T08:00:00Z,e1,badge-zanzibar,U-ann,,Office,location"
RECENT = "2026-10-30T08:00:00Z,e2,b2,U-bob,,Office,location"
ANN = Asked.of(user_id="U-ann")


@pytest.fixture(scope="module")
def shown_folder(company: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An old row and a recent one, accepted, in the analysts' files of both kinds."""
    pipeline = Pipeline(shutil.copytree(company, tmp_path_factory.mktemp("shown") / "data"))
    pipeline.swipes(OLD, RECENT)
    pipeline.run()
    accept(pipeline)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALVEN_PARQUET", "parquet")
        write_snapshot(pipeline.database, pipeline.data)
    pipeline.close()
    return pipeline.data


@pytest.fixture
def shown(shown_folder: Path, tmp_path: Path) -> Iterator[Pipeline]:
    """A copy of that folder."""
    pipeline = Pipeline(shutil.copytree(shown_folder, tmp_path / "data"))
    yield pipeline
    pipeline.close()


def die(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def holding(pipeline: Pipeline) -> list[str]:
    """Which files, the exports apart, hold the badge of the old row."""
    pipeline.close()
    files = [path for path in pipeline.data.rglob("*") if path.is_file() and "exports" not in path.parts]
    return sorted(str(path.relative_to(pipeline.data)) for path in files if b"badge-zanzibar" in path.read_bytes())


def people_shown(data: Path) -> list[str]:
    with duckdb.connect(str(data / "calven.duckdb"), read_only=True) as analysts:
        return [user_id for (user_id,) in analysts.execute("select user_id from presence order by row_id").fetchall()]


def test_killed_while_the_analysts_files_are_written(shown: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own file was made anew already, which said that nothing was left to do: theirs kept the rows."""
    monkeypatch.setenv("CALVEN_PARQUET", "parquet")
    for killed_in in ("_replace", "write_parquet"):
        with monkeypatch.context() as patch:
            patch.setattr(snapshot, killed_in, die)
            with pytest.raises(KeyboardInterrupt):
                expire(shown)
        assert holding(shown)
    assert expire(shown).story.endswith("was finished first: no rows removed, the files made anew.")
    assert holding(shown) == []
    assert expire(shown).finish == compaction.Finish()


def test_a_forgotten_person_whose_removal_was_killed(shown: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary run shows them no more; launched anew, the job finds nobody, and finishes all the same and says so."""
    shutil.rmtree(shown.data / "parquet")
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "finish", die)
        with pytest.raises(KeyboardInterrupt):
            forget_person(shown.data, ANN, launch="1", run_id="1")
    assert people_shown(shown.data) == ["U-ann", "U-bob"]
    write_snapshot(shown.database, shown.data)
    assert people_shown(shown.data) == ["U-bob"]
    assert holding(shown) == ["state/pipeline.duckdb"]
    with pytest.raises(
        RequestError, match=r"Nothing was done\. What an earlier removal had left undone was finished first"
    ):
        forget_person(shown.data, ANN, launch="2", run_id="2")
    assert holding(shown) == []


def test_rows_that_a_killed_run_had_chosen_are_told(shown: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retention removes them first: its own count says none."""
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "forget_chosen", die)
        with pytest.raises(KeyboardInterrupt):
            forget_person(shown.data, ANN, launch="1", run_id="1")
    done = expire(shown)
    assert (done.removal.row_count, done.leftovers.removal.outcomes) == (0, {"accepted": 1})


def test_what_was_removed_is_gone_where_the_books_are_wrong_after(
    shown: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They say so, and the files are rewritten first."""

    def lose_one(database: WorkingDatabase) -> Removal:
        removal = remove_rows(database)
        database.connection.execute("delete from removed_rows")
        return removal

    monkeypatch.setattr(expiry, "remove_rows", lose_one)
    with pytest.raises(WorkingDatabaseError, match=r"^Rows were removed\. The books do not balance"):
        expire(shown)
    assert people_shown(shown.data) == ["U-bob"]
    assert b"badge-zanzibar" not in (shown.data / "state" / "pipeline.duckdb").read_bytes()


def test_a_full_disk_keeps_no_half_copy(shown: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of the working file nor of the analysts': it stayed full because of them."""

    def full(*paths: object) -> NoReturn:
        target = paths[-1]
        assert isinstance(target, Path)
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    for module, doing in ((compaction, "No space left"), (snapshot, "Cannot write")):
        with monkeypatch.context() as patch:
            patch.setattr(module, "_copy", full)
            with pytest.raises((OSError, WorkingDatabaseError), match=doing):
                expire(shown)
        assert list(shown.data.rglob("*.new*")) == []


def test_the_room_for_the_analysts_files_counts_too(shown: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their two files may be larger than the working one: without that room nothing is rewritten by halves."""
    working = (shown.data / "state" / "pipeline.duckdb").stat().st_size
    theirs = shown.data / "calven.duckdb"
    theirs.chmod(0o600)
    os.truncate(theirs, 3 * working)
    usage = shutil.disk_usage(shown.data)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2 * working))
    with pytest.raises(WorkingDatabaseError, match="Rewriting the files needs"):
        expire(shown)
