"""The APIs everything desired is made through: those every profile needs, and those of parts a profile may ask for."""

from __future__ import annotations

from ironwood.profile import Profile

REQUIRED_APIS = (
    "billingbudgets.googleapis.com",
    "cloudbilling.googleapis.com",
    "cloudquotas.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "compute.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "orgpolicy.googleapis.com",
    "pubsub.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
)

REDIS_APIS = ("redis.googleapis.com", "servicenetworking.googleapis.com")
KNOWN_APIS = (*REQUIRED_APIS, *REDIS_APIS)
"""All that any profile may need: what is looked at."""


def apis_of(profile: Profile) -> tuple[str, ...]:
    """Those `profile` needs."""
    return (*REQUIRED_APIS, *(REDIS_APIS if profile.redis.enabled else ()))
