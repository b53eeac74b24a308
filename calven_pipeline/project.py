"""Where the project and its samples lie."""

from __future__ import annotations

from pathlib import Path

from calven_pipeline.errors import SettingsError


def project_folder() -> Path:
    """The folder with `dagster.yaml`: the one that holds this package, since the project runs from its own clone.

    Raises `SettingsError` where the package was installed elsewhere without it.
    """
    folder = Path(__file__).resolve().parent.parent
    if not (folder / "dagster.yaml").is_file():
        raise SettingsError(f"{folder} holds no dagster.yaml: run the command from a clone of the project.")
    return folder


def samples_folder() -> Path:
    """`data/samples`: a small world, exports, and profiles."""
    return project_folder() / "data" / "samples"
