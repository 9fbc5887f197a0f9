"""The record of every write: what was intended before it was sent, what came of it after.

Entries go to the log of the run (logger `ironwood.journal`); a killed run's last intent without an outcome names the one
write whose fate is not known.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid5

log = logging.getLogger("ironwood.journal")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt at one step of one run: the identity of the writes made in it.

    Only transport retries of one attempt repeat an id, so Google ignores those and no others.
    """

    run: UUID
    step: str
    number: int
    _parts: list[str] = field(default_factory=list)

    @contextmanager
    def write(self, doing: str) -> Iterator[str]:
        """Journal one write and yield its request id."""
        self._parts.append(doing)
        request_id = str(uuid5(self.run, f"{self.step}#{self.number}#{len(self._parts)}"))
        log.info("intent  %s: %s (request %s)", self.step, doing, request_id)
        try:
            yield request_id
        except Exception as error:
            log.info("failed  %s: %s: %s", self.step, doing, error)
            raise
        log.info("outcome %s: %s done", self.step, doing)
