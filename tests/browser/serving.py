"""The project served as a newcomer serves it: a project folder with `.env`, a data folder, the sandbox, and `dg dev`."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from calven_pipeline.project import project_folder, samples_folder
from calven_pipeline.sandbox import SandboxServer

START_WITHIN_S = 60
END_WITHIN_S = 20
LINKED = ("pyproject.toml", "dagster.yaml", "calven_pipeline")


@dataclass
class Served:
    """A served project: what a person may edit, and where its UI is."""

    project: Path
    sandbox: SandboxServer
    settings: dict[str, str]
    key: str = "sandbox-all"
    url: str = ""

    @property
    def data_dir(self) -> Path:
        return self.project / "data"

    def use_key(self, name: str) -> None:
        """Write `.env` with that key of the sandbox for everything."""
        self.key = name
        (self.project / ".env").write_text("".join(f"{name}={value}\n" for name, value in self.variables().items()))

    def variables(self) -> dict[str, str]:
        """What `.env` says."""
        api = {"API_URL": self.sandbox.url, "API_KEY": self.key, "API_SECRET": f"{self.key}-secret"}
        return {f"CALVEN_{name}": value for name, value in (self.settings | api).items()}


@contextmanager
def serving(project: Path, **settings: str) -> Iterator[Served]:
    """A project with the samples, served on free ports until the end of the block; `settings` are `CALVEN_<name>`."""
    with laid_out(project, **settings) as served, dg_dev(project) as served.url:
        yield served


@contextmanager
def laid_out(project: Path, **settings: str) -> Iterator[Served]:
    """The same before `dg dev` is started: its folder, and the sandbox."""
    project.mkdir(parents=True)
    for name in LINKED:
        (project / name).symlink_to(project_folder() / name)
    shutil.copytree(samples_folder(), project / "data", ignore=shutil.ignore_patterns("world", "systems"))
    with SandboxServer(world=samples_folder() / "world") as sandbox:
        served = Served(project, sandbox, {"SETTLE_SECONDS": "0", **settings})
        served.use_key(served.key)
        yield served


@contextmanager
def dg_dev(project: Path) -> Iterator[str]:
    """`dg dev` in that folder, by its own address; at the end it and all that it started are gone."""
    port = free_port()
    command = (str(Path(sys.executable).parent / "dg"), "dev", "--port", str(port), "--live-data-poll-rate", "500")
    with (project / "dg-dev.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=project, env=environment(), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_served(url, process, project / "dg-dev.log")
        yield url
    finally:
        end_group(process)


def environment() -> Mapping[str, str]:
    """Of whoever runs this, without their Calven and Dagster."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("CALVEN_", "DAGSTER_"))}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_served(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_WITHIN_S
    while True:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            if httpx.get(f"{url}/server_info", timeout=5, trust_env=False).is_success:
                return
        except httpx.TransportError:
            assert time.monotonic() < until, log.read_text()[-2000:]
        time.sleep(0.2)


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """End the process and every process of its session that is left: asked first, then told.

    Code servers outlive a killed webserver and runs outlive both, but none of them leaves the session.
    """
    process.send_signal(signal.SIGINT)
    try:
        process.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        for pid in session(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait(END_WITHIN_S)


def session(leader: int) -> list[int]:
    """Processes of the session that this one began."""
    listed = subprocess.run(("ps", "-e", "-o", "sid=,pid="), capture_output=True, text=True, check=True).stdout
    return [int(pid) for sid, pid in (line.split() for line in listed.splitlines()) if int(sid) == leader]
