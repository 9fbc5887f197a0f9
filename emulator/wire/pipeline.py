"""One road for every API request, whatever its wire.

1. Let happen what is due; strike faults; refuse a disabled API and who may not, and what an organisation policy
forbids; let the handler run; commit; answer. 2. An error keeps nothing the handler did
and everything that was due. 3. A held request that lost its client is dropped uncommitted when held before, kept when held after.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from emulator import outages
from emulator.access import constraints, enforce
from emulator.call import Answer, Call, Methods
from emulator.errors import ApiError, CutConnectionError, DroppedRequestError
from emulator.faults import Fault
from emulator.requests_log import Entry
from emulator.rules import assumed
from emulator.services.serviceusage import state as apis
from emulator.times import seconds

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
Gone = Callable[[], Awaitable[None]]
assumed("unserved-method", "A method Google has and the emulator has not is a 501 naming it.")
READS = (
    "get",
    "list",
    "aggregatedList",
    "listManagedInstances",
    "listErrors",
    "listInstances",
    "getHealth",
    "wait",
    "batchGet",
    "getFromFamily",
    "getIamPolicy",
    "testIamPermissions",
    "getEffectivePolicy",
    "getBillingInfo",
    "predict",
    "query",
    "getQueryResults",
)


def is_write(method: str) -> bool:
    """Whether a method changes anything."""
    return method.rpartition(".")[2] not in READS


class Pipeline:
    """Runs calls."""

    def __init__(self, world: World, methods: Methods) -> None:
        self._world = world
        self._methods = methods

    async def run(self, api: str, call: Call, entry: Entry, gone: Gone) -> Answer:
        """Answer a call; raises ApiError, DroppedRequestError, CutConnectionError. ``gone`` ends when the client has."""
        world = self._world
        holds = world.faults.holds() if entry.write else []
        try:
            late = world.faults.latency(call.method)
            if late:
                await world.clock.sleep_until(world.clock.now() + seconds(late))
            await self._hold([fault for fault in holds if fault.spec["point"] == "before"], entry, gone)
            world.settle()
            world.faults.raise_for(call.method)
            if entry.write:
                outages.refuse(world, call)
            answer = await self._handled(api, call, entry)
            world.commit()
            entry.committed = entry.write
            entry.status = 200
            await self._hold_after([fault for fault in holds if fault.spec["point"] == "after"], entry, gone)
            if world.faults.loses_response(call.method):
                raise CutConnectionError
            return answer
        except ApiError as error:
            entry.status = error.status
            world.commit()
            raise

    async def _handled(self, api: str, call: Call, entry: Entry) -> Answer:
        handler = self._methods.find(call.method)
        if handler is None:
            raise ApiError(501, f"{call.method} is not emulated")
        apis.require(self._world, api)
        fresh = Call(**{**vars(call), "now": self._world.clock.now(), "entry": entry, "caller": entry.caller})
        enforce.require(self._world, api, fresh, entry)
        constraints.check(fresh)
        answer = handler(fresh)
        if inspect.isawaitable(answer):
            return await answer
        return answer

    async def _hold(self, faults: list[Fault], entry: Entry, gone: Gone) -> None:
        for fault in faults:
            fault.state, fault.request = "holding", entry.shown()
            lost = await _released_or_gone(fault, gone)
            fault.state = "done"
            if lost:
                raise DroppedRequestError

    async def _hold_after(self, faults: list[Fault], entry: Entry, gone: Gone) -> None:
        for fault in faults:
            fault.state, fault.request = "holding", entry.shown()
            await _released_or_gone(fault, gone)
            fault.state = "done"


async def _released_or_gone(fault: Fault, gone: Gone) -> bool:
    """Wait until the fault is lifted or the client is gone; says whether the client was gone."""
    left = asyncio.ensure_future(gone())
    released = asyncio.ensure_future(fault.released.wait())
    try:
        await asyncio.wait({left, released}, return_when=asyncio.FIRST_COMPLETED)
        if not left.done():
            await asyncio.wait({left}, timeout=0.01)  # a client that died with the release is still gone
        return left.done()
    finally:
        left.cancel()
        released.cancel()
