"""Compare a price book with Google's price catalog."""

from __future__ import annotations

from cloud.catalog import skus
from cloud.connection import Connection
from ironwood.cost.catalog import Comparison, compare
from ironwood.cost.pricebook import PriceBook
from tasks.retries import google_task


@google_task(name="compare prices", run_name="read the price catalog")
def compare_prices(connection: Connection, book: PriceBook, region: str) -> list[Comparison]:
    """Every price of `book` beside its SKU in `region`."""
    with connection.clock.participating("compare prices"):
        return compare(book, skus(connection), region)
