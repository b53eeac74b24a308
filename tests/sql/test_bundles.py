"""Many small files are read together, and nobody can tell afterwards."""

from __future__ import annotations

import gzip
import io
import json
import random
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from calven_pipeline.exports import bundles, staging
from calven_pipeline.validation import raw
from tests.sql.conftest import COLUMNS, Pipeline

PROFILE = """
sources:
  - name: doors
    files: ['doors/**/*.csv', 'doors/**/*.gz', 'doors/**/*.zip']
    columns: {timestamp: time, user_id: who, location_id: where}
    defaults: {location_type: location}
    keep: {result: [granted]}
  - name: desks
    files: 'desks/*.jsonl'
    columns: {timestamp: time, user_id: who.id, location_id: where}
    defaults: {location_type: location}
  - name: old
    files: 'old/*.txt'
    columns: {timestamp: '1', user_id: '2', location_id: '3'}
    defaults: {location_type: location}
    header: 'false'
    encoding: windows-1252
    delimiter: '|'
"""
TABLES = {
    "staged_presence": "select * from staged_presence order by row_id",
    "export_files": "select * exclude staged_at from export_files order by file_id",
    "known_paths": "select * exclude modified_ns from known_paths order by all",
    "validated_presence": "select * from validated_presence order by row_id",
    "rejections": "select * exclude (first_rejected_at, last_checked_at) from rejections order by row_id",
}


def rows(random_: random.Random, separator: str = ",") -> list[str]:
    """Rows of one file; now and then what is hard to read."""
    found = []
    for _ in range(random_.randrange(6)):
        time = random_.choice(["2026-10-01T10:{:02d}:00Z", "2026-10-02 11:{:02d}:00Z", "soon"])
        who, where = (
            random_.choice(["U-ann", "U-bob", "U-who", "", " U-ann "]),
            random_.choice(["Office", "office", ""]),
        )
        found.append(
            separator.join([time.format(random_.randrange(60)), who, where, random_.choice(["granted", "no"])])
        )
    return found


ODDITIES = [
    *["{}"] * 12,
    "{}\nTotal: 5 rows",
    "{}\n\n\n",
    "\n{}",
    "{}\n   \n",
    '{}\n"2026-10-01T10:00:00Z","U-ann","Office","granted"',
    '{}\n"2026-10-01T10:00:00Z","U-ann","Of\nfice","granted"',
    '{}\n2026-10-01T10:00:00Z,U-ann,"Office,granted',
    "{}\n2026-10-01T10:00:00Z,U-ann,Office,granted,",
    "{}\n2026-10-01T10:00:00Z,U-\udcff,Office,granted",
    "{}\n2026-10-01T10:00:00Z,U-\u00e9,Office,granted",
]


def table(random_: random.Random) -> bytes:
    """A CSV file of the doors: headers and line ends differ."""
    header = random_.choice(
        ["time,who,where,result"] * 4
        + ["result,time,who,where", "time,who,where,result,", "\ufefftime,who,where,result"]
    )
    text = header + "\n" + random_.choice(ODDITIES).format("\n".join(rows(random_)))
    text += random_.choice(["\n", ""])
    return random_.choice([text, text.replace("\n", "\r\n")]).encode("utf-8", "surrogateescape")


def lines(random_: random.Random) -> bytes:
    """JSON lines of the desks."""
    texts = []
    for row in rows(random_):
        time, who, where, _ = row.split(",")
        texts.append(f'{{"time": "{time}", "who": {{"id": "{who}"}}, "where": "{where}"}}')
    texts += random_.choice([[]] * 6 + [["no json"], ["[1]"], [""], ['{"time": "\x01"}']])
    return ("\n".join(texts) + random_.choice(["\n", ""])).encode()


