"""Played demand as the series a load balancer writes: the same types and labels as for requests that came over the wire.

A request that finds a free slot takes what the model server computes for it; where a backend is full, those served wait for its whole queue first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.dataplane import played
from emulator.dataplane.model_server import DEFAULT_TOKENS, QUEUE_PER_CHIP, SLOTS_PER_CHIP
from emulator.minutes import MINUTE, bucket_of
from emulator.rules import assumed
from emulator.services.compute.catalog import MACHINES
from emulator.services.monitoring.builtin import BACKEND, REQUESTS
from emulator.services.monitoring.distribution import Distribution

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
MILLISECONDS = 1000.0
assumed(
    "played-latency",
    "A played request takes what the model server of a TPU7x VM computes for 64 tokens; in a minute with refusals, its full queue's wait too.",
)
assumed("played-kept", "What became of played requests can be read for six weeks, as Google keeps it; of others for a day.")


def points(world: World, metric: str, start: int, end: int) -> Iterator[tuple[str, tuple[int, int, int | Distribution]]]:
    """(labels and resource as one text, point) of one of the load balancer's metrics, for minutes that begin in [start, end)."""
    oldest = world.clock.now() - 42 * 24 * 60 * MINUTE
    keys: dict[tuple[str, str, str, int], str] = {}
    for rule, minute in played.minutes(world, max(start, oldest), end):
        for service, backend, status, count, waited in _outcomes(minute):
            if not count or (metric == BACKEND and not backend):
                continue
            known = (rule, service, backend, status)
            if known not in keys:
                labels = {"protocol": "HTTP/1.1", "cache_result": "DISABLED", "response_code_class": str(status // 100 * 100)}
                if metric == REQUESTS:
                    labels["response_code"] = str(status)
                resource = {**minute.labels, **played.target(service, backend)} if service else minute.labels
                keys[known] = json.dumps([labels, {"type": "https_lb_rule", "labels": resource}], sort_keys=True)
            value = count if metric == REQUESTS else _alike(count, _milliseconds(world, status, waited))
            yield keys[known], (minute.begin, minute.begin + MINUTE, value)


def loads(world: World, minute: int) -> dict[str, float]:
    """How much of its capacity each backend used in the whole minute that begins then (0..1)."""
    return {share.backend: share.load for _, found in played.minutes(world, minute, minute + MINUTE) for share in found.shares}


def _outcomes(minute: played.Minute) -> Iterator[tuple[str, str, int, int, bool]]:
    """(service, backend, status, requests, whether they waited)."""
    yield "", "", 200, minute.history, False
    yield "", "", 502, minute.lost, False
    for share in minute.shares:
        yield share.service, share.backend, 200, share.served, share.refused > 0
        yield share.service, share.backend, 503, share.refused, False


def _milliseconds(world: World, status: int, waited: bool) -> float:
    if status != 200:
        return 1.0
    per_slot = MACHINES["tpu7x-standard-4t"]["tokens_per_second"] / SLOTS_PER_CHIP
    one = world.durations.of("dataplane.first_token") / MILLISECONDS + DEFAULT_TOKENS / per_slot * MILLISECONDS
    return float(one * (1 + QUEUE_PER_CHIP / SLOTS_PER_CHIP) if waited else one)


def _alike(count: int, value: float) -> Distribution:
    return Distribution(count=count, total=count * value, squares=count * value * value, buckets={bucket_of(value): count})
