"""What a profile means: closed, deterministic, named as the seed named it, and everything bears its owner."""

import pytest

from builders import a_profile
from ironwood.desired import desired
from ironwood.resources.base import SERVICES
from ironwood.resources.group import InstanceGroup, InstanceTemplate
from ironwood.resources.load_balancer import UrlMap
from ironwood.resources.registry import KINDS

WITH_LARGE = a_profile("tiers: {large: {enabled: true}}\nnetwork: {subnet_cidr: 10.0.0.0/16}")


def groups(graph: object, tier: str) -> list[int]:
    return [each.size for each in graph if isinstance(each, InstanceGroup) and f"-{tier}-" in each.name]  # type: ignore[attr-defined]


def test_a_tier_is_split_at_a_thousand_vms():
    graph = desired(WITH_LARGE, {"small": 1, "medium": 1, "large": 1})
    assert groups(graph, "small") == [64]
    assert groups(graph, "medium") == [256]
    assert groups(graph, "large") == [1000, 1000, 304]


def test_a_tier_at_zero_keeps_one_empty_group():
    assert groups(desired(a_profile(), {"small": 0, "medium": 1}), "small") == [0]


def test_everything_desired_bears_the_profiles_marker_and_is_of_a_registered_kind():
    for each in desired(WITH_LARGE, WITH_LARGE.baseline):
        assert each.owner == "test" or each.address == SERVICES
        assert KINDS[each.kind] is type(each)


def test_names_are_the_seeds_behind_the_prefix():
    names = {each.name for each in desired(a_profile("name_prefix: dev-"), {"small": 1, "medium": 1})}
    assert {"dev-tpu-inference-sa", "dev-tpu-health-check", "dev-inference-backend-small", "dev-ai-inference-forwarding-rule"} <= names


def test_a_template_is_named_by_its_content():
    def names(text: str) -> set[str]:
        profile = a_profile(text)
        return {each.name for each in desired(profile, profile.baseline) if isinstance(each, InstanceTemplate)}

    assert names("") == names("")
    assert not names("") & names("serving: {port: 8081}")
    assert not names("") & names("labels: {team: x}")


def test_paths_lead_to_their_tiers_and_the_rest_to_the_default():
    profile = WITH_LARGE
    url_map = next(each for each in desired(profile, profile.baseline) if isinstance(each, UrlMap))
    assert url_map.default_service.name == "inference-backend-medium"
    assert {route.service.name: route.prefixes for route in url_map.routes} == {
        "inference-backend-small": ("simple", "basic", "quick"),
        "inference-backend-large": ("complex", "advanced", "reasoning"),
    }


def test_no_route_leads_to_a_tier_that_is_off():
    profile = a_profile("tiers: {small: {enabled: false}}")
    graph = desired(profile, profile.baseline)
    assert not any("small" in each.name for each in graph)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_immutable_field_is_a_field(kind: str):
    assert KINDS[kind].immutable <= set(KINDS[kind].__dataclass_fields__)
