"""The client for the Calven API: authentication, warehouse reads, presence posts, retries.

Held to the published API documentation, and tolerant where it is silent. What may surprise: trying again happens in
here, so whatever error comes out is final for this run; every foreign error (httpx, aiohttp) has become one of ours.
"""

from __future__ import annotations

from calven_pipeline.api.client import CalvenClient, KeyCheck
from calven_pipeline.api.presence import Answer, PresencePoster
from calven_pipeline.api.retries import RetryPolicy
from calven_pipeline.api.warehouse import (
    AnswerFile,
    PulledFile,
    Resource,
    check_whole_array,
    fetch_presence_to_file,
    fetch_to_file,
)

__all__ = [
    "Answer",
    "AnswerFile",
    "CalvenClient",
    "KeyCheck",
    "PresencePoster",
    "PulledFile",
    "Resource",
    "RetryPolicy",
    "check_whole_array",
    "fetch_presence_to_file",
    "fetch_to_file",
]
