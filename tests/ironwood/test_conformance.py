"""Recordings are compared by call and shape: what differs is found, what may differ is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ironwood.conformance import Exchange, compared

HEAD = "https://compute.googleapis.com/compute/v1/projects/example-project"
OPERATION = Exchange(
    n=0,
    method="GET",
    url=f"{HEAD}/global/operations/operation-1-ab-cd-ef",
    body=None,
    status=200,
    response={"name": "operation-1-ab-cd-ef", "progress": 100, "warnings": [{"code": "X"}]},
    duration=0.1,
)


def test_an_exchange_matches_its_like_under_other_names_ids_and_times() -> None:
    other = replace(
        OPERATION,
        url=f"{HEAD.replace('v1', 'beta', 1)}/global/operations/operation-22-0-1-2",
        response={"name": "operation-22-0-1-2", "progress": 5.5, "warnings": [{"code": "Y"}, {"code": "Z"}]},
        duration=9.0,
    )
    assert compared([OPERATION], [other]).differences == {}


@pytest.mark.parametrize(
    ("response", "told"),
    [
        ({"name": "n", "progress": 1}, "$.warnings: only recorded"),
        ({"name": "n", "progress": 1, "warnings": [{"code": "X"}], "zone": "z"}, "$.zone: only here"),
        ({"name": "n", "progress": "1", "warnings": [{"code": "X"}]}, "$.progress: int recorded, str here"),
        ({"name": "n", "progress": 1, "warnings": []}, "$.warnings: 1 items recorded, 0 here"),
        ({"name": "n", "progress": 1, "warnings": [{"reason": "X"}]}, "$.warnings[0].code: only recorded"),
    ],
)
def test_what_differs_is_named(response: object, told: str) -> None:
    found = compared([OPERATION], [replace(OPERATION, response=response)])
    assert (found.matched, found.total) == (0, 1)
    assert told in found.differences[OPERATION.call]


@pytest.mark.parametrize("change", [{"status": 404}, {"method": "DELETE"}, {"url": f"{HEAD}/global/networks/net"}])
def test_a_call_that_was_not_made_or_ended_otherwise_has_no_counterpart(change: dict[str, object]) -> None:
    assert compared([OPERATION], [replace(OPERATION, **change)]).matched == 0  # type: ignore[arg-type]  # fields by name


def test_one_state_of_several_that_were_polled_is_enough() -> None:
    running = replace(OPERATION, response={"name": "n", "progress": 0})
    assert compared([OPERATION, running], [running, OPERATION]).matched == 2
