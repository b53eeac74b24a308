"""Numbering of CSV rows, against a plain program that knows what it wrote."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calven_pipeline.exports import ExportFile, SourceProfile, open_export

PROFILE = SourceProfile(name="x", files="*", columns={"timestamp": "a", "user_email": "b", "location_id": "c"})

values = st.text(st.sampled_from("ab1é ;'\\"), max_size=4)
quotable = st.text(st.sampled_from('ab,"\n\r é'), max_size=6)


def quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


good = st.tuples(*[st.one_of(values, quotable.map(quoted))] * 3).map(lambda row: ("good", ",".join(row)))
blank = st.sampled_from(["", " ", "  "]).map(lambda line: ("blank", line))
malformed = st.sampled_from(["1,2", "1,2,3,4", '1,"a"b,3', "x", ',"x"y', b"\xff,2,3".decode("latin-1")])
malformed_rows = malformed.map(lambda line: ("malformed", line))
line_ends = st.sampled_from(["\n", "\r\n"])


@given(
    records=st.lists(st.tuples(st.one_of(good, blank, malformed_rows), line_ends), max_size=12),
    common_end=st.one_of(st.none(), line_ends),
    last_end=st.booleans(),
)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_every_row_has_its_number(
    records: list[tuple[tuple[str, str], str]], common_end: str | None, last_end: bool
) -> None:
    """Good and malformed rows count from 1, blank lines do not; no row is lost or moved."""
    lines = [text + (common_end or end) for (_, text), end in records]
    text = "a,b,c" + (common_end or "\n") + "".join(lines)
    content = text.encode().replace("ÿ".encode(), b"\xff")
    content = content if last_end else content.rstrip(b"\r\n")
    expected = [kind for (kind, _), _ in records if kind != "blank"]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = Path(folder) / "a.csv"
        path.write_bytes(content)
        file = ExportFile("x", "a.csv", path, len(content), 0)
        with open_export(connection, PROFILE, file, Path(folder)) as reader:
            rows = reader.rows.select("row_number", "malformed").fetchall()
            raw = reader.raw().select("row_number").fetchall()
    assert [row[0] for row in rows] == [row[0] for row in raw] == list(range(1, len(expected) + 1))
    assert ["good" if row[1] is None else "malformed" for row in rows] == expected
