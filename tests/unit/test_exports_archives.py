"""Archives: which files come out of them, and what does not come out of those that lie, climb or explode."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from calven_pipeline.exports import archives
from calven_pipeline.exports.archives import Member, format_name, members
from calven_pipeline.exports.encodings import UnreadableTextError

CSV = b"a,b\n1,2\n"
CENTRAL, LOCAL_FLAGS, CENTRAL_FLAGS, CENTRAL_METHOD, CENTRAL_SIZE = b"PK\x01\x02", 6, 8, 10, 24
LINK_MODE = 0o120777 << 16


def zipped(*files: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files:
            archive.writestr(name, text)
    return content.getvalue()


def changed(content: bytes, offset: int, value: bytes) -> bytes:
    """A zip of one file whose list of files tells something else."""
    at = content.index(CENTRAL) + offset
    return content[:at] + value + content[at + len(value) :]


def found(folder: Path, content: bytes, name: str = "night.zip") -> tuple[Member, ...]:
    path = folder / name
    path.write_bytes(content)
    return members(path, f"doors/{name}")


def read(member: Member) -> bytes:
    with member.open() as file:
        return file.read()


def test_plain_and_gzip_keep_their_name(tmp_path: Path) -> None:
    """Whatever a file is called, its first bytes tell; a file of several gzip members is one file."""
    (plain,) = found(tmp_path, CSV, "a.gz")
    (packed,) = found(tmp_path, gzip.compress(CSV) + gzip.compress(b"3,4\n"), "a.csv")
    assert (plain.source_file, plain.is_plain, read(plain)) == ("doors/a.gz", True, CSV)
    assert (packed.source_file, packed.is_plain, read(packed)) == ("doors/a.csv", False, CSV + b"3,4\n")
    with plain.local(tmp_path) as itself, packed.local(tmp_path) as copy:
        assert itself == plain.path
        assert copy.read_bytes() == CSV + b"3,4\n"
    assert not copy.exists()


def test_a_zip_gives_its_files(tmp_path: Path) -> None:
    content = zipped(
        ("x/b.csv", CSV), ("a.csv", b"1"), ("x/", b""), (".DS_Store", b"x"), ("__MACOSX/a.csv", b"x"), (".x/c.csv", b"x")
    )  # fmt: skip
    assert [(member.source_file, read(member)) for member in found(tmp_path, content)] == [
        ("doors/night.zip/a.csv", b"1"),
        ("doors/night.zip/x/b.csv", CSV),
    ]
    assert found(tmp_path, zipped()) == ()


def test_a_workbook_is_no_archive(tmp_path: Path) -> None:
    workbook = zipped(("xl/workbook.xml", b"x"), ("[Content_Types].xml", b"x"))
    (plain,) = found(tmp_path, workbook, "a.xlsx")
    (packed,) = found(tmp_path, zipped(("a.xlsx", workbook)))
    named_alike = found(tmp_path, zipped(("[Content_Types].xml", b""), ("a.csv", CSV)), "b.csv")
    assert [read(member) for member in named_alike] == [b"", CSV]
    assert plain.is_plain
    assert (packed.source_file, read(packed)) == ("doors/night.zip/a.xlsx", workbook)


LINK = zipfile.ZipInfo("a.csv")
LINK.external_attr = LINK_MODE


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(zipped(("../a.csv", CSV)), "leads out of it", id="climbs"),
        pytest.param(zipped(("/a.csv", CSV)), "leads out of it", id="absolute"),
        pytest.param(zipped(("C:a.csv", CSV)), "leads out of it", id="a drive"),
        pytest.param(zipped(("..\\a.csv", CSV)), "leads out of it", id="climbs on Windows"),
        pytest.param(zipped((LINK, b"/etc/passwd")), "holds a link", id="link"),
        pytest.param(zipped(("a.csv", CSV))[:-9], "cut or damaged", id="cut"),
        pytest.param(b"BZh91AY&SY", "of a kind that is not read", id="bzip2"),
        pytest.param(bytes(257) + b"ustar\x0000", "of a kind that is not read", id="tar"),
    ],
)
def test_archives_that_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableTextError, match=words):
        found(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(gzip.compress(os.urandom(500))[:-9], "cut or damaged", id="cut gzip"),
        pytest.param(gzip.compress(CSV) + b"more", "cut or damaged", id="something behind gzip"),
        pytest.param(gzip.compress(gzip.compress(CSV)), "within an archive", id="gzip in gzip"),
        pytest.param(gzip.compress(bytes(257) + b"ustar\x0000"), "within an archive", id="tar in gzip"),
        pytest.param(zipped(("a.zip", zipped(("b.csv", CSV)))), "within an archive", id="zip in zip"),
        pytest.param(zipped(("a.csv.gz", gzip.compress(CSV))), "within an archive", id="gzip in zip"),
        pytest.param(changed(zipped(("a.csv", CSV)), CENTRAL_FLAGS, b"\x01"), "by a password", id="encrypted"),
        pytest.param(
            changed(zipped(("a.csv", CSV)), CENTRAL_METHOD, b"\x09"), "in a way that is not read", id="method"
        ),
        pytest.param(changed(zipped(("a.csv", CSV)), CENTRAL_SIZE, b"\x02\0\0\0"), "cut or damaged", id="lies"),
    ],
)
def test_members_that_cannot_be_read(tmp_path: Path, content: bytes, words: str) -> None:
    """They are named like others, so that they do not stop the others; the message has no content."""
    (member,) = found(tmp_path, content)
    with pytest.raises(UnreadableTextError, match=words) as caught:
        read(member)
    assert "1,2" not in str(caught.value)


def test_an_archive_that_explodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes are counted as they come, over all members; a member that is read again is counted once."""
    monkeypatch.setattr(archives, "FREE_BYTES", 3_000_000)
    (bomb,) = found(tmp_path, gzip.compress(bytes(10_000_000)), "bomb.csv.gz")
    unpacked = io.BytesIO()
    with pytest.raises(UnreadableTextError, match="more than 200 times its size"), bomb.open() as file:
        shutil.copyfileobj(file, unpacked, 100_000)
    assert unpacked.tell() <= archives.FREE_BYTES
    first, second = found(tmp_path, zipped(("a.csv", bytes(2_000_000)), ("b.csv", bytes(2_000_000))))
    assert len(read(first)) == len(read(first)) == 2_000_000
    with pytest.raises(UnreadableTextError, match="200 times"):
        read(second)
    monkeypatch.setattr(archives, "MOST_UNPACKED_BYTES", 1_000)
    (large,) = found(tmp_path, gzip.compress(os.urandom(2_000)))
    with pytest.raises(UnreadableTextError, match="more than 1,000 bytes"):
        read(large)


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 1)
    with pytest.raises(UnreadableTextError, match="more than 1 files"):
        found(tmp_path, zipped(("a.csv", CSV), ("b.csv", CSV)))


def test_a_long_list_of_files_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A million empty files take 50 MB in a list, and a gigabyte of memory once it is read."""
    monkeypatch.setattr(archives, "MOST_LIST_BYTES", 100)
    with pytest.raises(UnreadableTextError, match=r"too many files \(their list has 102 bytes\)"):
        found(tmp_path, zipped(("a.csv", CSV), ("b.csv", CSV)))
    assert len(found(tmp_path, zipped(("a.csv", CSV)))) == 1


def test_two_files_of_one_name(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped(("a.csv", CSV), ("a.csv", CSV))
    with pytest.raises(UnreadableTextError, match="two files of one name"):
        found(tmp_path, content)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("x.csv.gz", "x.csv"), ("X.CSV.GZ", "X.CSV"), ("n.zip/x.csv", "n.zip/x.csv"), (".gz", ".gz"), ("x.csv", "x.csv")],
)
def test_the_name_that_tells_the_format(name: str, expected: str) -> None:
    assert format_name(name) == expected
