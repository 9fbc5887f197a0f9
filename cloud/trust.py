"""Whom a `requests` session trusts.

Its own `verify` would not do: REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE in the environment win over it without a word.
"""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter


class _Trusting(HTTPAdapter):
    def __init__(self, trusted: str) -> None:
        super().__init__()
        self._trusted = trusted

    def send(self, request: requests.PreparedRequest, *given: Any, **named: Any) -> requests.Response:
        """Send it, whatever the session would verify with."""
        return super().send(request, *given, **{**named, "verify": self._trusted})


def trusting(session: requests.Session, trusted: str | None) -> requests.Session:
    """`session`, which from now on trusts the authorities in the PEM file `trusted` alone; None leaves it this machine's."""
    if trusted is not None:
        session.mount("https://", _Trusting(trusted))
    return session
