"""A drop folder on another machine: a real SFTP server and a real S3 interface, both on loopback."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from calven_pipeline.errors import DropFolderError, SettingsError
from calven_pipeline.exports import ExportFile, remote
from calven_pipeline.exports.folder import drop_folder
from tests.sql.conftest import NOW, Pipeline

SSHD = next((path for path in ("/usr/sbin/sshd", "/usr/lib/ssh/sshd") if Path(path).exists()), None)
HEADER = "timestamp,eventId,sourceUserId,userId,userEmail,locationId,locationType\n"
ROW = "2026-10-01T10:0{}:00Z,,,U-ann,,Office,location\n"
CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True)
class Server:
    """A running sshd, with the folder that exports are dropped in."""

    port: int
    folder: Path
    drop: Path

    @property
    def options(self) -> dict[str, str]:
        return {"key_filename": str(self.folder / "user"), "known_hosts": str(self.folder / "known_hosts")}

    def settings(self, monkeypatch: pytest.MonkeyPatch, path: Path | None = None, **options: str) -> None:
        """Make it the drop folder."""
        address = f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{path or self.drop}"
        monkeypatch.setenv("CALVEN_EXPORTS", address)
        monkeypatch.setenv("CALVEN_EXPORTS_OPTIONS", json.dumps(self.options | options))

    def put(self, name: str, *rows: str) -> Path:
        path = self.drop / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADER + "".join(rows))
        return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if SSHD is None:
        pytest.skip("no sshd here (Debian: openssh-server)")
    folder = tmp_path_factory.mktemp("sshd")
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    port = free_port()
    (folder / "config").write_text(CONFIG.format(port=port, folder=folder))
    key_type, key, *_ = (folder / "host.pub").read_text().split()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key_type} {key}\n")
    Path("/run/sshd").mkdir(exist_ok=True) if os.geteuid() == 0 else None
    with subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=subprocess.DEVNULL) as process:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield Server(port, folder, folder / "drop")
        process.terminate()


@pytest.fixture
def server(sshd: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server with an empty drop folder, as the settings have it."""
    shutil.rmtree(sshd.drop, ignore_errors=True)
    sshd.drop.mkdir()
    sshd.settings(monkeypatch)
    return sshd


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    pipeline = Pipeline(tmp_path / "data", NOW)
    pipeline.users([("U-ann", "ann@x.example")])
    pipeline.locations(["Office"])
    pipeline.desks([("Desk-1", None, None)])
    yield pipeline
    pipeline.close()


def fetched(pipeline: Pipeline) -> list[Path]:
    folder = pipeline.data / "state" / "fetched"
    return list(folder.iterdir()) if folder.exists() else []


def test_files_are_fetched_read_once_and_forgotten(server: Server, pipeline: Pipeline) -> None:
    """As from a folder of this machine: by patterns and by content, with the texts of what is rejected."""
    server.put("a.csv", ROW.format(1))
    server.put("deep/er/b.csv", ROW.format(2), "soon,,,U-ann,,Office,location\n")
    for name in (".hidden.csv", "c.csv.part", "notes.txt"):
        server.put(name, ROW.format(3))
    found = pipeline.stage()
    assert (found.files_read, found.rows, found.problems, found.unmatched_names) == (2, 3, [], ["notes.txt"])
    assert len(fetched(pipeline)) == 2
    pipeline.validate()
    assert pipeline.outcomes() == ["valid", "valid", "rejected: invalid_timestamp"]
    assert "soon" in pipeline.ask("select raw from rejections")[0]
    assert fetched(pipeline) == []
    assert pipeline.stage().files_read == 0
    assert fetched(pipeline) == [], "what has not changed is not fetched"
    server.put("a.csv", ROW.format(1), ROW.format(4))
    assert pipeline.stage().rows == 2


def test_links_are_refused(server: Server, pipeline: Pipeline) -> None:
    """Where they lead is that machine's secret."""
    (server.drop / "a.csv").symlink_to(server.put("elsewhere/b.txt", ROW.format(1)))
    found = pipeline.stage()
    assert (found.files_read, [str(problem) for problem in found.problems]) == (
        0, ["Cannot read a.csv of source default: it is a link; put the file itself there"]
    )  # fmt: skip


