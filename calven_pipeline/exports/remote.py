"""A drop folder on another machine (S3, SFTP): listed there, and its new files fetched to `state/fetched` to be read.

What may surprise: libraries for SFTP take any server for the right one unless told otherwise. Here the server's key must
stand in `known_hosts`. What was fetched stays until validation has kept what it needs of it, up to `MOST_KEPT_BYTES`.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import SecretStr

from calven_pipeline.errors import CalvenPipelineError, DropFolderError, SettingsError, UnreadableExportError
from calven_pipeline.exports.folder import DropFolder, Entry, ExportFile, Listing, is_wanted, name_problem
from calven_pipeline.exports.wording import shown
from calven_pipeline.warehouse.database import state_folder

FETCHED = "fetched"
WINDOW_BYTES = 1000**3
MOST_KEPT_BYTES = 2 * 1000**3
AT_ONCE = 8  # sshd allows ten channels of one connection unless told otherwise
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 20, 60
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REFUSALS = {
    "AuthenticationException",
    "BadAuthenticationType",
    "NoCredentialsError",
    "PartialCredentialsError",
    "PasswordRequiredException",
    "ProfileNotFound",
}
OF_LIBRARIES = ("paramiko", "botocore", "aiobotocore", "aiohttp")  # errors of theirs: the other side, or the way there


class RemoteFolder(DropFolder):
    """A folder that is reached over the network, anew for each listing and each batch of files."""

    def __init__(self, location: str, options: SecretStr | None, data_dir: Path) -> None:
        """`location` is a `s3://` or `sftp://` address, `options` a JSON object for the library that reaches it."""
        self._location, self._options = location, options
        self._fetched = data_dir / "state" / FETCHED

    @property
    def place(self) -> str:
        """Its address, in which no password may stand."""
        return self._location

    @property
    def window_bytes(self) -> int | None:
        """How much may be fetched before it is read."""
        return WINDOW_BYTES

    def look(self) -> Listing:
        """List the folder and those in it; raises `DropFolderError` and `SettingsError`."""
        listing = Listing()
        with self._reached() as (system, root):
            listing.entries = sorted(self._entries(system, root, listing), key=lambda entry: entry.source_file)
        return listing

    def states(self, files: Sequence[ExportFile]) -> dict[str, tuple[int, int]]:
        """By listing the folder again."""
        wanted = {file.source_file for file in files}
        return {
            entry.source_file: (entry.size_bytes, entry.modified_ns)
            for entry in self.look().entries
            if entry.source_file in wanted
        }

    def is_as(self, file: ExportFile) -> bool:
        """What is read is the fetched copy."""
        return self.is_at_hand(file)

    def path_of(self, source_file: str) -> Path:
        """Where it is fetched to, under a name that no other machine has a say in."""
        return self._fetched / hashlib.sha256(source_file.encode("utf-8", "surrogateescape")).hexdigest()

    def is_at_hand(self, file: ExportFile) -> bool:
        """A fetched copy bears the time of change of what it was copied from."""
        try:
            status = file.path.stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (file.size_bytes, file.modified_ns)

    def fetch(self, files: Sequence[ExportFile], problems: list[UnreadableExportError]) -> list[ExportFile]:
        """Copy the files that are not at hand, several at once; one that changes on its way is not taken.

        Where the folder can still be listed after an error, the error is one file's own.
        """
        missing = list({file.source_file: file for file in files if not self.is_at_hand(file)}.values())
        if missing:
            state_folder(self._fetched.parent.parent)
            self._fetched.mkdir(exist_ok=True)
            with self._reached() as (system, root), ThreadPoolExecutor(AT_ONCE) as pool:
                copies = [(file, pool.submit(_copy, system, root, file)) for file in missing]
                failed = [
                    (file, error) for file, copied in copies if isinstance(error := copied.exception(), Exception)
                ]
                for _, error in failed:
                    if not isinstance(error, OSError):
                        raise error
                if failed:
                    _listed(system, root, root)
                problems += [_unreadable(file, error) for file, error in failed]
        return [file for file in files if self.is_at_hand(file)]

    def make_room(self) -> None:
        """Delete the oldest copies beyond `MOST_KEPT_BYTES`, and what a crash left unfinished."""
        kept = 0
        for path, status in sorted(self._copies(), key=lambda copy: -copy[1].st_ctime_ns):
            kept += status.st_size
            if kept > MOST_KEPT_BYTES or path.suffix:
                path.unlink(missing_ok=True)

    def forget(self) -> None:
        """Delete all copies."""
        for path, _ in self._copies():
            path.unlink(missing_ok=True)

    def _copies(self) -> list[tuple[Path, os.stat_result]]:
        with suppress(FileNotFoundError):
            return [(path, path.stat()) for path in self._fetched.iterdir()]
        return []

    def _entries(self, system: Any, root: str, listing: Listing) -> Iterator[Entry]:  # noqa: ANN401 - fsspec has no types
        folders = [root]
        while folders:
            folder = folders.pop()
            try:
                found = _listed(system, folder, root)
            except PermissionError as error:
                if folder == root:
                    raise
                name = folder[len(root) :].lstrip("/")
                listing.unreadable.append(Entry(name, name, self.path_of(name), problem=_reason(error)))
                continue
            for info in found:
                name = PurePosixPath(info["name"]).name
                source_file = info["name"].rstrip("/")[len(root) :].lstrip("/")
                if name.startswith(".") or not source_file or info["name"].rstrip("/") == folder:
                    continue
                if info["type"] == "directory":
                    folders.append(info["name"].rstrip("/"))
                elif is_wanted(name):
                    yield self._entry(source_file, info)

    def _entry(self, source_file: str, info: dict[str, Any]) -> Entry:
        problem = "it is a link; put the file itself there" if info["type"] == "link" else name_problem(source_file)
        return Entry(source_file, source_file, self.path_of(source_file), info["size"] or 0, _changed_ns(info), problem)

    @contextmanager
    def _reached(self) -> Iterator[tuple[Any, str]]:
        """The file system and the folder's path in it; errors of any library become ours, without their words."""
        system: Any = None
        try:
            system, root = _connect(self._location, self._options)
            yield system, root
        except CalvenPipelineError:
            raise
        except Exception as error:
            ours = _as_ours(error, self.place)
            if ours is None:
                raise
            raise ours from None
        finally:
            if system is not None and hasattr(system, "client"):
                system.client.close()


