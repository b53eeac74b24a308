"""Finding and fingerprinting export files; nothing here opens one to read its rows.

What may surprise: a file that seems to be still on its way (`.part`, `.tmp`, `.crdownload`, `~`, hidden) is left out,
and a link that leads out of the exports folder stops the run rather than being passed over.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from calven_pipeline.errors import UnreadableExportError
from calven_pipeline.exports.profiles import SourceProfile
from calven_pipeline.exports.wording import shown

UNFINISHED_ENDINGS = (".part", ".tmp", ".crdownload", "~")


@dataclass(frozen=True)
class ExportFile:
    """One export file of one source; `source_file` is its POSIX path relative to the exports folder."""

    source: str
    source_file: str
    path: Path
    size_bytes: int
    modified_ns: int


def find_exports(profile: SourceProfile, exports_dir: Path) -> list[ExportFile]:
    """The files that the profile's patterns match, each once, sorted by `source_file`; none when there is no folder.

    Raises `UnreadableExportError` for a link that leads out of the folder or nowhere, a folder that cannot be read,
    and a name that is not UTF-8.
    """
    if not exports_dir.is_dir():
        return []
    _refuse_unreadable_folders(profile, exports_dir)
    paths = {path for pattern in profile.files for path in exports_dir.glob(pattern)}
    found = [_export_file(profile, exports_dir, path) for path in paths if _is_wanted(path, exports_dir)]
    return sorted((file for file in found if file), key=lambda file: file.source_file)


def sha256_of(path: Path) -> str:
    """The fingerprint of the file's content, in hex; raises `UnreadableExportError`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableExportError(f"Cannot read the export {shown(path.name)}: {error.strerror}") from error


def _refuse_unreadable_folders(profile: SourceProfile, exports_dir: Path) -> None:
    """Globbing passes over a folder without permission as if it were empty."""

    def refuse(error: OSError) -> None:
        name = shown(Path(error.filename).name)
        raise UnreadableExportError(
            f"Cannot look for exports of source {profile.name} in {name}: {error.strerror}; allow reading the folder"
        ) from error

    for _ in os.walk(exports_dir, onerror=refuse):
        pass


def _is_wanted(path: Path, exports_dir: Path) -> bool:
    parts = path.relative_to(exports_dir).parts
    return not any(part.startswith(".") for part in parts) and not path.name.lower().endswith(UNFINISHED_ENDINGS)


def _export_file(profile: SourceProfile, exports_dir: Path, path: Path) -> ExportFile | None:
    """The file as found; None for what is no regular file, or has just gone."""
    source_file = path.relative_to(exports_dir).as_posix()
    label = f"Cannot read {shown(source_file)} of source {profile.name}"
    if not source_file.isprintable() and any("\udc80" <= character <= "\udcff" for character in source_file):
        raise UnreadableExportError(f"{label}: its name is not UTF-8; rename it")
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(exports_dir)):
        raise UnreadableExportError(f"{label}: it is a link out of the exports folder; put the file itself there")
    if path.is_symlink() and not path.exists():
        raise UnreadableExportError(f"{label}: it is a link to nothing; remove it")
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableExportError(f"{label}: {error.strerror}") from error
    if not S_ISREG(status.st_mode):
        return None
    return ExportFile(profile.name, source_file, path, status.st_size, status.st_mtime_ns)
