"""What does a look at the drop folder and the profiles tell?"""

import os
import sys
from pathlib import Path

import pytest

from calven_pipeline.exports.watching import look_at_exports, open_for_writing


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_file_is_open_for_writing_as_long_as_somebody_writes(tmp_path: Path):
    """Whether the file was written just now does not matter, nor does a reader, nor that the file has gone."""
    (tmp_path / "exports").mkdir()
    is_open = open_for_writing(tmp_path)
    path = tmp_path / "exports" / "a.csv"
    with path.open("w") as file:
        file.write("half")
        file.flush()
        assert is_open("a.csv")
    assert not is_open("a.csv")
    with path.open() as _:
        assert not is_open("a.csv")
    path.unlink()
    assert not is_open("a.csv")


PROFILES = """
sources:
  - {{name: hq, files: "hq/*.csv", columns: {{timestamp: t, source_user_id: u, location_id: l}}, people: people.csv{more}}}
  - {{name: wifi, files: "wifi/*.csv", columns: {{timestamp: t, user_id: u, location_id: l}}}}
"""


def test_a_source_is_mended_by_what_its_tables_say_and_not_by_their_times(tmp_path: Path):
    """A table that is written anew each night must not try all that was refused again."""
    people = tmp_path / "people.csv"
    looks = []

    def look(text: str, more: str = "") -> None:
        (tmp_path / "sources.yaml").write_text(PROFILES.format(more=more))
        people.write_text(text)
        os.utime(people, (len(looks), len(looks)))
        looks.append(look_at_exports(tmp_path))

    for table in ("b1,U-ann\n", "b1,U-ann\n", "b1,U-bob\n"):
        look("source_user_id,user_id\n" + table)
    look(people.read_text(), ", defaults: {location_type: desk}")
    assert len({seen.sources["wifi"] for seen in looks}) == 1
    assert looks[0] == looks[1]
    assert len({seen.sources["hq"] for seen in looks}) == len({seen.profiles for seen in looks}) == 3


def test_what_cannot_be_read_as_a_file_is_told_and_the_rest_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A link out of the folder, and a folder that cannot be listed; the drop folder itself hides all."""
    exports = tmp_path / "exports"
    for name in ("a.csv", "in/b.csv"):
        (exports / name).parent.mkdir(parents=True, exist_ok=True)
        (exports / name).write_text("timestamp\n")
    (exports / "link.csv").symlink_to(tmp_path / "elsewhere.csv")
    scans, closed = os.scandir, {"in"}

    def scan(path: str) -> object:
        if Path(path).name in closed:
            raise PermissionError(13, "Permission denied")
        return scans(path)

    monkeypatch.setattr(os, "scandir", scan)
    look = look_at_exports(tmp_path)
    assert (list(look.files["default"]), look.closed, look.unseen) == (["a.csv"], {"in"}, {})
    assert [problem.split(":")[0] for problem in look.problems] == [
        "Cannot look for exports of source default in in", "Cannot read link.csv of source default"
    ]  # fmt: skip
    closed.add("exports")
    look = look_at_exports(tmp_path)
    assert look.files == {}
    assert "Permission denied" in look.unseen["default"]
