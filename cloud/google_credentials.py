"""Who asks the real Google Cloud: application default credentials, or the account they act as.

1. Whatever is asked for a token is asked through one session of ours, with the profile's trust roots and a limit of time: the clients' own would
trust this machine's authorities and wait two minutes. 2. The first token is bought before anything of a run is begun, in bounded time altogether:
a machine without credentials is told so within seconds, even where a metadata server neither answers nor refuses.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import google.auth
import requests
from google.auth import exceptions, impersonated_credentials
from google.auth.credentials import Credentials
from google.auth.transport.requests import Request

from cloud.errors import CREDENTIALS_HELP
from cloud.trust import trusting
from ironwood.errors import UnreachableError
from ironwood.profile_google import GoogleSettings

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
REQUEST_SECONDS = 10
"""How long one question for a token may take."""
ALTOGETHER = timedelta(seconds=20)
"""How long finding credentials and buying the first token may take: google-auth asks a metadata server again and again, for a minute and more."""
GOOGLES_OWN = "https://oauth2.googleapis.com/"
logging.getLogger("google.auth._default").setLevel(logging.ERROR)  # it warns that no project is set on this machine: the profile has it


class TokenRequest(Request):
    """How google-auth asks: with these trust roots (a PEM file, None for this machine's), and not for ever."""

    def __init__(self, trusted: str | None) -> None:
        super().__init__(trusting(requests.Session(), trusted))

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Any = None,
        timeout: float | None = REQUEST_SECONDS,
        **more: Any,
    ) -> Any:
        """Send it; raises google-auth's TransportError."""
        ask: Any = super().__call__  # google-auth is partly typed
        return ask(url, method, body, headers, min(timeout or REQUEST_SECONDS, REQUEST_SECONDS), **more)


class Caller(Credentials):
    """Credentials that renew themselves through our session, whatever session a client brings."""

    def __init__(self, inner: Credentials, request: TokenRequest) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # google-auth is partly typed
        self._inner: Any = inner
        self._request = request
        self._renewing = threading.Lock()
        self._quota_project_id = self._inner.quota_project_id
        self._universe_domain = self._inner.universe_domain

    def refresh(self, request: object) -> None:
        """Buy a token; raises google-auth's RefreshError and TransportError."""
        del request
        with self._renewing:
            self._inner.refresh(self._request)
            self.token, self.expiry = self._inner.token, self._inner.expiry


def caller(settings: GoogleSettings, trusted: str | None) -> Caller:
    """Who asks, holding a first token; raises UnreachableError where that takes too long, and google-auth's errors.

    `trusted`: a PEM file of authorities, None for this machine's.
    """

    def found() -> Caller:
        request = TokenRequest(trusted)
        default: Any = google.auth.default  # partly typed
        credentials, _ = default(scopes=SCOPES, request=request, quota_project_id=settings.quota_project)
        who = Caller(_acting_as(settings, _asking_at(settings, credentials)), request)
        who.refresh(None)
        return who

    return _within(ALTOGETHER, found)


def _asking_at(settings: GoogleSettings, credentials: Any) -> Any:
    """Credentials that buy tokens where the profile says; a file that names an endpoint of its own keeps it."""
    base = settings.address("oauth2.googleapis.com")
    uri = str(getattr(credentials, "_token_uri", ""))  # user and service account credentials have one, only the former show it
    if base + "/" == GOOGLES_OWN or not uri.startswith(GOOGLES_OWN):
        return credentials
    return credentials.with_token_uri(base + "/" + uri.removeprefix(GOOGLES_OWN))


def _acting_as(settings: GoogleSettings, credentials: Any) -> Any:
    if settings.impersonate is None:
        return credentials
    base = settings.address("iamcredentials.googleapis.com")
    make: Any = impersonated_credentials.Credentials
    return make(
        source_credentials=credentials,
        target_principal=settings.impersonate,
        target_scopes=list(SCOPES),
        quota_project_id=settings.quota_project,
        iam_endpoint_override=f"{base}/v1/projects/-/serviceAccounts/{settings.impersonate}:generateAccessToken",
    )


def _within(limit: timedelta, work: Callable[[], Caller]) -> Caller:
    """What `work` answers or raises; a thread that nobody waits for when it takes longer, because google-auth cannot be told to stop."""
    done: list[Caller] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            done.append(work())
        except (exceptions.GoogleAuthError, OSError, ValueError) as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="google-credentials")
    thread.start()
    thread.join(limit.total_seconds())
    if failed:
        raise failed[0]
    if not done:
        raise UnreachableError(
            f"no Google credentials could be used: none answered within {limit.total_seconds():.0f} s, a metadata server that hangs perhaps "
            f"(NO_GCE_CHECK=true leaves it out). {CREDENTIALS_HELP}"
        )
    return done[0]
