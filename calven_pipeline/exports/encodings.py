"""Which encoding a file is in, and how it becomes UTF-8: byte order marks and the profile first, then the header.

What may surprise: a byte that an encoding does not have becomes 0xFF, which UTF-8 never has. So the row that holds it
comes out malformed, as a row that is not UTF-8 does, and the rest of the file is read.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

UTF_8 = "utf-8"
BOM = codecs.BOM_UTF8
MARKS = ((codecs.BOM_UTF8, UTF_8), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
UTF_32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
JUDGED = ("cp1252", "cp1251")  # the two that we tell apart by ourselves
CHUNK_BYTES = 4 * 1024**2
HEAD_BYTES = 4  # enough for every byte order mark
UNREADABLE = "calven_pipeline.unreadable"
UNREADABLE_BYTE = "\udcff"  # as an escaped byte: encoded, it is 0xFF


class UnreadableTextError(ValueError):
    """The file is no text that we can read; says why and what to do, without its content."""


def _unreadable(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNREADABLE_BYTE, error.end


codecs.register_error(UNREADABLE, _unreadable)


def codec_of(encoding: str) -> str:
    """Python's name of an encoding that is read as text; raises `UnreadableTextError`."""
    try:
        name = codecs.lookup(encoding.strip()).name
        "a".encode(name).decode(name)
    except (LookupError, UnicodeError, ValueError) as error:
        known = "utf-8, utf-16, windows-1252 or windows-1251"
        raise UnreadableTextError(f"{encoding!r} is no encoding that Python knows; write {known}, say") from error
    return UTF_8 if name == "utf-8-sig" else name


def stated_encoding(head: bytes, stated: str | None) -> str | None:
    """What the byte order mark or the profile says, None where both are silent; raises `UnreadableTextError`.

    UTF-16 without a mark and without a byte order is little-endian, as Windows writes it, unless the first byte is 0.
    """
    if head.startswith(UTF_32_MARKS):
        raise UnreadableTextError("it is UTF-32; save it as UTF-8")
    marked = next((encoding for mark, encoding in MARKS if head.startswith(mark)), None)
    if stated is None:
        return marked
    wanted = codec_of(stated)
    if wanted == "utf-16":
        wanted = marked if marked and marked != UTF_8 else ("utf-16-be" if head[:1] == b"\0" else "utf-16-le")
    if marked is not None and marked != wanted:
        raise UnreadableTextError(f"it begins with the mark of {marked}, but its source says `encoding: {stated}`")
    return wanted


def judged_encoding(header: bytes) -> str | None:
    """Windows-1252 or Windows-1251 for a header that is not UTF-8, as charset-normalizer and its words agree; or None."""
    from charset_normalizer import from_bytes

    likely = {match.encoding for match in from_bytes(header, cp_isolation=list(JUDGED))}
    words = re.findall(r"[^\W\d_]+", header.decode("cp1251", "ignore"))
    if any(re.search("[a-z]", word, re.IGNORECASE) and not word.isascii() for word in words):
        likely.discard("cp1251")  # no word is half Latin, half Cyrillic
    elif any(re.search("[\u0400-\u04ff]{2}", word) for word in words):
        likely.discard("cp1252")
    return likely.pop() if len(likely) == 1 else None


def decoded(content: bytes, encoding: str) -> bytes:
    """The content as UTF-8 without a byte order mark."""
    text = content if encoding == UTF_8 else _as_utf8(content.decode(encoding, UNREADABLE))
    return text.removeprefix(BOM)


def write_decoded(source: BinaryIO, target: BinaryIO, encoding: str) -> None:
    """Copy as UTF-8 without a byte order mark, a few megabytes at a time."""
    decoder = codecs.getincrementaldecoder(encoding)(UNREADABLE)
    is_first = True
    while True:
        chunk = source.read(CHUNK_BYTES)
        text = _as_utf8(decoder.decode(chunk, final=not chunk))
        target.write(text.removeprefix(BOM) if is_first else text)
        is_first = is_first and not text
        if not chunk:
            return


def is_utf8(text: bytes) -> bool:
    """Whether the bytes are whole UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _as_utf8(text: str) -> bytes:
    return text.encode(UTF_8, "surrogateescape")


def chunks(path: Path) -> Iterator[bytes]:
    """The file, a few megabytes at a time."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
