"""What staging takes from the drop folder: finished files, what archives hold, and what it was asked for."""

from __future__ import annotations

import gzip
import io
import json
import os
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pytest

from calven_pipeline.errors import SourceProfileError
from calven_pipeline.exports import archives, arrivals
from calven_pipeline.exports.archives import Member
from calven_pipeline.exports.profiles import load_profiles
from calven_pipeline.exports.staging import Staging, _Stager, stage_exports
from tests.sql.conftest import COLUMNS, Pipeline
from tests.sql.workbook import workbook

SWIPE = "2026-10-01T10:0{}:00Z,,,U-ann,,Office,location"
EVERYTHING = (
    "sources:\n  - name: doors\n    files: '**/*'\n    format: csv\n    columns: {timestamp: timestamp, user_id: userId, "
    "location_id: locationId, location_type: locationType}\n"
)
SETTLE_S = 0.15


def table(*rows: str) -> bytes:
    return "\n".join([COLUMNS, *rows]).encode() + b"\n"


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.csv", content)
    return stream.getvalue()


def zipped_as(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def written(kind: str, names: list[str], values: list[str]) -> bytes:
    """One row in a format."""
    row = dict(zip(names, values, strict=True))
    if kind == "parquet":
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "one.parquet")
            duckdb.sql("select " + ", ".join(f"'{value}' as \"{name}\"" for name, value in row.items())).write_parquet(
                path
            )
            return Path(path).read_bytes()
    if kind == "xlsx":
        return workbook(sheet=[names, values])
    return table(",".join(values)) if kind == "csv" else json.dumps(row if kind == "jsonl" else [row]).encode()


def files(pipeline: Pipeline) -> list[Any]:
    return pipeline.ask("select source_file, row_count, size_bytes from export_files order by file_id")


def not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(arrivals, "members", refuse)


# Archives


@pytest.mark.parametrize("is_zip", [False, True])
def test_every_format_is_read_packed(pipeline: Pipeline, is_zip: bool) -> None:
    """The first bytes tell the packing, the name within the format; each file holds another person's row."""
    pipeline.profile(EVERYTHING.replace("    format: csv\n", ""))
    names, kinds = COLUMNS.split(","), ("csv", "jsonl", "json", "parquet", "xlsx")
    for kind in kinds:
        values = SWIPE.format(1).replace("U-ann", f"U-{kind}").split(",")
        content = written(kind, names, values)
        if is_zip:
            pipeline.export(f"{kind}.zip", zipped_as(f"day.{kind}", content))
        else:
            pipeline.export(f"day.{kind}.gz", gzip.compress(content))
    assert pipeline.stage().problems == []
    found = pipeline.ask("select user_id from staged_presence where occurred_at is not null order by all")
    assert found == sorted(f"U-{kind}" for kind in kinds)


