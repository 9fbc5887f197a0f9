"""Profiles: the seed's defaults, what may be left out, what comes from the environment, which sizes are allowed."""

import pytest

from builders import ROOT, a_profile
from ironwood.errors import ProfileError
from ironwood.profile import parse_profile, sizes_within


def test_a_project_id_alone_is_the_seeds_system():
    profile = a_profile()
    assert profile.baseline == {"small": 1, "medium": 1}
    assert {name: tier.chips for name, tier in profile.tiers.items()} == {"small": 256, "medium": 1024, "large": 9216}
    assert [tier.max_replicas for tier in profile.tiers.values()] == [3, 5, 2]
    assert [tier.timeout_seconds for tier in profile.tiers.values()] == [30, 60, 120]
    assert [tier.draining_seconds for tier in profile.tiers.values()] == [300, 300, 600]
    assert profile.tiers["small"].paths == ("simple", "basic", "quick")
    assert (profile.health_check.interval_seconds, profile.health_check.timeout_seconds) == (10, 5)
    assert (profile.network.mtu, profile.network.subnet_cidr) == (1500, "10.0.0.0/16")
    assert (profile.budget.amount_usd, profile.budget.threshold) == (10_000, 0.8)


@pytest.mark.parametrize("name", ["embedded", "dev", "prod"])
def test_the_shipped_profiles_are_sound(name: str):
    text = (ROOT / "profiles" / f"{name}.yaml").read_text()
    assert parse_profile(text, source=f"profiles/{name}.yaml", environment={"PROJECT_ID": "some-project"}).name == name


def test_a_project_id_comes_from_the_environment():
    profile = parse_profile("project_id: ${PROJECT_ID}\n", source="x.yaml", environment={"PROJECT_ID": "from-outside"})
    assert profile.project_id == "from-outside"


def test_the_accelerator_type_may_be_named_when_it_agrees_with_the_chips():
    assert a_profile("tiers: {small: {accelerator_type: tpu7x-512}}").tiers["small"].chips == 256


def test_sizes_take_the_place_of_the_baseline():
    assert sizes_within(a_profile(), {"small": 3}) == {"small": 3, "medium": 1}


@pytest.mark.parametrize(
    ("sizes", "told"), [({"small": 4}, "outside"), ({"large": 1}, "no enabled tier"), ({"smal": 1}, "no enabled tier")]
)
def test_sizes_out_of_bounds_are_refused(sizes: dict[str, int], told: str):
    with pytest.raises(ProfileError, match=told):
        sizes_within(a_profile(), sizes)
