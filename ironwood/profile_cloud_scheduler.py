"""The section `cloud_scheduler` of a profile: Google's scheduler starts the deployments instead of Prefect's own; off unless asked for. And its rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from cronsim import CronSim, CronSimError
from pydantic import Field

from ironwood import patterns
from ironwood.finding import Finding
from ironwood.profile_section import Section
from ironwood.windows.wall import is_zone

if TYPE_CHECKING:
    from ironwood.profile import Profile

DrivenFlow = Literal["scale", "check_budget", "status", "detect_drift", "grade"]
"""What is started on a clock; the rest a person starts."""


class Driven(Section):
    """One deployment: its id on the Prefect server (`python -m deployments.drive` tells it) and when it is started."""

    id: Annotated[str, Field(pattern=patterns.DEPLOYMENT_ID)]
    cron: Annotated[str, Field(min_length=1)]
    time_zone: Annotated[str, Field(min_length=1)] = "Etc/UTC"


class CloudSchedulerSettings(Section):
    """Deployments that a Cloud Scheduler job each starts by the HTTP API of Prefect.

    `prefect_api`: the address of the API, such as https://prefect.example.com/api. Google proves who it is by an identity token (OIDC) of an account of
    ours for `audience`, by default the address' origin; Cloud Run and IAP let it in, Prefect itself knows no such tokens.
    """

    prefect_api: Annotated[str, Field(min_length=1)] | None = None
    audience: str = ""
    deployments: Mapping[DrivenFlow, Driven] = Field(default_factory=dict)

    @property
    def told_audience(self) -> str:
        """Whom the token is for."""
        return self.audience or origin(self.prefect_api or "")


def origin(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def what_google_starts_can_be_reached(profile: Profile) -> Iterator[Finding]:
    """An address Google can call, and times that come."""
    settings = profile.cloud_scheduler
    if settings.prefect_api is None:
        if settings.deployments:
            yield Finding(
                path=("cloud_scheduler", "deployments"), text="nobody could be asked: write `prefect_api`, the address of Prefect's API"
            )
        return
    yield from _address(profile, settings.prefect_api)
    if not settings.deployments:
        told = "starts nothing; `python -m deployments.drive --profile …` tells the deployments to write here"
        yield Finding(path=("cloud_scheduler", "prefect_api"), text=told)
    for name, each in settings.deployments.items():
        here = ("cloud_scheduler", "deployments", name)
        try:
            next(CronSim(each.cron, datetime(2026, 1, 1)))  # noqa: DTZ001 - only whether there is a time
        except (CronSimError, StopIteration):
            yield Finding(
                path=(*here, "cron"),
                text=f"'{each.cron}' is no cron time: minute, hour, day of month, month, day of week; */15 * * * * is every quarter of an hour",
            )
        if not is_zone(each.time_zone):
            yield Finding(path=(*here, "time_zone"), text=f"'{each.time_zone}' is no time zone; write a name such as Europe/Paris")


def _address(profile: Profile, url: str) -> Iterator[Finding]:
    here = ("cloud_scheduler", "prefect_api")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or not parts.path.rstrip("/").endswith("/api"):
        yield Finding(path=here, text=f"'{url}' is no address of a Prefect API; write something like https://prefect.example.com/api")
    elif parts.username or parts.password:
        yield Finding(
            path=here, text="holds a password, which everybody who may read the job would see; let Google in by its identity token instead"
        )
    elif profile.cloud == "google" and parts.scheme != "https":
        yield Finding(path=here, text=f"'{url}' would send Google's identity token in the clear; write https://")
