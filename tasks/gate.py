"""The gate between two stages of a rollout: does what stands now serve as users need it?"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
from prefect import task
from prefect.cache_policies import NO_CACHE

from cloud.connection import Connection
from ironwood.errors import ProbeError
from ironwood.graph import Graph
from tasks import reach
from tasks.probe import NOBODY, OK, QUESTION, routes

QUESTIONS = 40
"""Predictions asked through each route: enough to meet a canary of a tenth of the VMs with 98 % probability."""


@task(name="gate", task_run_name="ask through every route", cache_policy=NO_CACHE, persist_result=False)
def gate(connection: Connection, live: Graph, wanted: Graph) -> None:
    """Ask through every route; raises ProbeError naming the routes where predictions fail. A tier without VMs may answer 502."""
    clients = reach.clients(connection, live, wanted)
    ways = list(routes(live, wanted))
    with ThreadPoolExecutor(max(1, len(ways))) as beside:
        asked = list(beside.map(lambda way: _answers(clients, way[0]), ways))
    broken = []
    for (_, service), answers in zip(ways, asked, strict=True):
        wrong = [each for each in answers if each not in {OK, NOBODY}]
        if wrong:
            broken.append(f"{len(wrong)} of {QUESTIONS} predictions of {service.name} failed, the first with {wrong[0]}")
    if broken:
        raise ProbeError("; ".join(broken))


def _answers(clients: Callable[[], httpx.Client], url: str) -> list[int | str]:
    with clients() as client:
        return [_status(client, url) for _ in range(QUESTIONS)]


def _status(client: httpx.Client, url: str) -> int | str:
    try:
        return client.post(url, json=QUESTION).status_code
    except httpx.HTTPError as error:
        return type(error).__name__
