"""Refresh prices: the price book in use beside Google's price catalog. Writes a new book only where it is told to."""

from __future__ import annotations

import sys
from pathlib import Path

from prefect import flow

from cloud.connection import connect
from flows.command_line import Argument, run
from flows.run_names import named
from ironwood.cost.catalog import Comparison, refreshed
from ironwood.errors import InputError
from tasks import report
from tasks.catalog import compare_prices
from tasks.inputs import load_price_book, load_profile, save_price_book


@flow(name="refresh_prices", flow_run_name=named("refresh prices of {profile}"))
def refresh_prices(profile: str = "embedded", write: str = "") -> int:
    """Print every price of the profile's book beside the catalog's, with the drift in percent.

    `write` names the file of a new price book with the catalog's prices, each with its SKU and today's date; it must not exist. Returns how
    many prices have drifted by more than 1 %.
    """
    ours = load_profile(profile)
    if write and Path(write).exists():
        raise InputError(f"--write {write}: there is such a file already; name another, prices are never overwritten")
    book = load_price_book(ours.price_book)
    connection = connect(ours)
    compared = compare_prices(connection, book, ours.region)
    columns = ("price", "book", "catalog", "%", "SKU")
    report.page(f"prices-{ours.name}", f'price book "{book.name}" beside the catalog, {ours.region}', map(_row, compared), columns)
    stale = [each for each in compared if each.out_of_date]
    for each in stale:
        report.say(
            "prices", f"{'.'.join(each.key)} has drifted by {each.drift_percent:+.1f} %: estimates with this book are wrong by as much"
        )
    report.say("prices", f"{len(stale)} of {len(compared)} differ by more than 1 %")
    if write:
        save_price_book(refreshed(book, compared, name=Path(write).stem, date=connection.clock.now().date()), Path(write))
        report.say("written", f"{write}; use it with `price_book: {write}` in the profile")
    return len(stale)


def _row(each: Comparison) -> tuple[str, ...]:
    key, price = ".".join(each.key), f"{each.price.usd:f}"
    if each.sku is None:
        return key, price, "", "", each.why
    drift = each.drift_percent
    return key, price, f"{each.sku.usd:f}", "" if drift is None else f"{drift:+.2f}", f"{each.sku.sku_id} {each.sku.description}"


if __name__ == "__main__":
    sys.exit(run(refresh_prices, Argument.PROFILE, Argument.WRITE))
