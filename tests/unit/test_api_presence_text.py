"""What the presence client reads from the text of a call."""

from __future__ import annotations

import pytest

from calven_pipeline.api.presence import sent_source_id


@pytest.mark.parametrize(
    ("body", "source_id"),
    [
        ('{"sourceId":"HQ","presenceEvents":[]}', "HQ"),
        (' {\n "sourceId" : "a \\"b\\" \\u0391" , "presenceEvents": [', 'a "b" \u0391'),
        ('{"presenceEvents":[{"sourceId":"inner"}],"sourceId":"outer"}', "outer"),
        ('{"presenceEvents":[]}', None),
        ('{"sourceId":5}', None),
        ('{"sourceId":"cut', None),
        ("[]", None),
        ("", None),
    ],
)
def test_source_id_is_read_wherever_it_stands(body: str, source_id: str | None) -> None:
    """First, as our SQL writes it, or anywhere else at the top level."""
    assert sent_source_id(body) == source_id
