"""The command `status`: looks, prints, and answers with an exit code."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from calven_pipeline.status.document import document
from calven_pipeline.status.screen import show
from calven_pipeline.status.state import AskDagster, look
from calven_pipeline.terminal import Terminal


def run_status(ask_dagster: AskDagster, *, as_json: bool) -> int:
    """Print the state, as one screen or as one JSON object; 0 where nothing is wrong, else 1."""
    status = look(ask_dagster, datetime.now(UTC))
    if as_json:
        print(json.dumps(document(status), indent=2, ensure_ascii=False))  # noqa: T201 - the result of the command
    else:
        show(status, Terminal())
    return 1 if status.problems else 0