def packed(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def make_folder(pipeline: Pipeline, seed: int, files: int = 40) -> None:
    random_ = random.Random(seed)
    pipeline.profile(PROFILE)
    for number in range(files):
        content = table(random_)
        pipeline.export(f"doors/{number % 3}/{number:03d}.csv", content)
        if number % 15 == 0:
            pipeline.export(f"doors/{number:03d}.csv.gz", gzip.compress(content if number % 30 else table(random_)))
        if number % 30 == 0:
            pipeline.export(f"doors/{number:03d}.zip", packed({f"{i}.csv": table(random_) for i in range(5)}))
        if number % 4 == 0:
            pipeline.export(f"desks/{number:03d}.jsonl", lines(random_))
            old = "\n".join(rows(random_, "|"))
            pipeline.export(f"old/{number:03d}.txt", old.encode("cp1252"))


def tables(pipeline: Pipeline) -> dict[str, list[Any]]:
    return {name: pipeline.ask(sql) for name, sql in TABLES.items()}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(1, 6))])
def test_read_together_or_one_by_one(
    pipeline: Pipeline, company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Rows, numbers, files, verdicts and the original texts of rejected rows are the same."""
    make_folder(pipeline, seed)
    other = Pipeline(shutil.copytree(company, tmp_path / "other"))
    shutil.copytree(pipeline.data, other.data, dirs_exist_ok=True)
    alone, read_again_alone = (
        counted(monkeypatch, staging._Stager, "_stage_file"),
        counted(monkeypatch, raw._Keeper, "_keep_from_file"),
    )
    pipeline.run()
    files = pipeline.ask("select count(*) from export_files")[0]
    assert len(alone) < files / 2, "most were read together, and that did not fail"
    assert (
        len(read_again_alone)
        < pipeline.ask("select count(distinct file_id) from rejections join staged_presence using (row_id)")[0] / 2
    )
    monkeypatch.setattr(staging, "SMALL_BYTES", -1)
    monkeypatch.setattr(raw, "SMALL_BYTES", -1)
    other.run()
    found, expected = tables(pipeline), tables(other)
    other.close()
    for name in TABLES:
        assert found[name] == expected[name], name
    assert len(expected["rejections"]) > 5
    assert pipeline.stage().files_read == 0


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[str]:
    """Grows by one with each call of the method."""
    calls: list[str] = []
    original = getattr(owner, name)

    def count(*arguments: Any, **named: Any) -> Any:
        calls.append(name)
        return original(*arguments, **named)

    monkeypatch.setattr(owner, name, count)
    return calls


SWIPE = "2026-10-01T10:0{}:00Z,,,U-ann,,Office,location"


def test_a_bundle_that_fails_is_read_one_by_one(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever DuckDB has against it, and whatever was counted: nothing is lost or doubled."""
    for number in range(5):
        pipeline.swipes(SWIPE.format(number), name=f"{number}.csv")
    places = pipeline.database.run

    def miscount(name: str, parameters: Any = None) -> int:
        if name == "staging/place_rows":
            parameters = {**parameters, "row_counts": [2 for _ in parameters["row_counts"]]}
        return places(name, parameters)

    monkeypatch.setattr(pipeline.database, "run", miscount)
    assert (pipeline.stage().files_read, pipeline.stage().files_read) == (5, 0)
    pipeline.validate()
    assert pipeline.outcomes() == ["valid"] * 5
    assert pipeline.ask("select source_file, first_row_id from export_files order by file_id") == [
        (f"{number}.csv", number + 1) for number in range(5)
    ]


def test_a_crash_amid_a_bundle_leaves_nothing(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run reads all of it."""
    for number in range(5):
        pipeline.swipes(SWIPE.format(number), name=f"{number}.csv")

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crashing:
        crashing.setattr(staging._Stager, "_add_files", crash)
        with pytest.raises(KeyboardInterrupt):
            pipeline.stage()
    pipeline.close()
    assert pipeline.ask("select count(*) from staged_presence") == [0]
    assert pipeline.stage().files_read == 5
    assert not list((pipeline.data / "state" / "scratch").iterdir())


def test_a_file_that_is_written_to_meanwhile_is_left_for_the_next_run(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is one of many; the others are read."""
    paths = [pipeline.swipes(SWIPE.format(number), name=f"{number}.csv") for number in range(4)]
    counts = staging._Stager._counted

    def write_meanwhile(*arguments: Any) -> Any:
        if SWIPE.format(9) not in paths[2].read_text():
            paths[2].write_text(paths[2].read_text() + SWIPE.format(9) + "\n")
        return counts(*arguments)

    with monkeypatch.context() as writing:
        writing.setattr(staging._Stager, "_counted", write_meanwhile)
        found = pipeline.stage()
    assert (found.files_read, found.unsettled, found.problems) == (3, ["2.csv"], [])
    assert pipeline.stage().rows == 2
    assert pipeline.ask("select source_file, row_count from export_files order by file_id") == [
        ("0.csv", 1), ("1.csv", 1), ("3.csv", 1), ("2.csv", 2)
    ]  # fmt: skip


WIDTHS = """
sources:
  - {name: named, files: 'named/*', columns: {timestamp: time, user_id: who, location_id: where}, defaults: &all {location_type: location}}
  - {name: quoted, files: 'quoted/*', columns: {timestamp: time, user_id: who, location_id: where}, defaults: *all}
  - {name: bare, files: 'bare/*', columns: {timestamp: '1', user_id: '2', location_id: '3'}, defaults: *all, header: 'false'}
"""
HEADERS = {"named": "time,who,where,\n", "quoted": 'time,who,where,""\n', "bare": ""}
ROW_ENDS = [
    *[["", "", ","], [","] * 20 + [""] * 21, [","] * 7 + [""] * 8],  # three columns
    *[[""] * 12 + [","] * 12, [""] * 25 + [","] * 25],  # four, with 37 rows too short
]


def test_files_are_as_wide_as_by_themselves(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rows tell the number of columns, the first rows of a bundle once told it anew, and good rows were malformed."""
    pipeline.profile(WIDTHS)
    for name, header in HEADERS.items():
        for number, ends in enumerate(ROW_ENDS):
            rows = (f"2026-10-0{number + 1}T10:00:{second:02}Z,U-ann,Office{end}\n" for second, end in enumerate(ends))
            pipeline.export(f"{name}/{number}.csv", header + "".join(rows))
    alone = counted(monkeypatch, staging._Stager, "_stage_file")
    found = pipeline.stage()
    assert (found.rows, found.malformed) == (3 * 133, 3 * 37)
    assert len(alone) == 2, "those without a header that hold malformed rows"


def test_bundles_hold_few_files_open(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once each header of its own took a file descriptor, and a thousand of them all there are."""
    monkeypatch.setattr(bundles, "MOST_GROUPS", 3)
    for number in range(7):
        pipeline.export(f"{number}.csv", f"{COLUMNS},report {number}\n{SWIPE.format(number)},\n")
    opened = counted(monkeypatch, bundles.Group, "open")
    alone = counted(monkeypatch, staging._Stager, "_stage_file")
    assert pipeline.stage().files_read == 7
    assert (len(opened), len(alone)) == (6, 1)


MOVED = """
sources:
  - {name: lists, files: '*.json', records: first, columns: &ours {timestamp: time, user_id: who, location_id: where}, defaults: &all {location_type: location}}
  - {name: old, files: 'old.csv', columns: &theirs {timestamp: '1', user_id: '2', location_id: '3'}, defaults: *all, header: 'false', skip_lines: 0}
  - {name: same, files: 'same.csv', columns: *theirs, defaults: *all, header: 'false'}
"""


def test_a_rejection_has_its_own_text(pipeline: Pipeline) -> None:
    """Not that of the row which stands there for a profile that has changed since the file was read."""
    pipeline.profile(MOVED)
    lists = {
        name: [{"time": "2026-10-01T10:00:00Z", "who": f"U-{name}", "where": "Office"}] for name in ("first", "second")
    }
    pipeline.export("a.json", json.dumps(lists))
    for name in ("old", "same"):
        pipeline.export(f"{name}.csv", "".join(f"2026-10-01T10:00:00Z,U-{name}{n},Office\n" for n in range(3)))
    pipeline.stage()
    pipeline.database.connection.execute(
        "update export_files set read_as = null where source <> 'lists'"
    )  # as of before
    pipeline.profile(MOVED.replace("records: first", "records: second").replace("skip_lines: 0", "skip_lines: 1"))
    pipeline.validate()
    texts = pipeline.ask("select user_id, raw from rejections join staged_presence using (row_id) order by row_id")
    assert len(texts) == 7
    assert all(f'"{user}"' in raw for user, raw in texts), texts
    assert [raw.startswith('{"1":') for _, raw in texts] == [False] * 4 + [True] * 3, (
        "only the last file is read the same"
    )
