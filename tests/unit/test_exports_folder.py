"""Finding export files: each once, none that is still on its way, none from outside the folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from calven_pipeline.errors import UnreadableExportError
from calven_pipeline.exports import SourceProfile, find_exports, load_profiles, sha256_of
from calven_pipeline.exports.folder import LocalFolder, drop_folder

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


PATTERNS = [
    "*.csv", "**/*.csv", "*/*.csv", "a/**/x.csv", "a/*/x.csv", "**/a/*", "**/[ab]/?.csv", "[!a]/*.csv", "*/b/**/*.csv",
    "**/*.[cC][sS][vV]", "a/b/x.csv", "**/**/x.csv", "link/*.csv", "*/x.csv", "**/link/*.csv", "[]a]*/x.csv", "a[*/x.csv",
]  # fmt: skip


def test_patterns_mean_what_they_mean_to_pathlib(exports: Path, everything: SourceProfile) -> None:
    """`**` enters no linked folder; `*`, `?` and `[]` stay within a name."""
    for folder in ("", "a/", "b/", "a/b/", "a/b/a/", "ab/", "a[1/", "]x/"):
        put(exports, *(f"{folder}{name}" for name in ("x.csv", "y.CSV", "xy.csv", "x.txt")))
    (exports / "link").symlink_to("a/b")
    (exports / "a" / "up").symlink_to("..")
    for pattern in PATTERNS:
        found = [
            file.source_file for file in find_exports(everything.model_copy(update={"files": (pattern,)}), exports)
        ]
        meant = {path.relative_to(exports).as_posix() for path in exports.glob(pattern) if path.is_file()}
        assert found == sorted(name for name in meant if "/up/" not in name), pattern


def test_a_linked_folder_out_of_the_exports_stops(exports: Path, everything: SourceProfile) -> None:
    """Where a pattern leads into it; `**` does not."""
    put(exports.parent.parent, "elsewhere/secret.csv")
    (exports / "out").symlink_to("../../elsewhere")
    assert find_exports(everything, exports) == []
    for pattern in ("out/*.csv", "*/secret.csv", "**/out/*.csv"):
        with pytest.raises(UnreadableExportError, match="out of source default: it is a link out"):
            find_exports(everything.model_copy(update={"files": (pattern,)}), exports)


def test_a_folder_that_cannot_be_read_is_not_an_empty_one(
    exports: Path, everything: SourceProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(exports, "a.csv", "closed/b.csv")
    scans = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scans(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UnreadableExportError, match="in closed: Permission denied; allow reading"):
        find_exports(everything, exports)


def test_what_no_source_reads(exports: Path, everything: SourceProfile) -> None:
    put(exports, "a.csv", "b.pdf", "deep/c.docx", "d.csv.part", ".e.pdf")
    assert LocalFolder(exports).unmatched([everything]) == ["b.pdf", "deep/c.docx"]


def test_the_folder_is_where_the_setting_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert drop_folder(tmp_path).place == str(tmp_path / "exports")
    monkeypatch.setenv("HOME", "/home/analyst")
    monkeypatch.setenv("CALVEN_EXPORTS", "~/drop")
    assert drop_folder(tmp_path).place == "/home/analyst/drop"
    monkeypatch.setenv("CALVEN_EXPORTS", "sftp://me@files.example/out/")
    assert drop_folder(tmp_path).place == "sftp://me@files.example/out"


def test_a_name_that_is_not_utf8_stops(exports: Path, everything: SourceProfile) -> None:
    Path(os.fsdecode(os.fsencode(exports) + b"/\xff.csv")).write_text("x")
    with pytest.raises(UnreadableExportError, match="rename it"):
        find_exports(everything, exports)


def test_fingerprint(exports: Path) -> None:
    put(exports, "a.csv")
    assert sha256_of(exports / "a.csv") == hashlib.sha256(b"timestamp\n").hexdigest()
    with pytest.raises(UnreadableExportError, match=r"b\.csv"):
        sha256_of(exports / "b.csv")
