"""The webhook: one POST of Slack-compatible JSON.

What may surprise: this is Python's own client and not httpx, which logs the address of every call, and here the address is
the secret. A redirect is not followed. Nothing is tried again here; the next look does.
"""

from __future__ import annotations

import http.client
import json
from http import HTTPStatus
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import SecretStr

TIMEOUT_S = 5


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """A redirect is an answer like another that is not 2xx."""


def post(webhook: SecretStr, text: str) -> str | None:
    """Why the webhook did not take the text, without its address; None where it did."""
    body = json.dumps({"text": text}).encode()
    try:
        request = Request(  # noqa: S310 - the setting allows https, and http for loopback
            webhook.get_secret_value(), body, {"Content-Type": "application/json", "User-Agent": "calven-pipeline"}
        )
        with build_opener(_Stay).open(request, timeout=TIMEOUT_S):
            return None
    except HTTPError as error:
        with error:
            return f"the webhook answered {error.code} ({_phrase(error.code)})"
    except URLError as error:
        return f"the webhook could not be reached ({type(error.reason).__name__})"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"the webhook could not be reached ({type(error).__name__})"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no known status"
