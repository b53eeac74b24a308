"""The transport under the presence calls: httpx over aiohttp, a third of the processor time of httpx's own.

A file of its own because importing aiohttp takes most of a second, which only a run that posts should pay.

What may surprise (httpx-aiohttp 0.2.0, read and tried): a refused connection arrives as `httpx.ConnectTimeout`,
aiohttp's `ClientResponseError` (an answer that is no HTTP) and bare `OSError`s arrive unmapped, there is no limit on a
call as a whole, and the time spent waiting for a free connection counts into `pool`.
"""

from __future__ import annotations

import ssl

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

# TimeoutError and ssl.SSLError are OSErrors.
ESCAPING_ERRORS: tuple[type[Exception], ...] = (aiohttp.ClientError, OSError)


def transport(*, connections: int, keepalive_s: float, tls: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    """A transport with at most so many connections, each kept so many seconds for the next call."""
    limits = httpx.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=keepalive_s
    )
    return AiohttpTransport(limits=limits, verify=tls, trust_env=False)
