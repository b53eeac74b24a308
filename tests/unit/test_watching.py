"""Is it seen whether somebody still writes a file of the drop folder?"""

import sys
from pathlib import Path

import pytest

from calven_pipeline.exports.watching import open_for_writing


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
