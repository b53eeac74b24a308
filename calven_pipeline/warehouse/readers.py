"""Who may read what analysts are given: its owner, and the group of `CALVEN_SNAPSHOT_GROUP`.

What may surprise: a file is its owner's alone from its first byte, and is given to the group when it is whole. Windows
knows no such rights: what is made there has those of its folder.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from calven_pipeline.errors import SettingsError, WorkingDatabaseError

PRIVATE_MODE = 0o600
OWNERS_MODE, GROUPS_MODE = 0o400, 0o440
OWNERS_FOLDER_MODE, GROUPS_FOLDER_MODE = 0o700, 0o750


def group_number(name: str | None) -> int | None:
    """The number of the group of that name on this machine, None for none; raises `SettingsError` where there is no such group."""
    if name is None:
        return None
    try:
        import grp

        return grp.getgrnam(name).gr_gid
    except (ImportError, KeyError):
        raise SettingsError(
            f"CALVEN_SNAPSHOT_GROUP: this machine has no group {name}. The snapshot stays as it is; make the group, or "
            "leave the setting out."
        ) from None


def private_folder(folder: Path) -> Path:
    """The folder, made when it is not there with those around it, for its owner alone; one that was open to others is closed.

    Raises `OSError` where it cannot be made. One that belongs to somebody else stays as it is.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)  # `parents` gives no mode to what is around it
    folder.mkdir(mode=OWNERS_FOLDER_MODE, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        with suppress(PermissionError):
            folder.chmod(OWNERS_FOLDER_MODE)
    return folder


def create_private(path: Path) -> None:
    """An empty file for its owner alone, in the place of any that was there."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_MODE))


def admit(path: Path, group: int | None) -> None:
    """Let the owner, and the group if there is one, read the file, or look into the folder."""
    is_folder = path.is_dir()
    if group is None:
        path.chmod(OWNERS_FOLDER_MODE if is_folder else OWNERS_MODE)
        return
    try:
        os.chown(path, -1, group)
    except PermissionError as error:
        raise WorkingDatabaseError(
            f"Cannot give {path} to the group of CALVEN_SNAPSHOT_GROUP. What analysts read stays as it was; whoever runs "
            "the pipeline must be a member of that group."
        ) from error
    path.chmod(GROUPS_FOLDER_MODE if is_folder else GROUPS_MODE)
