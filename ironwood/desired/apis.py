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
VERTEX_APIS = ("aiplatform.googleapis.com",)
TPU_APIS = ("tpu.googleapis.com",)
BIGQUERY_APIS = ("bigquery.googleapis.com",)
REDIS_APIS = ("redis.googleapis.com", "servicenetworking.googleapis.com")
SECRET_APIS = ("secretmanager.googleapis.com",)
OPTIONAL_APIS = (*VERTEX_APIS, *TPU_APIS, *REDIS_APIS, *BIGQUERY_APIS, *SECRET_APIS)
"""Those only some profiles use: they are enabled for these, and left as they are for the others."""
KNOWN_APIS = (*REQUIRED_APIS, *OPTIONAL_APIS)
"""All that any profile may need: what is looked at."""


def apis_of(profile: Profile) -> tuple[str, ...]:
    """The APIs `profile` needs enabled."""
    optional = (
        *(VERTEX_APIS if profile.vertex.endpoints else ()),
        *(TPU_APIS if profile.development else ()),
        *(REDIS_APIS if profile.redis.enabled else ()),
        *(SECRET_APIS if profile.security.api_key or profile.security.model_token else ()),
        *(BIGQUERY_APIS if profile.analytics.enabled or profile.budget.billing_export else ()),
    )
    return (*REQUIRED_APIS, *optional)
