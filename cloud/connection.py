"""One connection to one Google Cloud: the real one or the embedded one. Which of the two is decided here and nowhere else.

Clients are made once each and shared by threads. Their own retries are off: retries are decided by error type in
`tasks/retries.py`, once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache, partial
from typing import Any, TypeVar

import grpc
import httpx
import requests
from google.auth.credentials import AnonymousCredentials, Credentials
from google.cloud import storage
from google.oauth2 import credentials as oauth2

from cloud import common_metadata
from cloud.clock import Clock, RealClock, clock_of
from cloud.embedded import ELSEWHERE, PLAIN, Embedded, ensure_running
from cloud.errors import translated
from cloud.google_cloud import GoogleCloud, reached
from ironwood.profile import Profile
from ironwood.profile_google import GoogleSettings

CALL_SECONDS = 60.0
"""Deadline of one request; a wait for an operation has its own."""

TOKEN = "IRONWOOD_ACCESS_TOKEN"  # noqa: S105  # the variable's name
"""The environment variable that may hold the access token sent with every request to the embedded cloud; it is never logged."""

CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
"""The environment variable that may name a file with the credentials for the real cloud."""

SHARING = frozenset({"aiplatform.googleapis.com", "redis.googleapis.com"})
"""APIs with paths that others have too, such as those of locations and operations; at Google the host tells them apart."""

common_metadata.register()
_GRPC: Any = grpc  # ships no types
C = TypeVar("C")


class Connection:
    """Clients, clock and project of one cloud."""

    def __init__(self, *, project: str, embedded: Embedded | None = None, google: GoogleCloud | None = None) -> None:
        """Connect `project` to the one given of the two."""
        self.project = project
        self.embedded = embedded
        self.google = google
        self.admin = httpx.Client(base_url=embedded.url, verify=PLAIN, timeout=30.0) if embedded else None
        self.clock: Clock = clock_of(self.admin) if self.admin else RealClock()
        self.witnesses: list[Callable[[str, requests.Response], None]] = []
        """Told of every answer over REST, with the API's own host."""
        self._clients: dict[type, object] = {}
        self._regional: dict[tuple[type, str], object] = {}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """How a person would call this cloud."""
        if self.embedded is None:
            account = self.google.settings.impersonate if self.google else None
            return f"Google Cloud, project {self.project}{f' as {account}' if account else ''}"
        return f"embedded Google Cloud on {self.embedded.rest} ({self.embedded.clock} time, {self.embedded.scale:g}x)"

    def client(self, kind: type[C]) -> C:
        """The client of type `kind`, made at first use."""
        with self._lock:
            if kind not in self._clients:
                with translated(f"connecting {kind.__name__}"):
                    self._clients[kind] = self._heard(self._make(kind))
            client = self._clients[kind]
        assert isinstance(client, kind)
        return client

    def regional(self, kind: type[C], region: str) -> C:
        """The client of a service each of whose regions has a host of its own, such as `us-central1-aiplatform.googleapis.com`."""
        if self.google is None:
            return self.client(kind)
        with self._lock:
            if (kind, region) not in self._regional:
                with translated(f"connecting {kind.__name__} in {region}"):
                    self._regional[kind, region] = self._heard(self.google.client(kind, region))
            client = self._regional[kind, region]
        assert isinstance(client, kind)
        return client

    def _make(self, kind: type) -> object:
        if kind is storage.Client:  # not generated: it has no transports
            return self._by_project(storage.Client, "storage.googleapis.com")
        if kind.__module__ == "google.cloud.bigquery.client":  # the same; not imported here, because few need it
            return self._by_project(kind, "bigquery.googleapis.com")
        if self.google is not None:
            return self.google.client(kind)
        assert self.embedded is not None
        transports = kind.get_transport_class  # type: ignore[attr-defined]  # every generated client has it
        try:
            rest = transports("rest")
        except KeyError:  # some clients speak gRPC only
            return kind(transport=transports("grpc")(channel=_channel(self.embedded.grpc)))
        return kind(transport=rest(host=self.embedded.rest + _told_apart(kind), url_scheme="http", credentials=_credentials()))

    def _heard(self, client: Any) -> object:
        """The client, whose answers the witnesses are told of where it speaks REST; those that are not generated are not listened to."""
        session = getattr(getattr(client, "transport", None), "_session", None)
        if session is not None:
            session.hooks["response"].append(partial(self._tell, str(client.DEFAULT_ENDPOINT)))
        return client

    def _tell(self, host: str, response: requests.Response, **_: object) -> None:
        for witness in tuple(self.witnesses):
            witness(host, response)

    def _by_project(self, make: Any, host: str) -> object:
        """A client that is not generated; they ship few types."""
        if self.google is not None:
            return self.google.by_project(make, self.project, host)
        assert self.embedded is not None
        return make(project=self.project, credentials=_credentials(), client_options={"api_endpoint": self.embedded.url})


def connect(profile: Profile) -> Connection:
    """The connection of `profile`: one a project and cloud in this process; starts the embedded cloud when none runs."""
    caller = tuple(os.environ.get(name, "") for name in (ELSEWHERE, TOKEN, CREDENTIALS))
    return _connect(profile.cloud, profile.project_id, profile.google.model_dump_json(), caller)


@cache
def _connect(cloud: str, project: str, google: str, caller: tuple[str, ...]) -> Connection:
    del caller  # part of the key: another embedded cloud or caller is another connection
    if cloud == "embedded":
        return Connection(project=project, embedded=ensure_running(project))
    return Connection(project=project, google=reached(project, GoogleSettings.model_validate_json(google)))


def _told_apart(kind: type) -> str:
    """What stands before the paths of a service that shares some with another, "" for most."""
    service = str(getattr(kind, "DEFAULT_ENDPOINT", ""))
    return f"/{service}" if service in SHARING else ""


def _channel(target: str) -> grpc.Channel:
    channel: grpc.Channel = _GRPC.insecure_channel(target)
    token = os.environ.get(TOKEN)
    return _GRPC.intercept_channel(channel, _Bearer(token)) if token else channel


class _Bearer(grpc.UnaryUnaryClientInterceptor):
    """Sends an access token with every call."""

    def __init__(self, token: str) -> None:
        self._token = token

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Add the header; a channel without TLS takes no call credentials."""
        metadata = [*(client_call_details.metadata or ()), ("authorization", f"Bearer {self._token}")]
        return continuation(client_call_details._replace(metadata=metadata), request)


def _credentials() -> Credentials:
    """Nobody, whom the embedded cloud takes for the project's owner; or the caller whose token the environment holds."""
    token = os.environ.get(TOKEN)
    if token:
        return oauth2.Credentials(token)  # type: ignore[no-untyped-call]  # google-auth ships no types
    return AnonymousCredentials()  # type: ignore[no-untyped-call]  # the same
