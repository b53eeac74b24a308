"""Ready profiles: how well-known systems write their exports, as a start for a source (`profile: kisi`).

What may surprise: a ready profile is no whole source. It says how to read the rows and which outcomes are presence; name,
files, time zone and the customer's own tables are for `sources.yaml`, whose keys win.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import cast

from calven_pipeline.exports.yaml_text import read_yaml_text

READY_FOLDER = Path(__file__).resolve().parent.parent / "ready"


@cache
def ready_names() -> tuple[str, ...]:
    """The names of all ready profiles, sorted."""
    return tuple(sorted(path.stem for path in READY_FOLDER.glob("*.yaml")))


def ready_profile(name: str) -> dict[str, object]:
    """The keys of a ready profile, as they stand in its file; raises `KeyError` for a name that is none of `ready_names`."""
    return cast("dict[str, object]", read_yaml_text(_path(name)))


def ready_text(name: str) -> str:
    """A ready profile as its file has it, comments included; raises `KeyError`."""
    return _path(name).read_text(encoding="utf-8")


def ready_summary(name: str) -> str:
    """What it reads: the first line of its comment."""
    return ready_text(name).partition("\n")[0].removeprefix("#").strip()


def _path(name: str) -> Path:
    if name not in ready_names():
        raise KeyError(name)
    return READY_FOLDER / f"{name}.yaml"
