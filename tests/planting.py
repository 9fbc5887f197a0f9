"""Objects marked as a profile's, planted one of each kind: another zone or region, another name, a tier since removed."""

from __future__ import annotations

from google.auth.credentials import AnonymousCredentials
from google.cloud import compute_v1, iam_admin_v1, scheduler_v1, storage
from google.cloud.billing import budgets_v1
from google.pubsub_v1 import PublisherClient, SubscriberClient

from cloud.connection import connect
from ironwood.state import State
from running import HTTP, EmbeddedCloud, wait_until
from tasks.inputs import load_profile

PROJECT = "embedded-project"
GLOBAL = f"projects/{PROJECT}/global"
OTHER_REGION, OTHER_ZONE = "us-east5", "us-central1-ai1a"


class Planter:
    """Plants marked objects through clients of its own."""

    def __init__(self, cloud: EmbeddedCloud, owner: str) -> None:
        self.owner = owner
        self.cloud, self.mark, self.labels = cloud, f"ironwood-profile={owner}", {"ironwood-profile": owner}
        self.planted: set[str] = set()

    def plant(self, kind: str) -> None:
        """Plant one of a kind, with what it needs, unless it stands already."""
        if kind not in self.planted:
            self.planted.add(kind)
            getattr(self, kind)()

    def client(self, kind: type) -> object:
        transport = kind.get_transport_class("rest")  # type: ignore[attr-defined]
        return kind(transport=transport(host=self.cloud.rest, url_scheme="http", credentials=AnonymousCredentials()))

    def insert(self, kind: type, **request: object) -> None:
        self.client(kind).insert_unary(project=PROJECT, **request)  # type: ignore[attr-defined]
        wait_until(lambda: all(self._done()), f"the insert by {kind.__name__}")

    def _done(self) -> list[bool]:
        listed = self.client(compute_v1.GlobalOperationsClient).aggregated_list(project=PROJECT)  # type: ignore[attr-defined]
        return [each.status == compute_v1.Operation.Status.DONE for _, scoped in listed for each in scoped.operations]

    def network(self) -> None:
        resource = compute_v1.Network(name="orphan", description=self.mark, auto_create_subnetworks=False)
        self.insert(compute_v1.NetworksClient, network_resource=resource)

    def subnetwork(self) -> None:
        self.plant("network")
        resource = compute_v1.Subnetwork(
            name="orphan", description=self.mark, network=f"{GLOBAL}/networks/orphan", ip_cidr_range="10.9.0.0/24"
        )
        self.insert(compute_v1.SubnetworksClient, region=OTHER_REGION, subnetwork_resource=resource)

    def firewall(self) -> None:
        self.plant("network")
        allowed = [compute_v1.Allowed(I_p_protocol="tcp")]
        resource = compute_v1.Firewall(name="orphan", description=self.mark, network=f"{GLOBAL}/networks/orphan", allowed=allowed)
        self.insert(compute_v1.FirewallsClient, firewall_resource=resource)

    def router(self) -> None:
        self.plant("network")
        resource = compute_v1.Router(name="orphan", description=self.mark, network=f"{GLOBAL}/networks/orphan")
        self.insert(compute_v1.RoutersClient, region=OTHER_REGION, router_resource=resource)

    def address(self) -> None:
        self.insert(compute_v1.GlobalAddressesClient, address_resource=compute_v1.Address(name="orphan", description=self.mark))

    def health_check(self) -> None:
        check = compute_v1.HTTPHealthCheck(port=1)
        resource = compute_v1.HealthCheck(name="orphan", description=self.mark, type_="HTTP", http_health_check=check)
        self.insert(compute_v1.HealthChecksClient, health_check_resource=resource)

    def instance_template(self) -> None:
        disk = compute_v1.AttachedDisk(
            boot=True,
            auto_delete=True,
            initialize_params=compute_v1.AttachedDiskInitializeParams(
                source_image="projects/ubuntu-os-accelerator-images/global/images/family/ubuntu-accel-2404-amd64-tpu-tpu7x",
                disk_type="hyperdisk-balanced",
                disk_size_gb=100,
            ),
        )
        properties = compute_v1.InstanceProperties(
            machine_type="tpu7x-standard-4t",
            labels=self.labels,
            disks=[disk],
            network_interfaces=[compute_v1.NetworkInterface(network=f"{GLOBAL}/networks/default")],
            scheduling=compute_v1.Scheduling(on_host_maintenance="TERMINATE"),
        )
        resource = compute_v1.InstanceTemplate(name="orphan", description=self.mark, properties=properties)
        self.insert(compute_v1.InstanceTemplatesClient, instance_template_resource=resource)

    def instance_group(self) -> None:
        self.plant("instance_template")
        resource = compute_v1.InstanceGroupManager(
            name="ironwood-cluster-large-001",
            description=self.mark,
            base_instance_name="orphan",
            instance_template=f"{GLOBAL}/instanceTemplates/orphan",
            target_size=1,
        )
        self.insert(compute_v1.InstanceGroupManagersClient, zone=OTHER_ZONE, instance_group_manager_resource=resource)

    def autoscaler(self) -> None:
        self.plant("instance_group")
        policy = compute_v1.AutoscalingPolicy(
            mode="OFF",
            max_num_replicas=1,
            load_balancing_utilization=compute_v1.AutoscalingPolicyLoadBalancingUtilization(utilization_target=0.7),
        )
        group = f"projects/{PROJECT}/zones/{OTHER_ZONE}/instanceGroupManagers/ironwood-cluster-large-001"
        resource = compute_v1.Autoscaler(name="orphan", description=self.mark, target=group, autoscaling_policy=policy)
        self.insert(compute_v1.AutoscalersClient, zone=OTHER_ZONE, autoscaler_resource=resource)

    def workload_policy(self) -> None:
        policy = compute_v1.ResourcePolicyWorkloadPolicy(type_="HIGH_THROUGHPUT", accelerator_topology="4x4x4")
        resource = compute_v1.ResourcePolicy(name="orphan", description=self.mark, workload_policy=policy)
        self.insert(compute_v1.ResourcePoliciesClient, region=OTHER_REGION, resource_policy_resource=resource)

    def endpoint_group(self) -> None:
        self.plant("network")
        resource = compute_v1.NetworkEndpointGroup(
            name="orphan", description=self.mark, network=f"{GLOBAL}/networks/orphan", network_endpoint_type="GCE_VM_IP_PORT"
        )
        self.insert(compute_v1.NetworkEndpointGroupsClient, zone=OTHER_ZONE, network_endpoint_group_resource=resource)

    def stray_instance(self) -> None:
        self.plant("instance_group")
        groups = self.client(compute_v1.InstanceGroupManagersClient)
        place = {"project": PROJECT, "zone": OTHER_ZONE, "instance_group_manager": "ironwood-cluster-large-001"}
        wait_until(lambda: groups.get(**place).status.is_stable, "the group")  # type: ignore[attr-defined]
        (one,) = groups.list_managed_instances(**place)  # type: ignore[attr-defined]
        body = compute_v1.InstanceGroupManagersAbandonInstancesRequest(instances=[one.instance])
        groups.abandon_instances_unary(**place, instance_group_managers_abandon_instances_request_resource=body)  # type: ignore[attr-defined]
        wait_until(lambda: groups.get(**place).target_size == 0, "the VM to be abandoned")  # type: ignore[attr-defined]

    def queued_tpu(self) -> None:
        node = {"acceleratorType": "v5litepod-1", "runtimeVersion": "v2-alpha-tpuv5-lite", "labels": self.labels}
        parent = f"projects/{PROJECT}/locations/{OTHER_REGION}-a"
        body = {"tpu": {"nodeSpec": [{"parent": parent, "nodeId": "orphan", "node": node}]}, "spot": {}}
        self.ask(f"/v2/{parent}/queuedResources?queuedResourceId=orphan", body)
        url = f"http://{self.cloud.rest}/v2/{parent}/queuedResources/orphan"
        wait_until(lambda: HTTP.get(url).json()["state"]["state"] == "ACTIVE", "the TPU")

    def stray_tpu(self) -> None:
        node = {"acceleratorType": "v5litepod-1", "runtimeVersion": "v2-alpha-tpuv5-lite", "labels": self.labels}
        self.ask(f"/v2/projects/{PROJECT}/locations/{OTHER_REGION}-b/nodes?nodeId=orphan", node)

    def backend_service(self) -> None:
        resource = compute_v1.BackendService(
            name="orphan", description=self.mark, load_balancing_scheme="EXTERNAL_MANAGED", protocol="HTTP"
        )
        self.plant("health_check")
        resource.health_checks = [f"{GLOBAL}/healthChecks/orphan"]
        self.insert(compute_v1.BackendServicesClient, backend_service_resource=resource)

    def security_policy(self) -> None:
        resource = compute_v1.SecurityPolicy(name="orphan", description=self.mark)
        self.insert(compute_v1.SecurityPoliciesClient, security_policy_resource=resource)

    def url_map(self) -> None:
        self.plant("backend_service")
        resource = compute_v1.UrlMap(name="orphan", description=self.mark, default_service=f"{GLOBAL}/backendServices/orphan")
        self.insert(compute_v1.UrlMapsClient, url_map_resource=resource)

    def http_proxy(self) -> None:
        self.plant("url_map")
        resource = compute_v1.TargetHttpProxy(name="orphan", description=self.mark, url_map=f"{GLOBAL}/urlMaps/orphan")
        self.insert(compute_v1.TargetHttpProxiesClient, target_http_proxy_resource=resource)

    def certificate(self) -> None:
        managed = compute_v1.SslCertificateManagedSslCertificate(domains=["orphan.example.com"])
        resource = compute_v1.SslCertificate(name="orphan", description=self.mark, type_="MANAGED", managed=managed)
        self.insert(compute_v1.SslCertificatesClient, ssl_certificate_resource=resource)

    def https_proxy(self) -> None:
        self.plant("url_map")
        self.plant("certificate")
        certificates = [f"{GLOBAL}/sslCertificates/orphan"]
        resource = compute_v1.TargetHttpsProxy(
            name="orphan", description=self.mark, url_map=f"{GLOBAL}/urlMaps/orphan", ssl_certificates=certificates
        )
        self.insert(compute_v1.TargetHttpsProxiesClient, target_https_proxy_resource=resource)

    def forwarding_rule(self) -> None:
        self.plant("http_proxy")
        resource = compute_v1.ForwardingRule(
            name="orphan",
            description=self.mark,
            load_balancing_scheme="EXTERNAL_MANAGED",
            I_p_protocol="TCP",
            port_range="9090",
            target=f"{GLOBAL}/targetHttpProxies/orphan",
        )
        self.insert(compute_v1.GlobalForwardingRulesClient, forwarding_rule_resource=resource)

    def bucket(self) -> None:
        client = connect(load_profile("embedded")).client(storage.Client)
        made = client.bucket("orphans-of-another-name")
        made.labels = self.labels
        client.create_bucket(made, location="europe-west4")
        client.bucket("orphans-of-another-name").blob("left/behind").upload_from_string("x")

    def peering_range(self) -> None:
        self.plant("network")
        resource = compute_v1.Address(
            name="orphan-range",
            description=self.mark,
            purpose="VPC_PEERING",
            address_type="INTERNAL",
            prefix_length=24,
            network=f"{GLOBAL}/networks/orphan",
        )
        self.insert(compute_v1.GlobalAddressesClient, address_resource=resource)

    def private_connection(self) -> None:
        """It cannot be marked: the state object says whose it is."""
        self.plant("bucket")
        self.plant("peering_range")
        state = State(profile=self.owner).owning("private_connection/global/orphan").to_json()
        bucket = connect(load_profile("embedded")).client(storage.Client).bucket("orphans-of-another-name")
        bucket.blob("state.json").upload_from_string(state)
        url = "/servicenetworking.googleapis.com/v1/services/servicenetworking.googleapis.com/connections"
        self.ask(url, {"network": f"{GLOBAL}/networks/orphan", "reservedPeeringRanges": ["orphan-range"]})
        listed = f"http://{self.cloud.rest}{url}?network={GLOBAL}/networks/orphan"
        wait_until(lambda: "orphan" in HTTP.get(listed).text, "the connection")

    def redis_instance(self) -> None:
        self.plant("private_connection")
        body = {"tier": "BASIC", "memorySizeGb": 1, "labels": self.labels, "authorizedNetwork": f"{GLOBAL}/networks/orphan"}
        head = f"/redis.googleapis.com/v1/projects/{PROJECT}/locations/{OTHER_REGION}/instances"
        self.ask(f"{head}?instanceId=orphan", {**body, "connectMode": "PRIVATE_SERVICE_ACCESS"})
        wait_until(lambda: HTTP.get(f"http://{self.cloud.rest}{head}/orphan").json().get("state") == "READY", "the instance")

    def ask(self, path: str, body: object) -> None:
        """A request to one of the newer APIs, which share the REST port."""
        HTTP.post(f"http://{self.cloud.rest}{path}", json=body).raise_for_status()

    def log_bucket(self) -> None:
        self.ask(f"/v2/projects/{PROJECT}/locations/global/buckets?bucketId=orphan", {"description": self.mark})

    def log_sink(self) -> None:
        self.plant("log_bucket")
        destination = f"logging.googleapis.com/projects/{PROJECT}/locations/global/buckets/orphan"
        self.ask(f"/v2/projects/{PROJECT}/sinks", {"name": "orphan", "destination": destination, "description": self.mark})

    def log_metric(self) -> None:
        body = {"name": "orphan", "filter": "severity=ERROR", "description": self.mark}
        self.ask(f"/v2/projects/{PROJECT}/metrics", body)

    def topic(self) -> None:
        client = connect(load_profile("embedded")).client(PublisherClient)
        client.create_topic(request={"name": f"projects/{PROJECT}/topics/orphan", "labels": self.labels})

    def subscription(self) -> None:
        self.plant("topic")
        client = connect(load_profile("embedded")).client(SubscriberClient)
        topic = f"projects/{PROJECT}/topics/orphan"
        client.create_subscription(request={"name": f"projects/{PROJECT}/subscriptions/orphan", "topic": topic, "labels": self.labels})

    def dataset(self) -> None:
        reference = {"projectId": PROJECT, "datasetId": "orphan"}
        self.ask(f"/bigquery/v2/projects/{PROJECT}/datasets", {"datasetReference": reference, "labels": self.labels, "location": "EU"})

    def dataset_writer(self) -> None:
        self.plant("dataset")
        role = {"role": "WRITER", "userByEmail": "service-123456789012@gcp-sa-logging.iam.gserviceaccount.com"}
        url = f"http://{self.cloud.rest}/bigquery/v2/projects/{PROJECT}/datasets/orphan"
        HTTP.patch(url, json={"access": [role]}).raise_for_status()

    def table(self) -> None:
        self.plant("dataset")
        reference = {"projectId": PROJECT, "datasetId": "orphan", "tableId": "orphan"}
        body = {"tableReference": reference, "labels": self.labels, "schema": {"fields": [{"name": "left", "type": "STRING"}]}}
        self.ask(f"/bigquery/v2/projects/{PROJECT}/datasets/orphan/tables", body)

    def budget(self) -> None:
        client = connect(load_profile("embedded")).client(budgets_v1.BudgetServiceClient)
        for name in (f"orphan ({self.mark})", f"orphan ({self.mark})"):
            budget = {"display_name": name, "amount": {"specified_amount": {"units": 1}}}
            client.create_budget(parent="billingAccounts/012345-6789AB-CDEF01", budget=budget)

    def metric_descriptor(self) -> None:
        body = {"type": "custom.googleapis.com/ironwood/orphan", "metricKind": "GAUGE", "valueType": "DOUBLE", "description": self.mark}
        self.ask(f"/v3/projects/{PROJECT}/metricDescriptors", body)
        listed = f"http://{self.cloud.rest}/v3/projects/{PROJECT}/metricDescriptors"
        wait_until(lambda: "orphan" in HTTP.get(listed).text, "the descriptor")

    def dashboard(self) -> None:
        name = f"projects/{PROJECT}/dashboards/orphan"
        self.ask(f"/v1/projects/{PROJECT}/dashboards", {"name": name, "displayName": "orphan", "labels": self.labels, "gridLayout": {}})

    def notification_channel(self) -> None:
        body = {"type": "email", "displayName": "orphan", "labels": {"email_address": "a@example.com"}, "userLabels": self.labels}
        self.ask(f"/v3/projects/{PROJECT}/notificationChannels", body)

    def alert_policy(self) -> None:
        threshold = {
            "filter": 'metric.type="loadbalancing.googleapis.com/https/request_count" AND resource.type="https_lb_rule"',
            "comparison": "COMPARISON_GT",
            "aggregations": [{"alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_RATE"}],
        }
        condition = {"displayName": "orphan", "conditionThreshold": threshold}
        body = {"displayName": "orphan", "combiner": "OR", "conditions": [condition], "userLabels": self.labels}
        self.ask(f"/v3/projects/{PROJECT}/alertPolicies", body)

    def uptime_check(self) -> None:
        resource = {"type": "uptime_url", "labels": {"host": "127.0.0.9"}}
        body = {"displayName": "orphan", "monitoredResource": resource, "httpCheck": {"path": "/"}, "userLabels": self.labels}
        self.ask(f"/v3/projects/{PROJECT}/uptimeCheckConfigs", body)

    def scheduler_job(self) -> None:
        client = connect(load_profile("embedded")).client(scheduler_v1.CloudSchedulerClient)
        parent = f"projects/{PROJECT}/locations/{OTHER_REGION}"
        job = {
            "name": f"{parent}/jobs/orphan",
            "description": self.mark,
            "schedule": "0 0 1 1 *",
            "http_target": {"uri": "https://example.com/"},
        }
        client.create_job(parent=parent, job=job)

    def vertex(self, path: str, body: object, there: str) -> None:
        place = f"/v1/projects/{PROJECT}/locations/us-central1"
        self.ask(f"/aiplatform.googleapis.com{place}/{path}", body)
        wait_until(
            lambda: (
                there
                in HTTP.get(
                    f"http://{self.cloud.rest}/aiplatform.googleapis.com{place}/{path.split(':', maxsplit=1)[0].split('?', maxsplit=1)[0]}"
                ).text
            ),
            there,
        )

    def vertex_model(self) -> None:
        model = {"displayName": "orphan", "containerSpec": {"imageUri": "server:1"}, "labels": self.labels}
        self.vertex("models:upload", {"modelId": "orphan", "model": model}, "models/orphan")

    def vertex_endpoint(self) -> None:
        self.vertex("endpoints?endpointId=orphan", {"displayName": "orphan", "labels": self.labels}, "endpoints/orphan")

    def deployed_model(self) -> None:
        self.plant("vertex_model")
        self.plant("vertex_endpoint")
        machine = {"machineType": "tpu7x-standard-4t", "tpuTopology": "2x2x1"}
        model = f"projects/{PROJECT}/locations/us-central1/models/orphan"
        deployed = {"id": "1", "model": model, "dedicatedResources": {"machineSpec": machine, "minReplicaCount": 1}}
        self.vertex("endpoints/orphan:deployModel", {"deployedModel": deployed, "trafficSplit": {"0": 100}}, '"deployedModels"')

    def endpoint_traffic(self) -> None:
        self.plant("deployed_model")

    def secret(self) -> None:
        url = f"/v1/projects/{PROJECT}/secrets?secretId=orphan"
        self.ask(url, {"replication": {"automatic": {}}, "labels": self.labels})

    def secret_access(self) -> None:
        """Of an account of ours, to a secret of somebody else's."""
        self.plant("service_account")
        self.ask(f"/v1/projects/{PROJECT}/secrets?secretId=theirs", {"replication": {"automatic": {}}})
        members = [f"serviceAccount:orphan-account@{PROJECT}.iam.gserviceaccount.com"]
        policy = {"bindings": [{"role": "roles/secretmanager.secretAccessor", "members": members}]}
        self.ask(f"/v1/projects/{PROJECT}/secrets/theirs:setIamPolicy", {"policy": policy})

    def service_account(self) -> None:
        client = connect(load_profile("embedded")).client(iam_admin_v1.IAMClient)
        account = iam_admin_v1.ServiceAccount(description=self.mark)
        client.create_service_account(name=f"projects/{PROJECT}", account_id="orphan-account", service_account=account)
        wait_until(lambda: any("orphan" in each.email for each in client.list_service_accounts(name=f"projects/{PROJECT}")), "the account")

    def iam_binding(self) -> None:
        """Two: of an account of ours, and of one that was deleted before its binding."""
        self.plant("service_account")
        url = f"http://{self.cloud.rest}"
        gone = f"projects/{PROJECT}/serviceAccounts/tpu-inference-sa@{PROJECT}.iam.gserviceaccount.com"
        HTTP.post(f"{url}/v1/projects/{PROJECT}/serviceAccounts", json={"accountId": "tpu-inference-sa"}).raise_for_status()
        wait_until(lambda: HTTP.get(f"{url}/v1/{gone}").is_success, "the account")
        policy = HTTP.post(f"{url}/v3/projects/{PROJECT}:getIamPolicy", json={}).raise_for_status().json()
        members = [f"serviceAccount:{name}@{PROJECT}.iam.gserviceaccount.com" for name in ("orphan-account", "tpu-inference-sa")]
        bindings = [*policy["bindings"], {"role": "roles/compute.viewer", "members": members}]
        body = {"policy": {**policy, "bindings": bindings}}
        HTTP.post(f"{url}/v3/projects/{PROJECT}:setIamPolicy", json=body).raise_for_status()
        HTTP.delete(f"{url}/v1/{gone}").raise_for_status()
