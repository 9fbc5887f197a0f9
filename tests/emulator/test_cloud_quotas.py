"""Cloud Quotas shows the limits Compute enforces, the chips of a TPU family in a region among them."""

import pytest

PARENT = "/v1/projects/test-project/locations/global/services/compute.googleapis.com/quotaInfos"
FAMILY = "TPUS-PER-TPU-FAMILY-per-project-region"


@pytest.fixture
def quotas(stepped):
    stepped.enable("cloudquotas")
    return stepped


def chips(emulator, region, family="tpu7x"):
    entries = emulator.ask("GET", f"{PARENT}/{FAMILY}")["dimensionsInfos"]
    (found,) = [
        entry for entry in entries if entry["dimensions"]["region"] == region and entry["dimensions"]["tpu_family"].lower() == family
    ]
    assert found["applicableLocations"] == [region]
    return found["details"]["value"]


def test_the_family_quota_says_how_many_chips_a_region_may_have(quotas):
    info = quotas.ask("GET", f"{PARENT}/{FAMILY}")
    assert info["metric"] == "compute.googleapis.com/tpus_per_tpu_family"
    assert info["dimensions"] == ["region", "tpu_family"]
    assert info["name"].endswith(f"/locations/global/services/compute.googleapis.com/quotaInfos/{FAMILY}")
    assert info["quotaIncreaseEligibility"] == {"isEligible": True}
    assert chips(quotas, "us-central1") == "16384"


def test_a_changed_limit_is_both_shown_and_enforced(quotas):
    quotas.admin("PUT", "quotas", {"us-central1/TPU7X": 8})
    assert chips(quotas, "us-central1") == "8"
    assert chips(quotas, "us-central1", "ct6e") == "1024"
    quotas.network()
    quotas.template()
    group = quotas.group(3)
    quotas.advance(61)
    failed = quotas.ask("GET", f"{group}/listErrors")["items"]
    assert len({entry["instanceActionDetails"]["instance"] for entry in failed}) == 1
    assert "Limit: 8.0 in region us-central1." in failed[0]["error"]["message"]


def test_spot_chips_have_a_quota_of_their_own(quotas):
    quotas.admin("PUT", "quotas", {"us-central1/PREEMPTIBLE-TPU7X": 12})
    info = quotas.ask("GET", f"{PARENT}/PREEMPTIBLE-TPU7X-per-project-region")
    limits = {entry["dimensions"]["region"]: entry["details"]["value"] for entry in info["dimensionsInfos"]}
    assert limits["us-central1"] == "12"
    assert chips(quotas, "us-central1") == "16384"


def test_a_list_has_every_quota_once_whatever_its_pages(quotas):
    whole = quotas.ask("GET", PARENT)["quotaInfos"]
    found, token = [], ""
    while token is not None:
        answer = quotas.ask("GET", f"{PARENT}?pageSize=7&pageToken={token}")
        found += answer["quotaInfos"]
        token = answer.get("nextPageToken")
    assert found == whole
    ids = [info["quotaId"] for info in found]
    assert len(set(ids)) == len(ids)
    assert {FAMILY, "PREEMPTIBLE-TPU7X-per-project-region", "NETWORKS-per-project", "INSTANCES-per-project-region"} <= set(ids)
    assert all(quotas.ask("GET", f"/v1/{info['name']}") == info for info in (found[0], found[-1]))


def test_an_unknown_quota_is_not_found_and_a_disabled_api_says_so(quotas, stepped):
    error = quotas.ask("GET", f"{PARENT}/WISHES-per-project", status=404)["error"]
    assert (error["status"], error["message"]) == ("NOT_FOUND", "Requested entity was not found.")
    quotas.ask("GET", PARENT.replace("compute.", "run."), status=404)
    quotas.ask("GET", PARENT.replace("test-project", "other"), status=403)
    stepped.admin("POST", "reset")
    assert "Cloud Quotas API has not been used" in stepped.ask("GET", PARENT, status=403)["error"]["message"]
