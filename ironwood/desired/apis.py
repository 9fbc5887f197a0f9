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


def required(profile: Profile) -> tuple[str, ...]:
    """The APIs of everything `profile` wants."""
    more = ("bigquery.googleapis.com",) if profile.analytics.enabled or profile.budget.billing_export else ()
    return tuple(sorted({*REQUIRED_APIS, *more}))
