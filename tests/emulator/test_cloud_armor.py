"""Cloud Armor: rules have verbs of their own, a policy stands before a backend service, and what exceeds a rate is answered 429."""

import time
from decimal import Decimal

import httpx
import pytest

HEAD = "projects/test-project/global"
PREDICT = {"instances": [{"text": "hello"}]}
EVERYBODY = {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}}


def throttle(count, interval=3600, **fields):
    limit = {"rateLimitThreshold": {"count": count, "intervalSec": interval}}
    options = {"conformAction": "allow", "exceedAction": "deny(429)", "enforceOnKey": "IP", **limit}
    return {"priority": 1000, "action": "throttle", "match": EVERYBODY, "rateLimitOptions": options, **fields}


def attach(cloud, policy="policy", service="backend"):
    body = {"securityPolicy": f"{HEAD}/securityPolicies/{policy}" if policy else ""}
    cloud.do("POST", f"global/backendServices/{service}/setSecurityPolicy", body)


def priorities(cloud):
    return [rule["priority"] for rule in cloud.ask("GET", "global/securityPolicies/policy")["rules"]]


def test_rules_are_changed_by_verbs_of_their_own(stepped):
    stepped.do("POST", "global/securityPolicies", {"name": "policy"})
    assert priorities(stepped) == [2147483647]
    stepped.do("POST", "global/securityPolicies/policy/addRule", throttle(5))
    stepped.do("POST", "global/securityPolicies/policy/patchRule?priority=1000", throttle(7))
    rule = stepped.ask("GET", "global/securityPolicies/policy/getRule?priority=1000")
    assert rule["rateLimitOptions"]["rateLimitThreshold"] == {"count": 7, "intervalSec": 3600}
    fingerprint = stepped.ask("GET", "global/securityPolicies/policy")["fingerprint"]
    stepped.do("PATCH", "global/securityPolicies/policy", {"description": "x", "rules": [], "fingerprint": fingerprint})
    assert priorities(stepped) == [1000, 2147483647], "a patch leaves the rules"
    stepped.do("POST", "global/securityPolicies/policy/removeRule?priority=1000")
    assert priorities(stepped) == [2147483647]
    for broken in (throttle(5, 61), throttle(0), throttle(5, action="deny(429)"), throttle(5, match={})):
        stepped.ask("POST", "global/securityPolicies/policy/addRule", broken, status=400)
    stepped.ask("POST", "global/securityPolicies/policy/addRule", throttle(5, action="rate_based_ban"), status=501)


def test_a_policy_in_use_stays_and_an_update_of_the_service_leaves_it(stepped):
    stepped.health_check()
    stepped.do("POST", "global/securityPolicies", {"name": "policy", "rules": [throttle(5)]})
    stepped.backend_service(securityPolicy=f"{HEAD}/securityPolicies/policy")
    assert "securityPolicy" not in stepped.ask("GET", "global/backendServices/backend"), "no insert sets it"
    attach(stepped)
    service = stepped.ask("GET", "global/backendServices/backend")
    stepped.do("PUT", "global/backendServices/backend", {key: value for key, value in service.items() if key != "securityPolicy"})
    assert stepped.ask("GET", "global/backendServices/backend")["securityPolicy"].endswith("/securityPolicies/policy")
    stepped.ask("DELETE", "global/securityPolicies/policy", status=400)
    attach(stepped, "")
    stepped.do("DELETE", "global/securityPolicies/policy")


def test_a_policy_and_its_rules_bill_until_it_is_gone(stepped):
    stepped.do("POST", "global/securityPolicies", {"name": "policy", "rules": [throttle(5)]})
    rate = float(stepped.admin("GET", "bill")["usd_per_hour"])
    assert rate == pytest.approx(6 / 730)
    stepped.do("POST", "global/securityPolicies/policy/addRule", throttle(5, priority=2000))
    assert float(stepped.admin("GET", "bill")["usd_per_hour"]) == pytest.approx(7 / 730)
    stepped.do("DELETE", "global/securityPolicies/policy")
    assert stepped.admin("GET", "bill")["usd_per_hour"] == "0"


def test_what_exceeds_the_rate_is_answered_429_and_never_reaches_a_vm(scaled):
    scaled.network()
    scaled.template()
    scaled.health_check()
    url = scaled.front(scaled.backend_service(scaled.group(1)))
    end = time.monotonic() + 30
    while httpx.post(f"{url}/v1/predict", json=PREDICT).status_code != 200:
        assert time.monotonic() < end
        time.sleep(0.02)
    before = scaled.admin("GET", "dataplane")["served"]
    scaled.do("POST", "global/securityPolicies", {"name": "policy", "rules": [throttle(3, 3600)]})
    attach(scaled)
    with httpx.Client() as client:
        answers = [client.post(f"{url}/v1/predict", json=PREDICT).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]
    assert scaled.admin("GET", "dataplane")["served"] == before + 3
    lines = [
        each for each in scaled.admin("GET", "bill")["lines"] if each["sku"] == "armor.requests"
    ]  # one for each minute that requests came in
    assert sum(Decimal(each["quantity"]) for each in lines) == Decimal("0.000005")
    assert {each["unit_price_usd"] for each in lines} == {"0.75"}
    denied = {"priority": 10, "action": "deny(403)", "match": {**EVERYBODY, "config": {"srcIpRanges": ["127.0.0.0/8"]}}}
    scaled.do("POST", "global/securityPolicies/policy/addRule", denied)
    assert httpx.get(f"{url}/health").status_code == 403
