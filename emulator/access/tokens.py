"""The OAuth 2.0 token endpoint, ``https://oauth2.googleapis.com/token``: what a credentials file is turned into access tokens at.

1. A refresh token is ``embedded-EMAIL``; the access token is the same text, which `access/callers.py` takes for that caller. 2. An assertion is a
JWT whose issuer is the account. 3. A token holds for an hour of this machine's time, because that is the clock a client looks at.
"""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse

from emulator.access.callers import ACCOUNTS, TOKEN
from emulator.rules import assumed, documented

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
PATHS = ("/token", "/oauth2.googleapis.com/token")
LIFETIME = 3600
AUDIENCE = "https://oauth2.googleapis.com/token"
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
documented(
    "token-endpoint", "A refresh token, or a signed assertion, buys an access token for an hour; one that is void is a 400 invalid_grant."
)
assumed("refresh-token", "A refresh token is 'embedded-' and a person's e-mail; any other has expired. Scopes restrict nothing.")
assumed(
    "assertion-signature",
    "Of an assertion issuer, audience and expiry are checked, not the signature: the emulator keeps no accounts' keys.",
)


class TokenEndpoint:
    """Answers ``POST /token``."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, request: Request) -> JSONResponse:
        """Grant or refuse."""
        form = {key: values[0] for key, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        grant = form.get("grant_type", "")
        if grant == "refresh_token":
            token = form.get("refresh_token", "")
            if not token.startswith(TOKEN) or "@" not in token:
                return _refused("invalid_grant", "Token has been expired or revoked.")
            return _granted(token)
        if grant == JWT:
            return self._asserted(form.get("assertion", ""))
        return _refused("unsupported_grant_type", f"Invalid grant_type: {grant}")

    def _asserted(self, assertion: str) -> JSONResponse:
        claims = _claims(assertion)
        email = str(claims.get("iss", ""))
        if claims.get("aud") != AUDIENCE or not float(claims.get("exp") or 0) > time.time():
            return _refused("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.")
        rows = (row for _, row in self._world.store.items("service_accounts"))
        ours = email.endswith(f"@{self._world.project}.iam.{ACCOUNTS}")
        if not ours or not any(row["email"] == email and row["deleted"] is None for row in rows):
            return _refused("invalid_grant", "Invalid grant: account not found")
        return _granted(TOKEN + email)


def _claims(assertion: str) -> Json:
    """What a JWT says, {} where it is none."""
    parts = assertion.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _granted(token: str) -> JSONResponse:
    return JSONResponse({"access_token": token, "expires_in": LIFETIME - 1, "token_type": "Bearer"})


def _refused(error: str, description: str) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": description}, status_code=400)
