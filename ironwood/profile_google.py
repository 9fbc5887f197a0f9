"""The section `google` of a profile: who asks the real Google Cloud, where it is reached, and whom to trust there; empty for most. And its rules.

An endpoint is an HTTPS address. In it `{host}` stands for the API's own host, such as us-central1-aiplatform.googleapis.com, `{service}` for what
comes before `.googleapis.com` there. A path counts for REST alone; gRPC is spoken with the same host and port.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ironwood import patterns
from ironwood.apis import KNOWN_APIS
from ironwood.finding import Finding
from ironwood.profile_section import Section

if TYPE_CHECKING:
    from ironwood.profile import Profile

GOOGLE = ".googleapis.com"
DEFAULT = "default"
CREDENTIAL_APIS = ("iamcredentials.googleapis.com", "oauth2.googleapis.com")
"""Where access tokens come from, impersonated ones first."""
HOSTS = tuple(sorted((*KNOWN_APIS, *CREDENTIAL_APIS)))
_REGION = re.compile(r"^[a-z]+-[a-z]+[0-9]+-")
_PLACES = ("{host}", "{service}")


class GoogleSettings(Section):
    """`impersonate`: the service account to act as; the caller's own credentials only buy its tokens. `quota_project`: which project is charged for requests.

    `endpoints`: by service (`compute`), or `default` for all that are not named. `ca_bundle`: a PEM file of the authorities that are trusted there, in place of this machine's.
    """

    impersonate: Annotated[str, Field(pattern=patterns.SERVICE_ACCOUNT)] | None = None
    quota_project: Annotated[str, Field(pattern=patterns.PROJECT_ID)] | None = None
    endpoints: Mapping[str, Annotated[str, Field(pattern=patterns.HTTPS_ADDRESS)]] = Field(default_factory=dict)
    ca_bundle: Annotated[str, Field(pattern=patterns.FILE_PATH)] | None = None

    def address(self, host: str) -> str:
        """The address, without a slash at its end, at which the API whose own host is `host` is reached."""
        service = host.removesuffix(GOOGLE)
        written = self.endpoints.get(_REGION.sub("", service)) or self.endpoints.get(DEFAULT) or "https://{host}"
        return written.replace("{host}", host).replace("{service}", service).rstrip("/")


def the_real_cloud_is_meant(profile: Profile) -> Iterator[Finding]:
    """What is written for Google would be silently without effect on the embedded cloud."""
    if profile.cloud != "google" and profile.google != GoogleSettings():
        yield Finding(
            path=("google",), text="is for the real Google Cloud, and this profile's is embedded; write `cloud: google`, or remove it"
        )


def endpoints_are_of_known_services(profile: Profile) -> Iterator[Finding]:
    """An address nobody asks for is a misspelt one; one for all services must tell them apart."""
    known = [DEFAULT, *(host.removesuffix(GOOGLE) for host in HOSTS)]
    for name, address in profile.google.endpoints.items():
        path = ("google", "endpoints", name)
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
            yield Finding(path=path, text=f"is no service that is used here; {meant}")
        elif name == DEFAULT and not any(place in address for place in _PLACES):
            yield Finding(
                path=path, text=f"'{address}' is one address for every service; write {{host}} or {{service}} in it, or name the services"
            )
        elif strange := [each for each in re.findall(r"\{[^}]*\}?", address) if each not in _PLACES]:
            yield Finding(path=path, text=f"'{strange[0]}' stands for nothing; {{host}} and {{service}} do")


GOOGLE_RULES = (the_real_cloud_is_meant, endpoints_are_of_known_services)
