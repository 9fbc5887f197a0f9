"""Which APIs are enabled, and the 403 for a call to one that is not.

1. A new project has only Google's default set [documented]. 2. Two activations at a time are refused [documented].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.errors import ApiError
from emulator.rules import documented, recorded

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "services"
recorded(
    "api-disabled", "A call to a disabled API is a 403 PERMISSION_DENIED '... has not been used in project N before or it is disabled ...'."
)
documented("enable-race", "Enabling while another activation runs is a 400 'Another activation or deactivation is in progress'.")
documented("default-apis", "A new project has the default APIs enabled, not compute, iam or aiplatform.")

DEFAULTS = {
    "bigquery.googleapis.com": "BigQuery API",
    "bigquerymigration.googleapis.com": "BigQuery Migration API",
    "bigquerystorage.googleapis.com": "BigQuery Storage API",
    "cloudapis.googleapis.com": "Google Cloud APIs",
    "cloudtrace.googleapis.com": "Cloud Trace API",
    "datastore.googleapis.com": "Cloud Datastore API",
    "logging.googleapis.com": "Cloud Logging API",
    "monitoring.googleapis.com": "Cloud Monitoring API",
    "servicemanagement.googleapis.com": "Service Management API",
    "serviceusage.googleapis.com": "Service Usage API",
    "sql-component.googleapis.com": "Cloud SQL",
    "storage-api.googleapis.com": "Google Cloud Storage JSON API",
    "storage-component.googleapis.com": "Cloud Storage",
    "storage.googleapis.com": "Cloud Storage API",
}
OTHERS = {
    "aiplatform.googleapis.com": "Vertex AI API",
    "artifactregistry.googleapis.com": "Artifact Registry API",
    "billingbudgets.googleapis.com": "Cloud Billing Budget API",
    "cloudbilling.googleapis.com": "Cloud Billing API",
    "cloudquotas.googleapis.com": "Cloud Quotas API",
    "cloudresourcemanager.googleapis.com": "Cloud Resource Manager API",
    "cloudscheduler.googleapis.com": "Cloud Scheduler API",
    "compute.googleapis.com": "Compute Engine API",
    "config.googleapis.com": "Infrastructure Manager API",
    "container.googleapis.com": "Kubernetes Engine API",
    "iam.googleapis.com": "Identity and Access Management (IAM) API",
    "iamcredentials.googleapis.com": "IAM Service Account Credentials API",
    "orgpolicy.googleapis.com": "Organization Policy API",
    "networkconnectivity.googleapis.com": "Network Connectivity API",
    "oslogin.googleapis.com": "Cloud OS Login API",
    "pubsub.googleapis.com": "Cloud Pub/Sub API",
    "redis.googleapis.com": "Google Cloud Memorystore for Redis API",
    "run.googleapis.com": "Cloud Run Admin API",
    "secretmanager.googleapis.com": "Secret Manager API",
    "servicenetworking.googleapis.com": "Service Networking API",
    "tpu.googleapis.com": "Cloud TPU API",
}
TITLES = DEFAULTS | OTHERS
IMPLIES = {"compute.googleapis.com": ("oslogin.googleapis.com",), "iam.googleapis.com": ("iamcredentials.googleapis.com",)}


def is_enabled(world: World, api: str) -> bool:
    """Whether calls to this API are served."""
    row = world.store.get(TAB, api)
    return bool(row["enabled"]) if row else api in DEFAULTS


def set_enabled(world: World, api: str, *, enabled: bool) -> None:
    """Keep the state of an API."""
    world.store.put(TAB, api, {"enabled": enabled})


def require(world: World, api: str) -> None:
    """Raise the 403 of a disabled API."""
    if is_enabled(world, api):
        return
    number, title = world.settings.project_number, TITLES.get(api, api)
    url = f"https://console.developers.google.com/apis/api/{api}/overview?project={number}"
    message = (
        f"{title} has not been used in project {number} before or it is disabled. Enable it by visiting {url} then retry. If you enabled "
        "this API recently, wait a few minutes for the action to propagate to our systems and retry."
    )
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "SERVICE_DISABLED",
        "domain": "googleapis.com",
        "metadata": {"service": api, "consumer": f"projects/{number}", "serviceTitle": title, "activationUrl": url},
    }
    raise ApiError(403, message, reason="accessNotConfigured", domain="usageLimits", details=[info])
