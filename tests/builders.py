"""The smallest valid objects, for tests."""

from __future__ import annotations

from pathlib import Path

from ironwood.cost.pricebook import PriceBook, parse_price_book
from ironwood.profile import Profile, parse_profile

ROOT = Path(__file__).resolve().parents[1]

SMALLEST = "project_id: test-project\n"


def a_profile(text: str = "", *, name: str = "test") -> Profile:
    """The profile of `text` below a project id."""
    return parse_profile(SMALLEST + text, source=f"{name}.yaml", environment={})


def a_price_book(name: str = "list") -> PriceBook:
    """One of the shipped price books."""
    path = ROOT / "profiles" / "pricebooks" / f"{name}.yaml"
    return parse_price_book(path.read_text(), source=path.name)
