"""Do the examples in `deploy/` fit the project, and each other?"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from calven_pipeline.project import project_folder

DEPLOY = project_folder() / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
HOME = "/srv/calven-pipeline"
BIN = f"{HOME}/.venv/bin"
OF_EACH = ("#", "Description=", "ExecStart=", "TimeoutStopSec=")


def instructions(name: str) -> list[str]:
    """Of the Dockerfile, those of that kind, without it."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    return re.findall(rf"^{name} +(.+)$", text, re.MULTILINE)


def programs(unit: Path) -> str:
    return re.search(rf"^ExecStart={BIN}/(\S+)", unit.read_text(), re.MULTILINE)[1]


def test_units_differ_in_what_they_run_alone():
    """What one of them may not do, none may."""
    kept = [[line for line in unit.read_text().splitlines() if not line.startswith(OF_EACH)] for unit in UNITS]
    assert len(kept) == 3
    assert kept[0] == kept[1] == kept[2]
    assert "ProtectSystem=strict" in kept[0]
    for unit in UNITS:
        assert (Path(sys.executable).parent / programs(unit)).is_file(), unit.name


def test_the_ui_of_units_listens_on_loopback_alone():
    for unit in UNITS:
        if "webserver" in programs(unit):
            assert "--host 127.0.0.1 --port" in unit.read_text(), unit.name
            assert ("--read-only" in unit.read_text()) == ("read-only" in unit.name)


def test_units_and_image_keep_code_and_data_in_the_same_places():
    """So that one file of settings serves both."""
    places = {f"DAGSTER_HOME={HOME}", "CALVEN_DATA_DIR=/var/lib/calven"}
    for unit in UNITS:
        assert f"Environment={' '.join(sorted(places, reverse=True))}" in unit.read_text(), unit.name
        assert "StateDirectory=calven\n" in unit.read_text(), unit.name
    (environment,) = instructions("ENV")
    assert places <= set(environment.split())
    assert instructions("WORKDIR") == [HOME]
    assert instructions("VOLUME") == ["/var/lib/calven"]
    assert not {"DAGSTER_HOME", "CALVEN_DATA_DIR"} & set(
        re.findall(r"^(\w+)=", (DEPLOY / "calven.env").read_text(), re.M)
    )


def test_the_image_is_made_of_what_is_there_and_let_in():
    let_in = {
        line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {path for copy in instructions("COPY") for path in copy.split()[:-1]}
    assert copied == let_in
    assert all((project_folder() / path).exists() for path in copied)
    assert instructions("USER") == ["10001"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_units(tmp_path):
    """With this project's own programs in place of those that a deployment would have, and a user that is there."""
    for unit in UNITS:
        text = unit.read_text().replace(BIN, str(Path(sys.executable).parent)).replace("User=calven", "User=daemon")
        (tmp_path / unit.name).write_text(text)
    command = ["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
