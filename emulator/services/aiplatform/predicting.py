"""Predictions through an endpoint: by its traffic split to a deployed model, and there to one of its replicas' slots.

A replica answers as the model server of a VM does (``emulator/dataplane/model_server.py``): so many slots a chip, so many that wait, beyond that a
refusal; but it is reached through Vertex AI, which waits for it a minute.
"""

from __future__ import annotations

from typing import Any

from emulator.call import Call
from emulator.dataplane.model_server import DEFAULT_TOKENS, MAX_TOKENS, QUEUE_PER_CHIP, SLOTS_PER_CHIP
from emulator.errors import ApiError
from emulator.rules import assumed
from emulator.services.aiplatform import endpoints, models
from emulator.services.aiplatform.deployments import chips
from emulator.services.aiplatform.naming import failed, shown
from emulator.services.compute.catalog import MACHINES
from emulator.times import seconds

Json = dict[str, Any]
assumed("vertex-predict-empty", "A prediction through an endpoint without traffic split is a 400 FAILED_PRECONDITION.")
assumed("vertex-predict-load", "A deployed model's replicas have the slots and queues of the model servers of VMs; a full queue is a 429.")
assumed(
    "vertex-predict-split",
    "Of each hundred predictions of an endpoint every deployed model gets its share, the one with the least id first.",
)


class Predictions:
    """How many requests each deployed model is busy with."""

    def __init__(self) -> None:
        self._busy: dict[str, int] = {}

    async def predict(self, call: Call) -> Json:
        """Answer a prediction."""
        world, row = call.world, endpoints.find(call, call.text("endpoint"))
        name = row["endpoint"]["name"]
        if not row["split"]:
            raise failed(f"Endpoint {shown(world, name)} has no traffic_split to route predictions by.")
        given = call.values.get("resource") or {}
        texts, tokens = _asked(given)
        turn = row["asked"] % endpoints.ALL
        endpoints.save(world, {**row, "asked": row["asked"] + 1})
        deployed = row["deployed"][_chosen(row["split"], turn)]
        resources = deployed["dedicatedResources"]
        size = chips(resources) * resources["minReplicaCount"]
        key = f"{name}/{deployed['id']}"
        ahead = self._busy.get(key, 0)
        if ahead >= size * (SLOTS_PER_CHIP + QUEUE_PER_CHIP):
            raise ApiError(429, "Too many requests: the deployed model's replicas are overloaded.", status_name="RESOURCE_EXHAUSTED")
        self._busy[key] = ahead + 1
        try:
            rounds = 1 + ahead // (size * SLOTS_PER_CHIP)
            per_slot = MACHINES[resources["machineSpec"]["machineType"]]["tokens_per_second"] / SLOTS_PER_CHIP
            took = world.durations.of("dataplane.first_token") + seconds(tokens * len(texts) / per_slot)
            await world.clock.sleep_until(world.clock.now() + took * rounds)
        finally:
            self._busy[key] -= 1
        model = models.find(call, deployed["model"])
        return {
            "predictions": [{"text": f"echo: {text[:200]}", "tokens": tokens} for text in texts],
            "deployedModelId": deployed["id"],
            "model": shown(world, deployed["model"]),
            "modelDisplayName": model["displayName"],
            "modelVersionId": deployed["modelVersionId"],
        }


def _asked(given: Json) -> tuple[list[str], int]:
    try:
        texts = [str(each["text"]) for each in given.get("instances") or []]
        tokens = int((given.get("parameters") or {}).get("max_tokens", DEFAULT_TOKENS))
    except (KeyError, TypeError, ValueError) as error:
        raise ApiError(400, 'The model server answered 400: expected {"instances": [{"text": "..."}]}.') from error
    if not texts or not 0 < tokens <= MAX_TOKENS:
        raise ApiError(400, f"The model server answered 400: at least one instance, and 1 to {MAX_TOKENS} tokens.")
    return texts, tokens


def _chosen(split: dict[str, int], turn: int) -> str:
    passed = 0
    for key in sorted(split):
        passed += split[key]
        if turn < passed:
            return key
    return max(split)
