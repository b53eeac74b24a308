"""Keys, roles and tokens: who may call what.

One key, one method: `sandbox-all`, `sandbox-events` and `sandbox-warehouse` sign in by HMAC or client secret and get a
token; the same names with `-basic` are for the paths that end in `/basic` and nothing else. Every secret is
`<key>-secret`. They are no secrets at all, which is why the sandbox listens on loopback only.

Calven publishes no clock tolerance and no rule for malformed sign-ins by client secret: here the tolerance is 300 s,
and a malformed body is 400 for both kinds of sign-in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from calven_pipeline.sandbox.answers import Refusal

TOKEN_LIFETIME_S = 409.0  # the one published example
CLOCK_TOLERANCE_S = 300.0


class Permission(StrEnum):
    """What a call needs its key's role to allow."""

    SUBMIT_EVENTS = "submit events"
    READ_WAREHOUSE = "read the data warehouse"


@dataclass(frozen=True)
class Role:
    """A role under Calven's name for it."""

    name: str
    permissions: frozenset[Permission]


ALL_PERMISSIONS = Role("All permissions", frozenset(Permission))
SUBMITTING_EVENTS = Role("Submitting Events", frozenset({Permission.SUBMIT_EVENTS}))
DATA_WAREHOUSE = Role("Data Warehouse", frozenset({Permission.READ_WAREHOUSE}))


@dataclass(frozen=True)
class Key:
    """An API key: what it may do, and whether it is for Basic or for tokens."""

    id: str
    role: Role
    is_basic: bool

    @property
    def secret(self) -> str:
        """The secret that goes with the key."""
        return f"{self.id}-secret"


def _all_keys() -> dict[str, Key]:
    roles = {"all": ALL_PERMISSIONS, "events": SUBMITTING_EVENTS, "warehouse": DATA_WAREHOUSE}
    keys = [
        Key(f"sandbox-{name}{ending}", role, is_basic=bool(ending))
        for ending in ("", "-basic")
        for name, role in roles.items()
    ]
    return {key.id: key for key in keys}


KEYS = _all_keys()


class Doorkeeper:
    """Signs keys in, remembers their tokens, and tells whose call it is.

    `clock` returns Unix seconds; lifetimes and tolerances are seconds.
    """

    def __init__(self, clock: Callable[[], float], token_lifetime_s: float, clock_tolerance_s: float) -> None:
        self._clock = clock
        self._token_lifetime_s = token_lifetime_s
        self._clock_tolerance_s = clock_tolerance_s
        self._tokens: dict[str, tuple[Key, float]] = {}

    def forget_tokens(self) -> None:
        """Make every token unknown, as a restart of the real service would."""
        self._tokens = {}

    def sign_in_by_hmac(self, body: bytes) -> dict[str, object]:
        """The answer of `POST /v1/auth`; refuses with 400 (malformed) or 401 (wrong)."""
        fields = _read_fields(body)
        key_id, given = _text(fields, "apiKey"), _text(fields, "hash")
        timestamp = _unix_seconds(fields)
        key = _token_key(key_id)
        expected = hmac.new(_secret_bytes(key), f"{key_id}{_as_sent(timestamp)}".encode(), hashlib.sha256).hexdigest()
        matches = hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
        if key is None or not matches:
            raise Refusal(401, "The API key is unknown, is for Basic, or the hash is not right.")
        if not abs(self._clock() - timestamp) <= self._clock_tolerance_s:
            raise Refusal(401, f"timestamp is more than {self._clock_tolerance_s:g} s away from the server's clock.")
        token, expires_at = self._issue(key)
        return {"authenticated": True, "message": "Authenticated", "token": token, "expiration": int(expires_at)}

    def sign_in_by_client_secret(self, body: bytes) -> dict[str, object]:
        """The answer of `POST /v1/auth/token`; refuses with 400 (malformed) or 401 (wrong)."""
        fields = _read_fields(body)
        key = _token_key(_text(fields, "client_id"))
        matches = _same(_secret_bytes(key), _text(fields, "client_secret"))
        if key is None or not matches:
            raise Refusal(401, "The client id is unknown, is for Basic, or the secret is not right.")
        token, _ = self._issue(key)
        return {"access_token": token, "expires_in": int(self._token_lifetime_s), "token_type": "Bearer"}

    def key_of_bearer(self, authorization: str) -> Key:
        """The key behind `Authorization: Bearer ...`; refuses with 401."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise _unauthorized("Bearer", "This path needs a token: Authorization: Bearer ...")
        known = self._tokens.get(token.strip())
        if known is None:
            raise _unauthorized("Bearer", "The token is unknown.")
        key, expires_at = known
        if self._clock() >= expires_at:
            raise _unauthorized("Bearer", "The token has expired.")
        return key

    def key_of_basic(self, authorization: str) -> Key:
        """The key behind `Authorization: Basic ...`; refuses with 401."""
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() != "basic":
            raise _unauthorized("Basic", "This path needs a key for Basic: Authorization: Basic ...")
        try:
            key_id, _, secret = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError) as error:
            raise _unauthorized("Basic", "The credentials are not base64 of keyId:secret.") from error
        key = KEYS.get(key_id)
        matches = _same(_secret_bytes(key), secret)
        if key is None or not matches or not key.is_basic:
            raise _unauthorized("Basic", "The API key is unknown, is not for Basic, or the secret is not right.")
        return key

    def _issue(self, key: Key) -> tuple[str, float]:
        now = self._clock()
        self._forget_expired(now)
        token, expires_at = secrets.token_urlsafe(24), now + self._token_lifetime_s
        self._tokens[token] = (key, expires_at)
        return token, expires_at

    def _forget_expired(self, now: float) -> None:
        """Drop the oldest tokens a while after they expired, so that signing in for every call costs no memory."""
        keep_for_s = 3600.0  # so that an expired token is still told from an unknown one
        for token, (_, expires_at) in list(islice(self._tokens.items(), 2)):
            if expires_at + keep_for_s < now:
                del self._tokens[token]


def check_permission(key: Key, needed: Permission) -> None:
    """Refuse with 403 unless the key's role allows it."""
    if needed not in key.role.permissions:
        raise Refusal(403, f"The key's role, {key.role.name}, may not {needed}.")


def _read_fields(body: bytes) -> dict[str, object]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "The body is not JSON.") from error
    if not isinstance(fields, dict):
        raise Refusal(400, "The body must be a JSON object.")
    return fields


def _text(fields: dict[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise Refusal(400, f"{name} must be a text that is not empty.")
    return value


def _unix_seconds(fields: dict[str, object]) -> int | float:
    value = fields.get("timestamp")
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            is_finite = math.isfinite(value)
        except OverflowError:  # a whole number beyond every float
            is_finite = False
        if is_finite:
            return value
    raise Refusal(400, "timestamp must be a number: Unix seconds.")


def _token_key(key_id: str) -> Key | None:
    key = KEYS.get(key_id)
    return None if key is None or key.is_basic else key


def _secret_bytes(key: Key | None) -> bytes:
    """The key's secret; for an unknown key another one, so that both cases cost the same time."""
    return (key.secret if key else "no such key").encode()


def _same(secret: bytes, given: str) -> bool:
    return hmac.compare_digest(secret, given.encode("utf-8", "replace"))


def _as_sent(timestamp: float) -> str:
    """The number as a JSON writer prints it: no fraction when there is none."""
    return str(int(timestamp)) if timestamp == timestamp // 1 else str(timestamp)


def _unauthorized(scheme: str, message: str) -> Refusal:
    return Refusal(401, message, {"www-authenticate": scheme})