def _connect(location: str, options: SecretStr | None) -> tuple[Any, str]:
    from upath import UPath

    given: dict[str, Any] = json.loads(options.get_secret_value()) if options else {}
    if location.startswith("sftp://"):
        _verify_servers()
    else:
        config = {"connect_timeout": CONNECT_TIMEOUT_S, "read_timeout": READ_TIMEOUT_S}
        given = {**given, "use_listings_cache": False, "config_kwargs": {**config, **given.get("config_kwargs", {})}}
    folder = UPath(location, **given, skip_instance_cache=True)
    return folder.fs, str(folder.path).rstrip("/")


def _verify_servers() -> None:
    """Let fsspec, in this process, know a server by the keys in `known_hosts`; by itself it would trust any."""
    import fsspec
    import paramiko
    from fsspec.implementations.sftp import SFTPFileSystem

    class VerifiedSFTP(SFTPFileSystem):  # type: ignore[misc] # fsspec has no types
        """SFTP to servers that are known; the option `known_hosts` names another file than ~/.ssh/known_hosts."""

        def _connect(self) -> None:
            options = {**self.ssh_kwargs}
            known_hosts = options.pop("known_hosts", None)
            timeouts = dict.fromkeys(("timeout", "banner_timeout", "auth_timeout"), CONNECT_TIMEOUT_S)
            self.client = paramiko.SSHClient()
            self.client.load_system_host_keys(known_hosts)
            self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            self.client.connect(self.host, **{**timeouts, **options})
            self._channels = threading.local()

        @property
        def ftp(self) -> paramiko.SFTPClient:
            """A channel for each thread: one that two share loses answers (paramiko 5.1)."""
            if not hasattr(self._channels, "sftp"):
                self._channels.sftp = self.client.open_sftp()
                channel = self._channels.sftp.get_channel()
                channel.settimeout(READ_TIMEOUT_S)
            return self._channels.sftp  # type: ignore[no-any-return]

    fsspec.register_implementation("sftp", VerifiedSFTP, clobber=True)


