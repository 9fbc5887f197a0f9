"""Names: deterministic, so that what a killed run left behind is found again.

Every name is `name_prefix` followed by the name the seed gave the thing; a name that carries a content hash belongs to a
kind that can be neither changed nor deleted in use.
"""

from __future__ import annotations

MARKER = "ironwood-profile"
"""The key of the marker, in labels and in texts."""


def service_account_id(prefix: str) -> str:
    """The account the VMs run as."""
    return f"{prefix}tpu-inference-sa"


def iam_binding(account_id: str, role: str) -> str:
    """One role of one account on the project."""
    return f"{account_id}--{role.removeprefix('roles/').replace('/', '.')}"


def network(prefix: str) -> str:
    """The VPC."""
    return f"{prefix}ai-inference-network"


def subnetwork(prefix: str) -> str:
    """The VPC's one subnet."""
    return f"{prefix}ai-inference-subnet"


def firewall(prefix: str, purpose: str) -> str:
    """One rule by its purpose."""
    return f"{prefix}ai-inference-allow-{purpose}"


def router(prefix: str) -> str:
    """The router that carries the NAT."""
    return f"{prefix}ai-inference-router"


def address(prefix: str) -> str:
    """The global address users reach."""
    return f"{prefix}ai-inference-ip"


def health_check(prefix: str) -> str:
    """The one health check of load balancer and groups."""
    return f"{prefix}tpu-health-check"


def template(prefix: str, tier: str, content: str, option: str = "") -> str:
    """An instance template; `content` is the hash of everything in it, `option` tells a fallback's from the tier's first."""
    return f"{prefix}ironwood-cluster-{_of(tier, option)}-{content}"


def group(prefix: str, tier: str, number: int, option: str = "") -> str:
    """The `number`-th group of a tier's option, from 1."""
    return f"{prefix}ironwood-cluster-{_of(tier, option)}-{number:03d}"


def workload_policy(prefix: str, topology: str) -> str:
    """The workload policy of all slices of one topology."""
    return f"{prefix}ai-inference-slice-{topology}"


def endpoint_group(group: str) -> str:
    """The endpoint group that leads to worker 0 of the slice `group` is."""
    return group.replace("ironwood-cluster-", "ironwood-worker-", 1)


def _of(tier: str, option: str) -> str:
    return f"{tier}-{option}" if option else tier


def backend_service(prefix: str, tier: str) -> str:
    """The backend service of a tier."""
    return f"{prefix}inference-backend-{tier}"


def url_map(prefix: str) -> str:
    """The routes from paths to tiers."""
    return f"{prefix}ai-inference-url-map"


def http_proxy(prefix: str) -> str:
    """The proxy between address and routes."""
    return f"{prefix}ai-inference-http-proxy"


def bucket(prefix: str, project: str) -> str:
    """The bucket of the state object; bucket names belong to the whole world."""
    return f"{prefix}ironwood-state-{project}"


def budget_topic(prefix: str) -> str:
    """The topic budgets publish on."""
    return f"{prefix}ai-inference-budget"


def budget_inbox(prefix: str) -> str:
    """The subscription that keeps what budgets published."""
    return f"{prefix}ai-inference-budget-inbox"


def dataset(prefix: str, name: str) -> str:
    """The dataset of the analytics; it takes no dashes."""
    return f"{prefix.replace('-', '_')}{name}"


def metrics_table(dataset: str) -> str:
    """The table of served requests, with its dataset."""
    return f"{dataset}.inference_metrics"


def dataset_writer(dataset: str, service: str) -> str:
    """That a service of Google's may write in a dataset."""
    return f"{dataset}--{service}"


def requests_sink(prefix: str) -> str:
    """The sink that routes the load balancer's log of requests into the dataset."""
    return f"{prefix}ai-inference-requests-to-bigquery"


def metrics_topic(prefix: str) -> str:
    """The topic model servers tell of served requests on."""
    return f"{prefix}ai-inference-metrics"


def metrics_subscription(prefix: str) -> str:
    """The subscription that writes them into the table."""
    return f"{prefix}ai-inference-metrics-to-bigquery"


def budget(prefix: str) -> str:
    """The month's budget; Google names it, this stands in its display name."""
    return f"{prefix}ai-budget"


def marker(owner: str) -> str:
    """The marker as text: what stands in descriptions and display names."""
    return f"{MARKER}={owner}"


def display_name(name: str, owner: str) -> str:
    """The display name of a thing that has no other place for the marker."""
    return f"{name} ({marker(owner)})"


def stopper_account_id(prefix: str) -> str:
    """The account that stops tiers at their time."""
    return f"{prefix}tpu-stopper-sa"


