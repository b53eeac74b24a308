"""Finding export files: each once, none that is still on its way, none from outside the folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from calven_pipeline.errors import UnreadableExportError
from calven_pipeline.exports import SourceProfile, find_exports, load_profiles, sha256_of

ODD_NAME = 'o\'dd [1]*?\n"é".CSV'


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "exports"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def everything(tmp_path: Path) -> SourceProfile:
    return load_profiles(tmp_path)[0]


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("timestamp\n")


def test_no_folder_and_an_empty_one(exports: Path, everything: SourceProfile) -> None:
    assert find_exports(everything, exports) == []
    assert find_exports(everything, exports / "missing") == []


def test_sorted_and_with_any_name(exports: Path, everything: SourceProfile) -> None:
    put(exports, "b.csv", "a/c.jsonl", "a/b.parquet", ODD_NAME, "notes.txt")
    found = find_exports(everything, exports)
    assert [file.source_file for file in found] == ["a/b.parquet", "a/c.jsonl", "b.csv", ODD_NAME]
    assert (found[0].source, found[0].size_bytes) == ("default", 10)
    assert found[0].modified_ns == found[0].path.stat().st_mtime_ns


def test_unfinished_hidden_and_irregular_files_are_left_out(exports: Path, everything: SourceProfile) -> None:
    profile = everything.model_copy(update={"files": ("**/*", "*.csv")})
    put(exports, "a.csv", "b.csv.part", "b.csv.TMP", "c.crdownload", "d.csv~", ".e.csv", ".git/f.csv")
    os.mkfifo(exports / "pipe.csv")
    assert [file.source_file for file in find_exports(profile, exports)] == ["a.csv"]


@pytest.mark.parametrize("target", ["../../secret.csv", "nowhere.csv", "loop.csv"])
def test_links_out_or_to_nothing_stop(exports: Path, everything: SourceProfile, target: str) -> None:
    put(exports.parent.parent, "secret.csv")
    (exports / "loop.csv").symlink_to(target)
    with pytest.raises(UnreadableExportError, match=r"loop\.csv of source default"):
        find_exports(everything, exports)


def test_a_link_inside_is_a_file(exports: Path, everything: SourceProfile) -> None:
    put(exports, "a.csv")
    (exports / "b.csv").symlink_to("a.csv")
    assert [file.source_file for file in find_exports(everything, exports)] == ["a.csv", "b.csv"]


def test_a_name_that_is_not_utf8_stops(exports: Path, everything: SourceProfile) -> None:
    Path(os.fsdecode(os.fsencode(exports) + b"/\xff.csv")).write_text("x")
    with pytest.raises(UnreadableExportError, match="rename it"):
        find_exports(everything, exports)


def test_fingerprint(exports: Path) -> None:
    put(exports, "a.csv")
    assert sha256_of(exports / "a.csv") == hashlib.sha256(b"timestamp\n").hexdigest()
    with pytest.raises(UnreadableExportError, match=r"b\.csv"):
        sha256_of(exports / "b.csv")
