"""A cache costs its GiB at the rate of its capacity tier, from its creation until it is gone, at each size for as long as it had it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from builders import a_price_book, a_profile
from ironwood.apis import REDIS_APIS
from ironwood.cost.estimate import estimate
from ironwood.cost.ledger import Book, Found, Seen, Thing, read_entry, repairs
from ironwood.cost.meter import spent
from ironwood.desired import at_rest, desired
from ironwood.desired.apis import apis_of
from ironwood.resources.cache import RedisInstance

START = datetime(2026, 11, 1, tzinfo=UTC)
ADDRESS = "redis_instance/regions/us-central1/ai-inference-cache"
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("tier", "gib", "usd"), [("STANDARD_HA", 4, "0.256"), ("STANDARD_HA", 5, "0.27"), ("STANDARD_HA", 100, "3.8"), ("BASIC", 300, "4.8")]
)
def test_a_size_is_paid_at_its_capacity_tier(tier: str, gib: int, usd: str):
    profile = a_profile(f"redis: {{enabled: true, memory_size_gb: {gib}, tier: {tier}}}\n")
    lines = [each for each in estimate(desired(profile, profile.baseline), a_price_book()).lines if each.address.kind == "redis_instance"]
    assert [line.hourly_usd for line in lines] == [Decimal(usd)]


def test_a_book_without_its_price_lets_it_cost_nothing():
    assert a_price_book("seed").redis_hour_usd(tier="BASIC", gib=1) == 0


def test_a_profile_without_a_cache_has_nothing_of_it():
    profile = a_profile()
    assert not {"redis_instance", "private_connection", "peering_range"} & {each.kind for each in desired(profile, profile.baseline)}
    assert not set(REDIS_APIS) & set(apis_of(profile))


def test_what_stops_the_billing_first_is_the_cache_too():
    profile = a_profile("redis: {enabled: true}\n")
    assert not [each for each in at_rest(desired(profile, profile.baseline)) if isinstance(each, RedisInstance)]


def test_each_size_is_metered_for_as_long_as_it_was_held_and_read_back_from_the_ledger():
    known = Book.of([Found(things=(Thing(address=ADDRESS, start=START, size="STANDARD_HA:5"),))])
    grown = Seen(at=START + 2 * HOUR, vms=(), ended={}, gone=(), things=(Thing(address=ADDRESS, start=START, size="STANDARD_HA:100"),))
    found = repairs(known, grown, START).found
    written = [read_entry(each.at, each.content()) for each in found]
    assert written == list(found)
    book = known.with_found(found)
    cost = spent(book, a_price_book(), START, START + 5 * HOUR)
    assert cost.total_usd == 2 * Decimal("0.27") + 3 * Decimal("3.8")
    ended = repairs(book, Seen(at=START + 3 * HOUR, vms=(), ended={}, gone=(), things=()), START).found
    assert spent(book.with_found(ended), a_price_book(), START, START + 5 * HOUR).total_usd == 2 * Decimal("0.27") + Decimal("3.8")
