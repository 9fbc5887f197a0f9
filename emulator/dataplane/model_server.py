"""The simulated model server on each VM.

Latency of one request, in emulated seconds: first token + tokens / (chip's tokens per second / SLOTS_PER_CHIP), after the wait for a slot.
1. A chip serves SLOTS_PER_CHIP requests at a time and lets QUEUE_PER_CHIP wait; beyond that the answer is 503.
2. It answers GET of any readiness path a health check asks for, and POST /v1/predict; other paths are 404.
3. Where the template's metadata names a secret as API key, all but the readiness path asks for it (`emulator/dataplane/keys.py`).
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.dataplane import keys, telemetry
from emulator.rules import assumed
from emulator.services.compute import records
from emulator.services.compute.groups.fleet import Vm
from emulator.times import seconds

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
assumed(
    "model-latency",
    "0.15 s to the first token, then the chip's throughput shared by its 8 slots; 64 output tokens unless max_tokens says otherwise.",
)
assumed("model-queue", "16 requests wait per chip; one more is answered 503 by the model server.")
SLOTS_PER_CHIP = 8
QUEUE_PER_CHIP = 16
DEFAULT_TOKENS = 64
MAX_TOKENS = 8192
MODEL_KEYS = ("model-name", "model_name", "MODEL_NAME", "model")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the model server says."""

    status: int
    body: bytes


class TimedOutError(Exception):
    """The load balancer's timeout came first."""


@dataclass(kw_only=True)
class _Desk:
    running: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class ModelServers:
    """The model servers of all VMs, by VM id."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._desks: dict[str, _Desk] = {}

    def reset(self) -> None:
        """Forget every queue."""
        self._desks.clear()

    async def answer(
        self,
        vm: Vm,
        method: str,
        path: str,
        body: bytes,
        *,
        headers: Mapping[str, str],
        readiness: str,
        deadline: int,
        region: str,
    ) -> Answer:
        """One request to one VM; raises TimedOutError at the deadline."""
        if method in {"GET", "HEAD"} and path == readiness:
            return _said(200, {"status": "ok"})
        if (refused := keys.refused(self._world, vm, headers)) is not None:
            return _said(*refused)
        if path != "/v1/predict":
            return _said(404, {"error": f"no such path: {path}"})
        if method != "POST":
            return _said(405, {"error": "use POST"})
        try:
            request = json.loads(body)
            instances = request["instances"]
            tokens = int((request.get("parameters") or {}).get("max_tokens", DEFAULT_TOKENS))
            texts = [str(instance["text"]) for instance in instances]
        except (ValueError, KeyError, TypeError):
            return _said(400, {"error": 'expected {"instances": [{"text": "..."}]}'})
        if not texts or not 0 < tokens <= MAX_TOKENS:
            return _said(400, {"error": f"at least one instance, and 1 to {MAX_TOKENS} tokens"})
        return await self._predict(vm, texts, tokens, deadline, headers.get("x-request-id") or self._world.identity.uuid(), region)

    async def _predict(self, vm: Vm, texts: list[str], tokens: int, deadline: int, request_id: str, region: str) -> Answer:
        clock = self._world.clock
        begun = clock.now()
        desk = self._desks.setdefault(vm.id, _Desk())
        chips = max(1, vm.shape()["chips"])
        if desk.running >= chips * SLOTS_PER_CHIP:
            if len(desk.waiting) >= chips * QUEUE_PER_CHIP:
                return _said(503, {"error": "the model server's queue is full"})
            await self._queue(desk, deadline)
        else:
            desk.running += 1
        busy = desk.running / (chips * SLOTS_PER_CHIP)
        try:
            done = clock.now() + self.service_time(vm, tokens * len(texts))
            if done > deadline:
                await clock.sleep_until(deadline)
                raise TimedOutError
            await clock.sleep_until(done)
        finally:
            self._leave(desk)
        properties = (records.resource(self._world, vm.template) or {}).get("properties", {})
        metadata = {item["key"]: item.get("value") for item in properties.get("metadata", {}).get("items", [])}
        content: Json = {
            "predictions": [{"text": f"echo: {text[:200]}", "tokens": tokens} for text in texts],
            "model": next((metadata[key] for key in MODEL_KEYS if metadata.get(key)), "simulated"),
            "servedBy": vm.name,
            "requestId": request_id,
        }
        if tier := properties.get("labels", {}).get("tier"):
            content["tier"] = tier
        slot = self.service_time(vm, tokens * len(texts))
        seen = telemetry.Seen(
            request_id=request_id,
            region=region,
            begun=begun,
            ended=clock.now(),
            slot=slot,
            tokens=tokens * len(texts),
            busy=busy,
            slots=SLOTS_PER_CHIP,
        )
        telemetry.publish(self._world, vm, properties, seen)
        return _said(200, content)

    async def _queue(self, desk: _Desk, deadline: int) -> None:
        """Wait for a slot, handed over by whoever leaves; raises TimedOutError at the deadline."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        desk.waiting.append(turn)
        late = asyncio.ensure_future(self._world.clock.sleep_until(deadline))
        try:
            await asyncio.wait({turn, late}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._give_up(desk, turn)
            raise
        finally:
            late.cancel()
        if not turn.done():
            self._give_up(desk, turn)
            raise TimedOutError

    def _give_up(self, desk: _Desk, turn: asyncio.Future[None]) -> None:
        if turn.done():
            self._leave(desk)
        else:
            desk.waiting.remove(turn)

    def _leave(self, desk: _Desk) -> None:
        while desk.waiting:
            turn = desk.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        desk.running -= 1

    def service_time(self, vm: Vm, tokens: int) -> int:
        """Microseconds to answer so many tokens once a slot is had."""
        per_slot = vm.shape()["tokens_per_second"] / SLOTS_PER_CHIP
        return self._world.durations.of("dataplane.first_token") + seconds(tokens / per_slot)


def _said(status: int, content: Json) -> Answer:
    return Answer(status=status, body=json.dumps(content).encode())
