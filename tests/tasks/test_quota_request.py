"""The request for more quota names the quota as Cloud Quotas does."""

from tasks.preflight.request import CHIPS, quota_id, request


def test_a_global_quota_and_a_regional_one_have_ids_of_their_own():
    assert quota_id("BACKEND_SERVICES", "global") == "BACKEND-SERVICES-per-project"
    assert quota_id("ROUTERS", "us-central1") == "ROUTERS-per-project-region"


def test_the_command_asks_for_the_whole_in_its_dimensions():
    asked = request("p", CHIPS, 1280, {"region": "us-central1", "tpu_family": "TPU7X"})
    assert (
        "--quota-id=TPUS-PER-TPU-FAMILY-per-project-region --preferred-value=1280 --dimensions=region=us-central1,tpu_family=TPU7X" in asked
    )
