"""Compare a price book with Google's price catalog."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from cloud.catalog import skus
from cloud.connection import Connection
from ironwood.cost.catalog import Comparison, compare
from ironwood.cost.pricebook import PriceBook
from tasks.retries import PAUSES_SECONDS, RETRIES, may_succeed_later


@task(
    name="compare prices",
    task_run_name="read the price catalog",
    cache_policy=NO_CACHE,
    retries=RETRIES,
    retry_delay_seconds=PAUSES_SECONDS,
    retry_condition_fn=may_succeed_later,
    persist_result=False,
)
def compare_prices(connection: Connection, book: PriceBook, region: str) -> list[Comparison]:
    """Every price of `book` beside its SKU in `region`."""
    with connection.clock.participating("compare prices"):
        return compare(book, skus(connection), region)