def _listed(system: Any, folder: str, root: str) -> list[dict[str, Any]]:  # noqa: ANN401 - fsspec has no types
    try:
        return list(system.ls(folder, detail=True))
    except FileNotFoundError:
        # One below has just gone; and in S3 a prefix without objects is no error, but a bucket that is not there is.
        if folder != root or ("/" in root and "s3" in system.protocol and system.exists(root.partition("/")[0])):
            return []
        raise


def _copy(system: Any, root: str, file: ExportFile) -> None:  # noqa: ANN401 - fsspec has no types
    """Bring one file; nothing is left of it where it is gone, or not as it was listed."""
    there, unfinished = f"{root}/{file.source_file}", file.path.with_suffix(".part")
    try:
        system.get_file(there, str(unfinished))
        info = system.info(there)
    except FileNotFoundError:
        unfinished.unlink(missing_ok=True)
        return
    if unfinished.stat().st_size == info["size"] == file.size_bytes and _changed_ns(info) == file.modified_ns:
        os.utime(unfinished, ns=(file.modified_ns, file.modified_ns))
        unfinished.replace(file.path)
    else:
        unfinished.unlink()


def _unreadable(file: ExportFile, error: Exception) -> UnreadableExportError:
    line = f"Cannot read {shown(file.source_file)} of source {file.source}: {_reason(error)}"
    return UnreadableExportError(line, source_file=file.source_file, may_pass=True)


def _reason(error: Exception) -> str:
    """Without the words of the other machine."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else type(error).__name__


def _changed_ns(info: dict[str, Any]) -> int:
    changed = info.get("mtime") or info.get("LastModified")
    return (changed - EPOCH) // timedelta(microseconds=1) * 1000 if isinstance(changed, datetime) else 0


def _as_ours(error: Exception, place: str) -> CalvenPipelineError | None:
    """The one line for an error of reaching or reading the folder; None for what is none of these."""
    doing, kind = f"The drop folder {place} cannot be read", type(error).__name__
    to_do = _what_to_mend(error, place.partition("://")[0])
    if to_do:
        return SettingsError(f"{doing}: {to_do}")
    if isinstance(error, OSError | EOFError) or type(error).__module__.startswith(OF_LIBRARIES):
        return DropFolderError(f"{doing} ({kind}). Try again; where it stays so, check CALVEN_EXPORTS and the network.")
    return None


def _what_to_mend(error: Exception, scheme: str) -> str | None:
    """What somebody has to change first; None where trying again may help, or who knows."""
    kind = type(error).__name__
    if isinstance(error, ImportError):
        return f"{scheme} needs a package that is not installed; run `uv sync --extra {scheme}`."
    if kind == "BadHostKeyException" or "not found in known_hosts" in str(error):
        return (
            "the server's key does not stand in known_hosts. Make sure that it is the right server and add its key "
            '(`ssh-keyscan`), or name the file in CALVEN_EXPORTS_OPTIONS: {"known_hosts": "..."}.'
        )
    if isinstance(error, FileNotFoundError):
        return "there is no such folder, or no such file as CALVEN_EXPORTS_OPTIONS names; check both."
    if isinstance(error, PermissionError) or kind in REFUSALS:
        return f"access was refused ({kind}). Check the key, its rights and CALVEN_EXPORTS_OPTIONS."
    return f"it cannot be reached so ({kind}): check CALVEN_EXPORTS_OPTIONS." if isinstance(error, TypeError) else None
