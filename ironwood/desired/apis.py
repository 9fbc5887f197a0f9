"""The APIs everything desired is made through."""

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
TPU_API = "tpu.googleapis.com"
OPTIONAL_APIS = (TPU_API,)
"""Those only some profiles use: they are enabled for these, and left as they are for the others."""


def apis_of(profile: Profile) -> tuple[str, ...]:
    """The APIs `profile` needs enabled."""
    return (*REQUIRED_APIS, *((TPU_API,) if profile.development else ()))
