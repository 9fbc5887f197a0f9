"""Runs are called by what they do to what."""

from __future__ import annotations

import pytest

from flows.run_names import run_name


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"profile": "prod"}, "scale prod"),
        ({"profile": "profiles/prod.yaml", "sizes": None, "dry_run": False}, "scale prod"),
        ({"profile": "prod", "sizes": {"small": 3, "medium": 0}}, "scale prod to small 3, medium 0"),
        ({"profile": "prod", "sizes": {"small": 3}, "dry_run": True}, "scale prod to small 3 (dry run)"),
    ],
)
def test_a_run_is_called_by_what_it_does_to_what(parameters: dict[str, object], name: str):
    assert run_name("scale {profile}", parameters) == name