def test_a_file_that_changes_on_its_way_is_left_for_the_next_run(
    server: Server, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was listed is not what came: none of it is read."""
    path = server.put("a.csv", ROW.format(1))
    folder = drop_folder(pipeline.data)
    assert len(folder.listing.entries) == 1
    path.write_text(path.read_text() + ROW.format(2))
    monkeypatch.setattr("calven_pipeline.exports.staging.drop_folder", lambda _: folder)
    found = pipeline.stage()
    assert (found.files_read, found.unsettled, fetched(pipeline)) == (0, ["a.csv"], [])
    monkeypatch.undo()
    server.settings(monkeypatch)
    monkeypatch.setenv("CALVEN_SETTLE_SECONDS", "0")
    assert pipeline.stage().rows == 2


def test_a_file_that_cannot_be_fetched_does_not_stop_the_others(
    server: Server, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the connection breaks off meanwhile, no file is to blame."""
    for number in (1, 2):
        server.put(f"{number}.csv", ROW.format(number))
    copy, is_broken = remote._copy, False

    def refuse(system: Any, root: str, file: ExportFile) -> None:
        if file.source_file == "2.csv":
            if is_broken:
                system.client.get_transport().close()
            raise PermissionError(13, "their words")  # paramiko's; whoever tests as root may read everything
        copy(system, root, file)

    monkeypatch.setattr(remote, "_copy", refuse)
    found = pipeline.stage()
    assert (found.files_read, [str(problem) for problem in found.problems]) == (
        1, ["Cannot read 2.csv of source default: Permission denied"]
    )  # fmt: skip
    assert (found.left, found.refused, found.unsettled) == (["2.csv"], [], [])
    is_broken = True
    with pytest.raises(DropFolderError, match="Try again"):
        pipeline.stage()


def test_an_unknown_server_is_not_asked(server: Server, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could be anybody's."""
    strangers = server.folder / "strangers"
    strangers.write_text("")
    server.settings(monkeypatch, known_hosts=str(strangers))
    with pytest.raises(SettingsError, match="does not stand in known_hosts"):
        pipeline.stage()
    key = server.folder / "other"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    kind, text, *_ = key.with_suffix(".pub").read_text().split()
    strangers.write_text(f"[127.0.0.1]:{server.port} {kind} {text}\n")
    with pytest.raises(SettingsError, match="does not stand in known_hosts"):
        pipeline.stage()
    server.settings(monkeypatch, key_filename=str(key))
    with pytest.raises(SettingsError, match="access was refused"):
        pipeline.stage()


def test_a_folder_that_is_not_there_and_a_server_that_is_away(
    server: Server, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is an empty folder; nothing that was read before suffers."""
    server.put("a.csv", ROW.format(1))
    pipeline.run()
    server.settings(monkeypatch, server.drop / "nowhere")
    with pytest.raises(SettingsError, match="there is no such folder"):
        pipeline.stage()
    monkeypatch.setenv("CALVEN_EXPORTS", f"sftp://me@127.0.0.1:{free_port()}/drop")
    with pytest.raises(DropFolderError, match="Try again"):
        pipeline.stage()
    assert pipeline.outcomes() == ["valid"]


# S3


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[object, str]]:
    """An empty bucket of moto's server, and a client for it."""
    botocore = pytest.importorskip("botocore.session")
    moto = pytest.importorskip("moto.server")
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    address = "http://{}:{}".format(*running.get_host_and_port())
    secret = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    client = botocore.get_session().create_client("s3", region_name="us-east-1", endpoint_url=address, **secret)
    client.create_bucket(Bucket="exports")
    monkeypatch.setenv("CALVEN_EXPORTS", "s3://exports/badges")
    monkeypatch.setenv(
        "CALVEN_EXPORTS_OPTIONS", json.dumps({"key": "key", "secret": "secret", "endpoint_url": address})
    )
    yield client, address
    running.stop()


def test_s3_as_any_folder(bucket: tuple[object, str], pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prefix without objects is an empty folder, a name with dots is hidden; a bucket that is not there is an error."""
    client, _ = bucket
    assert pipeline.stage().files_seen == 0
    body = (HEADER + ROW.format(1)).encode()
    for name in ("badges/a.csv", "badges/deep/b.csv", "badges/.c.csv", "other/d.csv", "badges/../e.csv"):
        client.put_object(Bucket="exports", Key=name, Body=body + name.encode() + b"\n")
    assert pipeline.stage().files_read == 2
    assert pipeline.stage().files_read == 0
    monkeypatch.setenv("CALVEN_EXPORTS", "s3://nobodys/badges")
    with pytest.raises(SettingsError, match="there is no such folder"):
        pipeline.stage()
