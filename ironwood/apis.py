"""The APIs everything desired is made through: those every profile needs, and those of parts a profile may ask for."""

from __future__ import annotations

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
