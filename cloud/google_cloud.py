"""The real Google Cloud: its clients, made with a profile's credentials, endpoints and trust roots.

1. They speak what they speak to the embedded cloud: REST where a client has it, else gRPC; what is tested there is what runs here.
2. Nothing is left to a client's own defaults: neither credentials, nor the host, nor whom it trusts.
3. `reached` asks one question that needs no permission before anything of a run is begun, and sees whether every endpoint the profile names answers.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import google_auth_httplib2  # type: ignore[import-untyped]  # ships no types
import grpc
import httplib2  # type: ignore[import-untyped]  # the same
import requests
from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import resourcemanager_v3
from google.iam.v1 import iam_policy_pb2

from cloud.errors import NETWORK_HELP, translated
from cloud.google_credentials import SCOPES, caller
from cloud.trust import trusting
from ironwood.errors import ApiDisabledError, PermissionDeniedError, TransientError, UnreachableError
from ironwood.profile_google import HOSTS, GoogleSettings

ANSWER_SECONDS = 10.0
AT_ONCE = 8
ASKED = "resourcemanager.projects.get"
_GRPC: Any = grpc  # ships no types
_UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


@dataclass(frozen=True, kw_only=True)
class GoogleCloud:
    """Makes clients. `trusted` is a PEM file of authorities, None for this machine's."""

    credentials: Credentials
    settings: GoogleSettings
    trusted: str | None

    def client(self, make: Any, region: str | None = None) -> object:
        """A generated client; of the service's host in `region` where it has one for each."""
        host = str(make.DEFAULT_ENDPOINT)
        address = urlsplit(self.settings.address(f"{region}-{host}" if region else host))
        place = f"{address.hostname}:{address.port or 443}"
        try:
            rest = make.get_transport_class("rest")
        except KeyError:  # some clients speak gRPC only
            transport = make.get_transport_class("grpc")
            roots = Path(self.trusted).read_bytes() if self.trusted else None
            channel = transport.create_channel(
                place,
                credentials=self.credentials,
                scopes=SCOPES,
                ssl_credentials=_GRPC.ssl_channel_credentials(root_certificates=roots),
                options=_UNLIMITED,
            )
            return make(transport=transport(channel=channel))
        made = rest(host=place + address.path, url_scheme="https", credentials=self.credentials)
        trusting(made._session, self.trusted)  # generated transports take no session and show none
        return make(transport=made)

    def by_project(self, make: Any, project: str, host: str) -> object:
        """A client that is not generated: Cloud Storage, BigQuery."""
        session = AuthorizedSession(self.credentials)  # type: ignore[no-untyped-call]  # google-auth is partly typed
        trusting(session, self.trusted)
        return make(
            project=project,
            credentials=self.credentials,
            _http=session,
            client_options={"api_endpoint": self.settings.address(host)},
        )

    def http(self, seconds: float) -> Any:
        """For clients made of a discovery document, which ask through httplib2."""
        return google_auth_httplib2.AuthorizedHttp(self.credentials, http=httplib2.Http(timeout=seconds, ca_certs=self.trusted))


def reached(project: str, settings: GoogleSettings) -> GoogleCloud:
    """The real cloud as `settings` have it, once it has answered.

    Raises UnreachableError and QuotaProjectError with what to do. What the caller may not do, and APIs that are off, are preflight's to tell.
    """
    trusted = str(Path(settings.ca_bundle).expanduser()) if settings.ca_bundle else None
    doing = f"connecting to Google Cloud, project {project}"
    try:
        if settings.endpoints:
            addresses = sorted({f"https://{urlsplit(settings.address(host)).netloc}/" for host in HOSTS})
            with ThreadPoolExecutor(AT_ONCE) as threads:
                list(threads.map(lambda address: _answers(address, trusted), addresses))
        with translated(doing):
            cloud = GoogleCloud(credentials=caller(settings, trusted), settings=settings, trusted=trusted)
        projects: Any = cloud.client(resourcemanager_v3.ProjectsClient)
        request = iam_policy_pb2.TestIamPermissionsRequest(resource=f"projects/{project}", permissions=[ASKED])
        with translated(doing):
            projects.test_iam_permissions(request=request, retry=None, timeout=ANSWER_SECONDS)
    except TransientError as error:
        raise UnreachableError(f"{error}. {NETWORK_HELP}") from error
    except (ApiDisabledError, PermissionDeniedError):
        pass
    return cloud


def _answers(address: str, trusted: str | None) -> None:
    """Any answer will do; a proxy is asked where the environment names one."""
    with translated(f"connecting to {address} of google.endpoints"), trusting(requests.Session(), trusted) as session:
        session.head(address, timeout=ANSWER_SECONDS, allow_redirects=False)
