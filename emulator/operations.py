"""Long-running operations of every API.

1. A write answers an operation that is RUNNING until its emulated duration has passed; then its effect is applied, once.
2. The effect is data (a name and arguments), so an operation in flight survives the emulator's restart.
3. A failed operation is DONE too, and its GET is a 200 [recorded]. 4. A repeated requestId is answered with the first request's operation.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emulator.errors import ApiError
from emulator.rules import assumed, documented, recorded

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
Effect = Callable[["World", Json, int], Json | None]
TAB = "operations"
ZERO_UUID = "00000000-0000-0000-0000-000000000000"

recorded("operation-get-is-200", "GET of a failed operation is a 200; the failure is in its error and httpErrorStatusCode.")
documented("request-id", "A repeated requestId is ignored: the answer is the first request's operation. The zero UUID is invalid.")
assumed("request-id-window", "A requestId is remembered for as long as the emulator's state lives, per method.")


class Operations:
    """All operations. An effect answers None, or the error the operation ends with: {code, message, http, http_message}."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._effects: dict[str, Effect] = {}
        self._due: list[tuple[int, str]] = []
        self.reload()

    def reload(self) -> None:
        """Take up what the store holds in flight."""
        self._due = [(op["due"], key) for key, op in self._world.store.items(TAB) if not op["done"] and op["due"] is not None]
        heapq.heapify(self._due)

    def effect(self, name: str, function: Effect) -> None:
        """Register what happens when an operation with this effect ends."""
        self._effects[name] = function

    def begin(self, key: str, record: Json, *, duration: int | None, effect: Json | None, now: int) -> Json:
        """Start an operation. ``duration`` None: someone else will ``finish`` it. Zero: it is done at once."""
        op = {
            "key": key,
            **record,
            "begun": now,
            "due": None if duration is None else now + duration,
            "done": False,
            "end": None,
            "error": None,
            "effect": effect,
        }
        self._world.store.put(TAB, key, op)
        if duration == 0:
            self._end(key, now)
        elif duration is not None:
            heapq.heappush(self._due, (now + duration, key))
        self._world.changed()
        return self.get(key) or op

    def get(self, key: str) -> Json | None:
        """The operation's record."""
        return self._world.store.get(TAB, key)

    def finish(self, key: str, at: int, error: Json | None = None) -> None:
        """End an operation that had no duration of its own."""
        op = self.get(key)
        if op and not op["done"]:
            self._world.store.put(TAB, key, {**op, "done": True, "end": at, "error": error})
            self._world.changed()

    def next_due(self) -> int | None:
        """When the next operation ends."""
        return self._due[0][0] if self._due else None

    def settle(self, now: int) -> None:
        """End the one operation that is due first."""
        _, key = heapq.heappop(self._due)
        self._end(key, now)

    def _end(self, key: str, at: int) -> None:
        op = self.get(key)
        if op is None or op["done"]:
            return
        effect = op["effect"]
        error = self._effects[effect["do"]](self._world, op, at) if effect else None
        op = self.get(key) or op
        self._world.store.put(TAB, key, {**op, "done": True, "end": at, "error": error})
        self._world.changed()

    def repeated(self, method: str, request_id: str | None) -> Json | None:
        """The operation an earlier request with this requestId started; raises ApiError for a bad id."""
        if request_id is None:
            return None
        if request_id == ZERO_UUID:
            raise ApiError(400, f"Invalid value for field 'requestId': '{request_id}'. The zero UUID is not supported.", reason="invalid")
        earlier = self._world.store.get("request_ids", f"{method} {request_id}")
        return self.get(earlier["operation"]) if earlier else None

    def remember(self, method: str, request_id: str | None, key: str) -> None:
        """Note which operation a requestId started."""
        if request_id is not None:
            self._world.store.put("request_ids", f"{method} {request_id}", {"operation": key})
