"""What a probe builds: the profile's graph on machines that cost cents, beside it and not in its way."""

from __future__ import annotations

from decimal import Decimal

import pytest

from builders import a_price_book, a_profile
from ironwood import tpu
from ironwood.cost.estimate import estimate
from ironwood.desired import desired
from ironwood.probe import group_of, probe_graph, probe_profile
from ironwood.resources.base import SERVICES
from ironwood.resources.group import InstanceGroup, InstanceTemplate


def test_no_machine_of_it_is_a_tpu_and_every_reference_is_met() -> None:
    graph = probe_graph(probe_profile(a_profile()))
    templates = [each for each in graph if isinstance(each, InstanceTemplate)]
    assert {each.machine_type for each in templates} == {"e2-micro"}
    assert not {each.machine_type for each in templates} & set(tpu.BY_MACHINE_TYPE)
    assert {each.template for each in graph if isinstance(each, InstanceGroup)} == {each.address for each in templates}


def test_it_has_nothing_in_common_with_the_profile_but_the_apis() -> None:
    profile = a_profile("redis: {enabled: true}\n")
    mine = {each.address for each in desired(profile, profile.baseline)}
    probe = probe_profile(profile)
    assert {each.address for each in probe_graph(probe)} & mine == {SERVICES}
    assert probe.name != profile.name


@pytest.mark.parametrize("zone", ["us-central1-b", "europe-west4-a", "us-central1-ai1a"])
def test_it_stands_in_the_zone_of_the_profile(zone: str) -> None:
    generation = next(each.name for each in tpu.GENERATIONS.values() if zone in each.zones)
    text = f"region: {zone.rpartition('-')[0]}\nzone: {zone}\ntiers:\n" + "".join(
        f"  {tier}: {{generation: {generation}, chips: 8}}\n" for tier in ("small", "medium")
    )
    assert group_of(probe_graph(probe_profile(a_profile(text))), "small").scope == f"zones/{zone}"


def test_who_asks_and_where_is_the_profiles() -> None:
    section = "google: {quota_project: other-project, endpoints: {compute: 'https://compute-corp.p.googleapis.com'}}\n"
    profile = a_profile(section)
    assert probe_profile(profile).google == profile.google


def test_its_price_is_cents_an_hour() -> None:
    hourly = estimate(probe_graph(probe_profile(a_profile())), a_price_book()).hourly_usd
    disks = 3 * 10 * Decimal("0.04") / 730
    assert hourly == pytest.approx(3 * Decimal("0.00838") + disks + Decimal("0.025") + 3 * Decimal("0.0014"), abs=Decimal("0.0005"))
