"""How a key proves itself: a token by HMAC or client secret, or Basic; each an `httpx.Auth` for sync and async clients.

What may surprise: the token requests run inside the flow of the call that needs them, through the same client, and
carry a timeout of their own, because httpx gives none to requests that an `Auth` makes. A token is asked for by one
call while the others wait, and renewed once when Calven answers 401; a second 401 is handed on to the caller.

One object belongs to one client (and one event loop). Times are Unix seconds, except where a name says otherwise.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import re
import threading
import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from dataclasses import dataclass, field

import httpx

from calven_pipeline.api.answers import (
    CORRELATION_HEADER,
    FIRST_REFUSAL,
    FIRST_SERVER_ERROR,
    PASSING_REFUSALS,
    UNAUTHORIZED,
    Call,
    clock_skew_s,
    error_for,
    is_success,
    unreadable,
    without_addresses,
    words_of,
)
from calven_pipeline.api.credentials import Credentials
from calven_pipeline.api.retries import with_facts
from calven_pipeline.errors import AuthenticationError
from calven_pipeline.settings import AuthMethod

RENEW_EARLY_S = 30.0  # before the token expires: longer than a call should take
RENEW_EARLY_SHARE = 0.25  # of a short life, so that a token of 20 s is not asked for on every call
ASSUMED_LIFE_S = 300.0  # where Calven names no time that makes sense; the one published example lives 409 s
LONGEST_LIFE_S = 86_400.0  # a longer life is taken for a mistake, such as milliseconds
TOKEN_TIMEOUT_S = 30.0
FIRST_CALL_AND_ONE_REPEAT = 2

_TOKEN_TEXT = re.compile(r"[\x21-\x7e]+")  # what may stand in a header without breaking out of it

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Token:
    """One token and the Unix second from which it is not used any more; the text never prints."""

    text: str = field(repr=False)
    renew_at: float


class TokenAuth(httpx.Auth):
    """Bearer authentication with a token that is reused, renewed shortly before its end, and once on a 401.

    Raises `AuthenticationError` where the key does not get in. That verdict is kept: a refused key is not tried again
    by this object, so that eight waiting calls do not knock eight times.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        api_url: str,
        headers: Mapping[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._credentials = credentials
        self._api_url = api_url
        self._headers = {**headers, "Content-Type": "application/json"}
        self._clock = clock
        self._token: Token | None = None
        self._refusal: AuthenticationError | None = None
        self._thread_lock = threading.Lock()
        self._task_lock = asyncio.Lock()
        self._call = Call("Asking for a token", httpx.URL(api_url).netloc.decode(), credentials, clock)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The call with a token, and once more with a new one where Calven answers 401."""
        token: Token | None = None
        for _ in range(FIRST_CALL_AND_ONE_REPEAT):
            refused = token
            token = self._usable(refused)
            if token is None:
                with self._thread_lock:
                    token = self._usable(refused)
                    if token is None:
                        reply = yield self.token_request()
                        reply.read()
                        token = self.remember(reply)
            request.headers["Authorization"] = f"Bearer {token.text}"
            response = yield request
            if response.status_code != UNAUTHORIZED:
                return

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The same as `sync_auth_flow`, awaited; a call that was refused with a token already is sent once more only."""
        tried = request.headers.get("Authorization")
        token = self._token if tried == self.ready_header() else None
        for _ in range(1 if tried else FIRST_CALL_AND_ONE_REPEAT):
            refused = token
            token = self._usable(refused)
            if token is None:
                async with self._task_lock:
                    token = self._usable(refused)
                    if token is None:
                        reply = yield self.token_request()
                        await reply.aread()
                        token = self.remember(reply)
            request.headers["Authorization"] = f"Bearer {token.text}"
            response = yield request
            if response.status_code != UNAUTHORIZED:
                return

    def ready_header(self) -> str | None:
        """The header `Authorization` while a token is at hand that need not be renewed; else None."""
        if self._refusal or self._token is None or self._clock() >= self._token.renew_at:
            return None
        return f"Bearer {self._token.text}"

    def token_request(self) -> httpx.Request:
        """The request that asks for a token, with its own timeout."""
        path, fields = self._question()
        return httpx.Request(
            "POST",
            self._api_url + path,
            headers=self._headers,
            content=json.dumps(fields).encode(),
            extensions={"timeout": httpx.Timeout(TOKEN_TIMEOUT_S).as_dict()},
        )

    def remember(self, reply: httpx.Response) -> Token:
        """The token in this (read) reply, kept for the next calls.

        Raises `AuthenticationError` where the key was refused, a `PassingError` where trying again may help.
        """
        try:
            fields = self._fields_of(reply)
            life_s = self._life_s(fields, self._clock())
        except AuthenticationError as error:
            self._refusal = with_facts(
                error,
                host=self._call.host,
                doing=self._call.doing,
                status=reply.status_code,
                correlation_id=reply.request.headers.get(CORRELATION_HEADER),
            )
            raise
        text = fields.get(self._token_field)
        if not isinstance(text, str) or not _TOKEN_TEXT.fullmatch(text):
            raise unreadable(f"the answer to the token request held no usable '{self._token_field}'", reply.request)
        early_s = min(RENEW_EARLY_S, life_s * RENEW_EARLY_SHARE)
        self._token = Token(text, renew_at=self._clock() + life_s - early_s)
        return self._token

    _token_field: str

    @abstractmethod
    def _question(self) -> tuple[str, dict[str, object]]:
        """The path and the fields of a token request."""

    @abstractmethod
    def _claimed_life_s(self, fields: Mapping[str, object], now: float) -> float | None:
        """For how long, from now, the reply says that its token is good; None where it does not say."""

    def _usable(self, refused: Token | None) -> Token | None:
        """The token at hand, unless it is the one just refused or near its end.

        Compared as an object: another call may have renewed it in the meantime, and then that one serves all.
        """
        if self._refusal:
            raise with_facts(AuthenticationError(str(self._refusal)), **vars(self._refusal))
        token = self._token
        if token is None or token is refused or self._clock() >= token.renew_at:
            return None
        return token

    def _fields_of(self, reply: httpx.Response) -> dict[str, object]:
        """The reply's JSON object, of a key that got in (published: 200, 400 and 401, and `authenticated`)."""
        status = reply.status_code
        words = without_addresses(words_of(reply.content, reply.request, self._credentials))
        skew_s = clock_skew_s(reply.headers, self._clock())
        if FIRST_REFUSAL <= status < FIRST_SERVER_ERROR and status not in PASSING_REFUSALS:
            raise self._credentials.refused(f'the token request was answered {status} "{words}"', skew_s=skew_s)
        if not is_success(status):
            raise error_for(reply, reply.content, self._call)
        try:
            fields = json.loads(reply.content)
        except (ValueError, RecursionError) as error:
            raise unreadable("the answer to the token request was no JSON", reply.request) from error
        if not isinstance(fields, dict):
            raise unreadable("the answer to the token request was no JSON object", reply.request)
        if fields.get("authenticated") is False:
            raise self._credentials.refused("the token request was answered 'authenticated: false'", skew_s=skew_s)
        return fields

    def _life_s(self, fields: Mapping[str, object], now: float) -> float:
        """Seconds for which to use the token: what Calven says, else `ASSUMED_LIFE_S`, and the log says so.

        A time in the past is no sense either: with our clock ahead, every token would look old on arrival.
        """
        life_s = self._claimed_life_s(fields, now)
        if life_s is not None and 0 < life_s <= LONGEST_LIFE_S:
            return life_s
        log.warning(
            "Calven's token came without an expiry that makes sense here; using it for %.0f s, or until a 401. "
            "Is this computer's clock right?",
            ASSUMED_LIFE_S,
        )
        return ASSUMED_LIFE_S


class HmacAuth(TokenAuth):
    """A token for a hash over key id and time; recommended by the published API documentation."""

    _token_field = "token"  # noqa: S105 - the name of a field

    def _question(self) -> tuple[str, dict[str, object]]:
        """Published: hex HMAC-SHA256, keyed with the secret, of the key id directly followed by the Unix seconds."""
        key, timestamp = self._credentials.key, int(self._clock())
        secret = key.secret.get_secret_value().encode()
        proof = hmac.new(secret, f"{key.id}{timestamp}".encode(), hashlib.sha256).hexdigest()
        return "/v1/auth", {"apiKey": key.id, "timestamp": timestamp, "hash": proof}

    def _claimed_life_s(self, fields: Mapping[str, object], now: float) -> float | None:
        """Published: `expiration` is in Unix seconds (not milliseconds, as the official SDK takes it)."""
        expiration = _number(fields.get("expiration"))
        return None if expiration is None else expiration - now


class ClientSecretAuth(TokenAuth):
    """A token for the key id and its secret."""

    _token_field = "access_token"  # noqa: S105 - the name of a field

    def _question(self) -> tuple[str, dict[str, object]]:
        key = self._credentials.key
        return "/v1/auth/token", {"client_id": key.id, "client_secret": key.secret.get_secret_value()}

    def _claimed_life_s(self, fields: Mapping[str, object], now: float) -> float | None:
        """Published: `expires_in` is in seconds from now."""
        return _number(fields.get("expires_in"))


def auth_for(
    credentials: Credentials, *, api_url: str, headers: Mapping[str, str], clock: Callable[[], float] = time.time
) -> httpx.Auth:
    """The authentication that these credentials ask for; `headers` go with every token request."""
    if credentials.method is AuthMethod.BASIC:
        return httpx.BasicAuth(credentials.key.id, credentials.key.secret.get_secret_value())
    kind = HmacAuth if credentials.method is AuthMethod.HMAC else ClientSecretAuth
    return kind(credentials, api_url=api_url, headers=headers, clock=clock)


def _number(value: object) -> float | None:
    """A number, or the number in a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
