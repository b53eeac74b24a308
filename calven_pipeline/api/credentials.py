"""Which key a call uses, under which name the user knows it, and what to say when Calven refuses it.

Calven's keys have a role and an authentication method, both fixed when the key is issued (published API documentation).
No message made here holds a secret, a token or the key id.
"""

from __future__ import annotations

from dataclasses import dataclass

from calven_pipeline.errors import AuthenticationError, PermissionDeniedError
from calven_pipeline.settings import AuthMethod, Key, KeyRole, Settings

CALVEN_ROLE = {KeyRole.EVENTS: "Submitting Events", KeyRole.WAREHOUSE: "Data Warehouse"}  # as Calven's pages call them
SKEW_WORTH_SAYING_S = 30.0  # Calven publishes no tolerance; below half a minute the clock is an unlikely culprit


@dataclass(frozen=True)
class Credentials:
    """One key for one role; `variable` is the environment variable that holds it."""

    role: KeyRole
    variable: str
    method: AuthMethod
    key: Key

    @classmethod
    def for_role(cls, settings: Settings, role: KeyRole) -> Credentials:
        """The key that the settings hold for this role; raises `MissingKeyError` where there is none."""
        own = getattr(settings, f"{role}_api_key")
        variable = f"CALVEN_{role.upper()}_API_KEY" if own else "CALVEN_API_KEY"
        return cls(role, variable, settings.auth, settings.key_for(role))

    def without_secrets(self, text: str, *more: str) -> str:
        """The text with our secret, and anything else named, blotted out: a server may echo what it was sent."""
        for secret in filter(None, (self.key.secret.get_secret_value(), *more)):
            text = text.replace(secret, "***")
        return text

    def refused(self, what: str, *, skew_s: float | None = None) -> AuthenticationError:
        """The error for a key that does not get in; `what` says what Calven answered."""
        clock = "this computer's clock"
        if skew_s is not None and abs(skew_s) >= SKEW_WORTH_SAYING_S:
            clock += f" ({abs(skew_s):.0f} s {'behind' if skew_s > 0 else 'ahead of'} Calven's)"
        secret = self.variable.removesuffix("_KEY") + "_SECRET"
        return AuthenticationError(
            f"Calven refused the key in {self.variable} (role '{CALVEN_ROLE[self.role]}'): {what}. "
            f"Check {self.variable} and {secret}, that CALVEN_AUTH ({self.method.value}) is the method this key was "
            f"issued for, and {clock}."
        )

    def not_permitted(self, doing: str) -> PermissionDeniedError:
        """The error for a key that is good but has another role."""
        role = CALVEN_ROLE[self.role]
        return PermissionDeniedError(
            f"{doing} is not permitted (403): the key in {self.variable} lacks the role '{role}'. Ask Calven for a key "
            f"with the role '{role}' (or 'All permissions') and set CALVEN_{self.role.upper()}_API_KEY and _SECRET."
        )