def test_members_are_files_of_their_own(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known by their content, packed or not; an archive that has not changed is not opened again."""
    pipeline.profile(EVERYTHING)
    monday, tuesday = table(SWIPE.format(1)), table(SWIPE.format(2), "soon,,,U-ann,,Office,location")
    pipeline.export("night.zip", zipped(monday=monday, tuesday=tuesday))
    pipeline.export("a/monday.csv.gz", gzip.compress(monday))
    pipeline.export("tuesday.csv", tuesday)
    pipeline.run()
    assert files(pipeline) == [("a/monday.csv.gz", 1, len(monday)), ("night.zip/tuesday.csv", 2, len(tuesday))]
    assert pipeline.outcomes() == ["valid", "valid", "rejected: invalid_timestamp"]
    assert '"timestamp":"soon","eventId"' in pipeline.ask("select raw from rejections")[0], "not as it was staged"
    not_opened(monkeypatch)
    assert pipeline.stage() == Staging(files_seen=3)


def once(opens: Callable[[Member], BinaryIO], name: str) -> Callable[[Member], BinaryIO]:
    """Opens that member alone."""

    def open_or_refuse(member: Member) -> BinaryIO:
        assert member.source_file == name
        return opens(member)

    return open_or_refuse


def test_a_member_that_cannot_be_read_does_not_stop_the_others(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is told of again with every run, until the archive is mended; the others are not unpacked again for that."""
    pipeline.profile(EVERYTHING)
    archive = bytearray(
        zipped(a=table("soon,,,U-ann,,Office,location"), b=table(SWIPE.format(2)), c=table(SWIPE.format(3)))
    )
    second = archive.index(b"b.csv")
    archive[second + 8] ^= 0xFF
    pipeline.export("night.zip", bytes(archive))
    for read in (2, 0):
        found = pipeline.stage()
        assert (found.files_read, [str(problem)[:44] for problem in found.problems]) == (
            read, ["Cannot read night.zip/b.csv of source doors:"]
        )  # fmt: skip
        monkeypatch.setattr(Member, "open", once(Member.open, "night.zip/b.csv"))
    monkeypatch.undo()
    pipeline.validate()
    assert '"timestamp":"soon","eventId"' in pipeline.ask("select raw from rejections")[0], "not as it was staged"
    pipeline.export("night.zip", zipped(b=table(SWIPE.format(2))))
    assert pipeline.stage().files_read == 1
    assert [name for name, *_ in files(pipeline)] == ["night.zip/a.csv", "night.zip/c.csv", "night.zip/b.csv"]


def test_a_read_me_in_an_archive_stops_nothing(pipeline: Pipeline) -> None:
    """It is told of with every run; where nothing in an archive fits, the profile is wrong."""
    pipeline.profile(EVERYTHING)
    pipeline.export("day.zip", zipped(a_note=b"Exported on Monday\n", day=table(SWIPE.format(1))))
    pipeline.export("empty.zip", zipped())
    pipeline.export("other.csv", table(SWIPE.format(2)))
    for read in (2, 0):
        found = pipeline.stage()
        assert found.files_read == read
        told = [str(problem) for problem in found.problems]
        assert [part in line for part, line in zip(["empty.zip of", "day.zip/a_note.csv does"], told, strict=True)] == [
            True
        ] * 2
    pipeline.export("notes.zip", zipped(a_note=b"Exported on Tuesday\n"))
    with pytest.raises(SourceProfileError, match=r"notes\.zip/a_note\.csv does not have"):
        pipeline.stage()


def test_a_name_that_cannot_be_read_does_not_hide_its_copy(pipeline: Pipeline) -> None:
    pipeline.profile(EVERYTHING.replace("format: csv", "source_id: Doors"))
    for name in ("day.bak", "day.csv", "day.txt"):
        pipeline.export(name, table(SWIPE.format(1)))
    found = pipeline.stage()
    assert (len(found.problems), files(pipeline)) == (1, [("day.csv", 1, len(table(SWIPE.format(1))))])
    assert pipeline.stage().problems == []


def test_what_a_killed_run_unpacked_goes(pipeline: Pipeline) -> None:
    scratch = pipeline.database.state / "scratch"
    (scratch / "tmp1").mkdir(parents=True)
    for left in (scratch / "tmp1" / "unpacked", scratch / "sample"):
        left.write_bytes(b"left")
    pipeline.stage()
    assert list(scratch.iterdir()) == []


def test_little_is_kept_of_a_file_that_waits(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each new file at once: a hundred thousand first lines of JSON do not fit into memory."""
    pipeline.export("a.jsonl", json.dumps({"timestamp": "soon", "note": "x" * 50_000}) + "\n")
    pipeline.export("b.csv", COLUMNS + f",{'x' * 40}" * 900 + "\n")
    waiting: list[Any] = []
    monkeypatch.setattr(_Stager, "stage", lambda _, new_files: waiting.extend(new_files))
    pipeline.stage()
    assert [len(new.header or b"") for new in waiting] == [0, 32]


def test_an_archive_that_explodes_is_one_problem(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.profile(EVERYTHING)
    monkeypatch.setattr(archives, "FREE_BYTES", 1000)
    pipeline.export("bomb.csv.gz", gzip.compress(bytes(10_000_000)))
    pipeline.export("good.csv", table(SWIPE.format(1)))
    found = pipeline.stage()
    assert (found.files_read, ["times its size" in str(problem) for problem in found.problems]) == (1, [True])
    assert not list((pipeline.data / "state" / "scratch").iterdir())


def test_a_packed_export_of_any_size(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is too large for a bundle is unpacked to the disk, its header checked before."""
    monkeypatch.setattr("calven_pipeline.exports.staging.SMALL_BYTES", 10)
    monkeypatch.setattr("calven_pipeline.validation.raw.SMALL_BYTES", 10)
    pipeline.profile(EVERYTHING)
    pipeline.export("a.csv.gz", gzip.compress(table(SWIPE.format(1), "soon,,,U-ann,,Office,location")))
    pipeline.run()
    assert pipeline.outcomes() == ["valid", "rejected: invalid_timestamp"]
    assert '"timestamp":"soon","eventId"' in pipeline.ask("select raw from rejections")[0], "not as it was staged"


def test_a_working_database_of_before(pipeline: Pipeline) -> None:
    """What it knows of paths stays known."""
    path = pipeline.swipes(SWIPE.format(1))
    pipeline.stage()
    pipeline.database.connection.execute("alter table known_paths drop column container")
    pipeline.database.connection.execute("drop table schema_version")
    pipeline.close()
    path.chmod(0o600)
    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(arrivals, "_fingerprint", None)
        assert pipeline.stage() == Staging(files_seen=1)


# What is asked for


def test_only_what_was_asked_for(pipeline: Pipeline) -> None:
    for number in range(3):
        pipeline.swipes(SWIPE.format(number), name=f"{number}.csv")
    profiles = load_profiles(pipeline.data)
    found = stage_exports(pipeline.database, profiles, pipeline.data, only=["1.csv", "gone.csv"])
    assert (found.files_seen, found.files_read, found.left) == (1, 1, ["gone.csv"])
    assert stage_exports(pipeline.database, profiles, pipeline.data, only=[]).files_seen == 0
    assert pipeline.stage().files_read == 2
    assert [name for name, *_ in files(pipeline)] == ["1.csv", "0.csv", "2.csv"]


def test_a_link_out_of_the_folder_stops_no_others(pipeline: Pipeline) -> None:
    """And is a problem only of a run that was to read it."""
    pipeline.swipes(SWIPE.format(1), name="a.csv")
    (pipeline.data / "exports" / "link.csv").symlink_to("../secret.csv")
    profiles = load_profiles(pipeline.data)
    assert stage_exports(pipeline.database, profiles, pipeline.data, only=["a.csv"]).problems == []
    pipeline.swipes(SWIPE.format(2), name="b.csv")
    found = pipeline.stage()
    assert (found.files_read, found.refused) == (1, ["link.csv"])
    assert stage_exports(pipeline.database, profiles, pipeline.data, only=["link.csv"]).refused == ["link.csv"]


def test_files_that_no_source_reads_are_counted(pipeline: Pipeline) -> None:
    for number in range(7):
        pipeline.export(f"{number}.docx", b"")
    found = pipeline.stage()
    assert (found.unmatched, found.unmatched_names) == (7, [f"{number}.docx" for number in range(5)])


# Files that are being written


@pytest.fixture
def settling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALVEN_SETTLE_SECONDS", str(SETTLE_S))


def just_now(path: Path) -> Path:
    """The file as if it had been changed this moment, however slow the test is."""
    later = time.time() + 60
    os.utime(path, (later, later))
    return path


@pytest.mark.usefixtures("settling")
def test_a_file_that_has_just_changed_is_waited_for(pipeline: Pipeline) -> None:
    """But not one that has not, nor one that was read before."""
    path = just_now(pipeline.swipes(SWIPE.format(1)))
    started = time.monotonic()
    assert pipeline.stage().files_read == 1
    assert time.monotonic() - started > SETTLE_S * 0.5
    os.utime(path, (0, 0))
    started = time.monotonic()
    pipeline.stage()
    pipeline.stage()
    assert time.monotonic() - started < SETTLE_S * 8, "no wait for what is old"


@pytest.mark.usefixtures("settling")
@pytest.mark.parametrize("lead_s", [0, 3600])
def test_a_file_that_goes_on_changing_is_left(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, lead_s: float
) -> None:
    """The wait has an end, the others are read; also where the times of change lie in the future."""
    growing, good = pipeline.swipes(SWIPE.format(1), name="a.csv"), pipeline.swipes(SWIPE.format(2), name="b.csv")
    for file in (growing, good):  # ahead, so that a busy machine does not let it settle before the look
        os.utime(file, (time.time() + max(lead_s, 1),) * 2)
    sleeps = time.sleep

    def write_on(seconds: float) -> None:
        sleeps(seconds)
        growing.write_text(growing.read_text() + SWIPE.format(3) + "\n")
        os.utime(growing, (time.time() + lead_s,) * 2)

    with monkeypatch.context() as writing:
        writing.setattr(time, "sleep", write_on)
        found = pipeline.stage()
    assert (found.files_read, found.unsettled) == (1, ["a.csv"])
    assert pipeline.stage().files_read == 1


@pytest.mark.usefixtures("settling")
def test_a_file_that_grows_for_a_while_is_read_whole(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    path = just_now(pipeline.swipes(SWIPE.format(1)))
    sleeps, rows = time.sleep, iter(range(2, 5))

    def write_on(seconds: float) -> None:
        sleeps(seconds)
        for row in rows:
            path.write_text(path.read_text() + SWIPE.format(row) + "\n")
            return

    monkeypatch.setattr(time, "sleep", write_on)
    assert pipeline.stage().rows == 4


@pytest.mark.usefixtures("settling")
def test_a_file_that_goes_while_it_is_waited_for(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    path = just_now(pipeline.swipes(SWIPE.format(1)))
    monkeypatch.setattr(time, "sleep", lambda _: path.unlink())
    found = pipeline.stage()
    assert (found.files_read, found.unsettled, found.problems) == (0, [], [])


def test_a_large_file_that_changes_while_it_is_read_is_left(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Parquet file is read by its path, after it was fingerprinted."""
    path = pipeline.data / "exports" / "a.parquet"
    path.parent.mkdir(exist_ok=True)
    make = f"copy (select '2026-10-01T10:00:00Z' as timestamp, 'U-ann' as userId, 'Office' as locationId) to '{path}'"
    duckdb.execute(make)
    opens = pipeline.database.rows

    def write_meanwhile(name: str, parameters: Any = None) -> Any:
        if name == "staging/count_rows":
            os.utime(path)
        return opens(name, parameters)

    with monkeypatch.context() as writing:
        writing.setattr(pipeline.database, "rows", write_meanwhile)
        found = pipeline.stage()
    assert (found.files_read, found.unsettled, files(pipeline)) == (0, ["a.parquet"], [])
    assert pipeline.stage().rows == 1
