"""The outputs of the seed's Terraform: always the same names, null where there is no such thing, and no secret."""

from __future__ import annotations

import json

from builders import a_profile
from ironwood.desired import desired
from ironwood.graph import Graph
from ironwood.outputs import outputs
from ironwood.resources.base import SERVICES

WHOLE = "billing_account: 012345-6789AB-CDEF01\nredis: {enabled: true}\nsecurity: {api_key: true}\nanalytics: {enabled: true}\nload_balancer: {domains: [a.example.test]}\n"


def test_every_output_has_its_name_though_nothing_is_there():
    told = outputs(a_profile(), Graph())
    assert {name for name, value in told.items() if value} == {"tpu_pod_names"}
    assert told["redis_cache_instance"] is None
    assert told["tpu_pods_status"] == {}
    assert told["tpu_pod_names"] == {"small": [], "medium": []}


def test_what_is_there_is_told_under_the_seeds_names_as_json():
    profile = a_profile(WHOLE)
    owned = Graph.of(each for each in desired(profile, profile.baseline) if each.address != SERVICES)
    told = json.loads(json.dumps(outputs(profile, owned)))
    assert told.keys() == outputs(profile, Graph()).keys()
    assert told["tpu_small_pod_name"] == "ironwood-cluster-small-001"
    assert told["tpu_large_pod_name"] is None
    assert told["tpu_pod_names"]["medium"] == ["ironwood-cluster-medium-001"]
    assert told["tpu_pods_status"]["ironwood-cluster-small-001"]["vms"] == 64
    assert told["service_account_email"] == "tpu-inference-sa@test-project.iam.gserviceaccount.com"
    assert (told["vpc_network_name"], told["vpc_subnet_name"]) == ("ai-inference-network", "ai-inference-subnet")
    assert told["redis_cache_instance"]["name"] == "ai-inference-cache"
    assert (told["pubsub_topic_name"], told["bigquery_dataset_id"]) == ("ai-inference-metrics", "inference_analytics")
    assert "gcloud secrets versions access latest" in told["connection_commands"]["predict"]
    assert told["budget_configuration"]["thresholds"]
    assert told["health_check_configuration"]["request_path"] == "/health"
    assert told["backend_services"]["inference-backend-small"]["backends"] == ["ironwood-cluster-small-001"]
    assert told["vertex_ai_endpoints"]["inference-endpoint-small"]["location"] == "us-central1"
    assert "get-auth-string" in told["connection_commands"]["redis_auth_string"]
    assert told["monitoring_dashboard_url"].endswith("?project=test-project")
