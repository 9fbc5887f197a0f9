"""What it costs: the seed's tiers at list and at the seed's own rates, to the cent."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from builders import a_price_book, a_profile
from ironwood.cost.estimate import cents, estimate
from ironwood.cost.pricebook import parse_price_book
from ironwood.desired import desired
from ironwood.errors import ProfileError
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.bucket import Bucket
from ironwood.resources.load_balancer import ForwardingRule
from ironwood.resources.network import GlobalAddress

LIST, SEED = a_price_book("list"), a_price_book("seed")


def only(tier: str) -> Profile:
    tiers = {name: f"{name}: {{enabled: {'true' if name == tier else 'false'}}}" for name in ("small", "medium", "large")}
    return a_profile(f"load_balancer: {{default_tier: {tier}}}\ntiers: {{{', '.join(tiers.values())}}}")


def chips_a_day(tier: str, book: str) -> Decimal:
    profile = only(tier)
    lines = estimate(desired(profile, profile.baseline), a_price_book(book)).lines
    return cents(sum((line.hourly_usd for line in lines if "chips" in line.what), Decimal(0)) * 24)


@pytest.mark.parametrize(("tier", "usd"), [("small", 73_728), ("medium", 294_912), ("large", 2_654_208)])
def test_a_pod_costs_its_list_price_a_day(tier: str, usd: int):
    assert chips_a_day(tier, "list") == usd


@pytest.mark.parametrize(("tier", "usd"), [("small", 2_500), ("medium", 10_000), ("large", 90_000)])
def test_a_pod_costs_what_the_seed_says_in_the_seeds_book(tier: str, usd: int):
    assert chips_a_day(tier, "seed") == usd


def test_everything_that_is_charged_has_a_line():
    profile = a_profile()
    lines = {(line.address.kind, line.what): line.hourly_usd for line in estimate(desired(profile, profile.baseline), LIST).lines}
    assert lines == {
        ("instance_group", "256 tpu7x chips"): Decimal(256 * 12),
        ("instance_group", "1,024 tpu7x chips"): Decimal(1024 * 12),
        ("instance_group", "12,800 GiB boot disks"): 12_800 * Decimal("0.08") / 730,
        ("instance_group", "51,200 GiB boot disks"): 51_200 * Decimal("0.08") / 730,
        ("router", "NAT gateway"): Decimal("0.044"),
        ("forwarding_rule", "forwarding rule"): Decimal("0.025"),
        ("alert_policy", "alert condition"): Decimal("1.50") / 730,
    }


def test_what_else_bills_has_its_line():
    spare = GlobalAddress(name="spare", owner="test", labels=())
    bucket = Bucket(name="b", owner="test", location="US-CENTRAL1", labels=(), size_bytes=1 << 30)
    profile = a_profile("stop_at: {cron: 0 20 * * *}\ntiers: {large: {enabled: true}}")
    graph = [*desired(profile, profile.baseline), spare, bucket]
    lines = {(line.address.kind, line.address.name): line.hourly_usd for line in estimate(Graph.of(graph), LIST).lines}
    assert lines["address", "spare"] == Decimal("0.010")
    assert lines["bucket", "b"] == Decimal("0.020") / 730
    jobs = [usd for (kind, _), usd in lines.items() if kind == "scheduler_job"]
    assert len(jobs) == 10, "a stop and a lease for each of five groups"
    assert abs(sum(jobs) - 7 * Decimal("0.10") / 730) < Decimal("1e-20")


def test_the_sixth_forwarding_rule_costs_its_own():
    front = next(each for each in desired(a_profile(), {"small": 1, "medium": 1}) if isinstance(each, ForwardingRule))
    rules = Graph.of([replace(front, name=f"rule-{number}") for number in range(6)])
    assert cents(estimate(rules, LIST).hourly_usd * 1000) == Decimal("35.00")


def test_nothing_costs_nothing():
    assert estimate(Graph(), LIST).hourly_usd == 0


def test_the_exposure_is_the_rate_times_the_hours_nobody_looks():
    profile = a_profile()
    found = estimate(desired(profile, profile.baseline), SEED)
    assert found.exposure_usd(timedelta(hours=8)) == found.hourly_usd * 8


def test_every_price_names_its_source_and_date():
    priced = [price for family in LIST.chip_hour.values() for price in family.values()]
    priced += [*LIST.boot_disk_gib_month.values(), *SEED.pod_day.values()]
    assert all(price.source and price.date for price in priced)


def test_a_missing_price_is_named():
    with pytest.raises(ProfileError, match="has no reserved price for tpu7x"):
        LIST.chip_hour_usd(family="tpu7x", consumption="reserved", pod_chips=256, region="us-central1")


def test_a_broken_price_book_is_told_with_file_and_line():
    with pytest.raises(ProfileError, match=r"mine.yaml:2 chip_hour.tpu7x.on_demand"):
        parse_price_book("name: mine\nchip_hour: {tpu7x: {on_demand: {usd: -1, source: s, date: 2026-01-01}}}\n", source="mine.yaml")
