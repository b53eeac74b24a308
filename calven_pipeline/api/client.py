"""The client for the Calven API, built from `Settings`: where calls go, what they carry, and whose key they use.

What may surprise: nothing of the environment is used but the settings (no proxy variables, no `.netrc`), and no
redirect is followed, so that credentials never travel to another host than `CALVEN_API_URL`. Each call, token requests
and repeats included, carries a `correlationId` of its own, by which Calven's support can find it (published: optional).

A client may be used from several threads. Posting at speed is `presence.PresencePoster`.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from types import TracebackType
from typing import Self
from uuid import uuid4

import httpx

from calven_pipeline.api.answers import CORRELATION_HEADER, Call, clock_skew_s, transport_failures
from calven_pipeline.api.auth import TokenAuth, auth_for
from calven_pipeline.api.credentials import Credentials
from calven_pipeline.api.retries import DEFAULT_RETRIES, RetryPolicy
from calven_pipeline.settings import AuthMethod, KeyRole, Settings

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 120.0  # between two pieces of an answer; a warehouse answer may take a while to begin
WRITE_TIMEOUT_S = 30.0
POOL_TIMEOUT_S = 30.0
CONNECTIONS = 4
KEEPALIVE_S = 4.0  # shorter than the 5 s after which common servers hang up, so that a call seldom meets a closed line

TIMEOUT = httpx.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S, write=WRITE_TIMEOUT_S, pool=POOL_TIMEOUT_S)


@dataclass(frozen=True)
class KeyCheck:
    """What is known of a key without a call: `proven` is None for Basic, which has no token to ask for.

    `clock_skew_s` is Calven's clock minus ours in seconds, to about one; None where Calven did not say.
    """

    role: KeyRole
    variable: str
    method: AuthMethod
    proven: bool | None
    clock_skew_s: float | None


class CalvenClient:
    """Calls to one Calven host with the keys of one deployment; close it, or use it in a `with`.

    `clock` gives Unix seconds.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        retries: RetryPolicy = DEFAULT_RETRIES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.retries = retries
        self.clock = clock
        self.host = httpx.URL(settings.api_url).netloc.decode()
        self.encrypted = settings.api_url.startswith("https:")
        self.headers = {
            "x-calven-region": settings.region,
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": "calven-pipeline",
        }
        self._auths: dict[KeyRole, httpx.Auth] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, if any were opened."""
        if "http" in self.__dict__:
            self.http.close()

    @cached_property
    def http(self) -> httpx.Client:
        """The httpx client under all but the presence calls; made when first needed."""
        return httpx.Client(
            headers=self.headers,
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=KEEPALIVE_S),
            follow_redirects=False,
            trust_env=False,
            verify=tls_context(encrypted=self.encrypted),
            event_hooks={"request": [stamp_correlation_id]},
        )

    def url(self, path: str) -> str:
        """The whole address of a path that starts with `/`; for Basic, published paths end in `/basic`."""
        suffix = "/basic" if self.settings.auth is AuthMethod.BASIC else ""
        return f"{self.settings.api_url}{path}{suffix}"

    def call(self, doing: str, role: KeyRole) -> Call:
        """What errors of a call will say; raises `MissingKeyError` where no key is set for the role."""
        return Call(doing, self.host, Credentials.for_role(self.settings, role), self.clock)

    def auth(self, role: KeyRole) -> httpx.Auth:
        """The authentication for this client's own calls, one for each role, so that a token serves them all."""
        with self._lock:
            if role not in self._auths:
                self._auths[role] = self.new_auth(role)
            return self._auths[role]

    def new_auth(self, role: KeyRole) -> httpx.Auth:
        """A fresh authentication, for a client on an event loop of its own."""
        credentials = Credentials.for_role(self.settings, role)
        return auth_for(credentials, api_url=self.settings.api_url, headers=self.headers, clock=self.clock)

    def check_key(self, role: KeyRole) -> KeyCheck:
        """Ask for a token with the role's key; whether the role itself is right only a call can show.

        Raises `MissingKeyError`, `AuthenticationError`, `CalvenUnavailableError` or `UnreadableAnswerError`.
        """
        call, auth = self.call("Asking for a token", role), self.auth(role)
        if not isinstance(auth, TokenAuth):
            return KeyCheck(role, call.credentials.variable, call.credentials.method, None, None)

        def once(_: int) -> float | None:
            request = auth.token_request()
            with transport_failures(request):
                reply = self.http.send(request, auth=None)
            auth.remember(reply)
            return clock_skew_s(reply.headers, self.clock())

        skew_s = self.retries.call(call.doing, self.host, once)
        return KeyCheck(role, call.credentials.variable, call.credentials.method, proven=True, clock_skew_s=skew_s)


@cache
def tls_context(*, encrypted: bool) -> ssl.SSLContext:
    """The certificates to trust: the public ones, or none at all where the call is plain http to loopback.

    Made once per process, because reading the public ones takes 0.1 s each time.
    """
    return httpx.create_ssl_context(trust_env=False) if encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def stamp_correlation_id(request: httpx.Request) -> None:
    """Give this request a correlation id of its own; run for every request that leaves, repeats included."""
    request.headers[CORRELATION_HEADER] = str(uuid4())


async def stamp_correlation_id_async(request: httpx.Request) -> None:
    """The same as `stamp_correlation_id`, for an async client."""
    stamp_correlation_id(request)