def driver_account_id(prefix: str) -> str:
    """The account that starts deployments by a clock of Google's."""
    return f"{prefix}deployment-driver-sa"


def driving_job(prefix: str, flow: str) -> str:
    """The job that starts a deployment of a flow."""
    return f"{prefix}ai-inference-run-{flow.replace('_', '-')}"


def stop_job(group: str) -> str:
    """The job that empties a group at its time; the group's name has the prefix."""
    return f"{group}-stop"


def lease_job(group: str) -> str:
    """The job that empties a group when its lease ends."""
    return f"{group}-lease"


def stop_off_job(group: str) -> str:
    """The job that switches a group's autoscaler off at its time."""
    return f"{group}-stop-off"


def autoscaler(group: str) -> str:
    """The autoscaler of a group."""
    return f"{group}-scaler"


def lease_off_job(group: str) -> str:
    """The job that switches a group's autoscaler off when the lease ends; with it on Google refuses to resize the group."""
    return f"{group}-lease-off"


def vertex_endpoint(prefix: str, tier: str) -> str:
    """A tier's endpoint at Vertex AI, its id."""
    return f"{prefix}inference-endpoint-{tier}"


def vertex_model(prefix: str, model: str, content: str) -> str:
    """The model deployed on endpoints, its id; `content` is the hash of what it is made of."""
    return f"{prefix}ironwood-{model}-{content}"


def deployed_model(endpoint: str, number: str) -> str:
    """A model on an endpoint; `number` is its id there."""
    return f"{endpoint}--{number}"


def redirect(prefix: str) -> str:
    """The URL map that sends HTTP to HTTPS."""
    return f"{prefix}ai-inference-https-redirect"


def certificate(prefix: str, content: str) -> str:
    """The managed certificate; `content` is the hash of its domains."""
    return f"{prefix}ai-inference-cert-{content}"


def numbered(name: str, number: int) -> str:
    """The `number`-th name, from 1, of something that had to be made anew under another one."""
    return name if number == 1 else f"{name}-{number}"


def https_proxy(prefix: str) -> str:
    """The proxy that terminates TLS."""
    return f"{prefix}ai-inference-https-proxy"


def https_forwarding_rule(prefix: str) -> str:
    """The rule that opens the address for HTTPS."""
    return f"{prefix}ai-inference-https-forwarding-rule"


def forwarding_rule(prefix: str) -> str:
    """The rule that opens the address."""
    return f"{prefix}ai-inference-forwarding-rule"


def ledger(prefix: str) -> str:
    """The log of the ledger, the bucket it is kept in and the sink between the two."""
    return f"{prefix}ironwood-ledger"


def runs_metric(prefix: str) -> str:
    """The count of the runs the ledger's log has."""
    return f"{prefix}ironwood-runs"


def unhealthy_metric(prefix: str) -> str:
    """The count of VMs that fell ill."""
    return f"{prefix}ironwood-unhealthy"


def development_head(prefix: str) -> str:
    """What the name of every development TPU of the profile begins with."""
    return f"{prefix}ironwood-dev-"


def development_tpu(prefix: str, name: str, number: int) -> str:
    """The `number`-th queued resource of a development TPU, from 1, and its node."""
    return f"{development_head(prefix)}{name}-{number:03d}"


def group_head(prefix: str) -> str:
    """What the name of every group of the profile begins with."""
    return f"{prefix}ironwood-cluster-"


def api_key(prefix: str) -> str:
    """The secret that holds the key predictions ask for."""
    return f"{prefix}ai-inference-api-key"


def security_policy(prefix: str) -> str:
    """What Cloud Armor does before the tiers."""
    return f"{prefix}ai-inference-armor"


def secret_access(secret: str, account_id: str) -> str:
    """That an account may read a secret."""
    return f"{secret}--{account_id}"


def channel(prefix: str) -> str:
    """The notification channel, by its display name."""
    return f"{prefix}ironwood notifications"


def uptime_check(prefix: str) -> str:
    """The uptime check, by its display name."""
    return f"{prefix}ironwood front end"


def alarm(prefix: str, what: str) -> str:
    """An alert policy, by its display name."""
    return f"{prefix}ironwood {what}"


def dashboard(prefix: str) -> str:
    """The dashboard, by its id."""
    return f"{prefix}ironwood"


def cache(prefix: str) -> str:
    """The Memorystore instance."""
    return f"{prefix}ai-inference-cache"


def peering_range(prefix: str) -> str:
    """The range reserved for Google's services."""
    return f"{prefix}ai-inference-services"
