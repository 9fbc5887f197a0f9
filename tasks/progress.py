"""A bar on the run's page for what takes long: a group that grows over minutes.

1. There is none for what is done in a few seconds; one that is there is written every few seconds at most, and when it is full.
2. A bar that cannot be written never stops the work it is about.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.exceptions import PrefectHTTPStatusError

LONG_SECONDS, EVERY_SECONDS = 5.0, 2.0
"""Of this machine's time: what counts is how long somebody looks at the page."""


class Bar:
    """The bar of one operation."""

    def __init__(self, name: str, what: str, *, long_seconds: float = LONG_SECONDS, every_seconds: float = EVERY_SECONDS) -> None:
        """`name`, of which the key is made, and `what` in words."""
        self._long, self._every = long_seconds, every_seconds
        self._key = re.sub(r"[^a-z0-9]+", "-", f"progress-{name}".lower()).strip("-")
        self._what = what
        self._began = self._written = time.monotonic()
        self._artifact: UUID | None = None
        self._shown: tuple[float, str] = (-1.0, "")

    def told(self, done: int, total: int, waiting_for: str = "") -> None:
        """`done` of `total` are ready."""
        now = time.monotonic()
        share = 100.0 if done >= total else 100.0 * done / total
        full = share == 100.0 and self._artifact is not None
        if (share, waiting_for) == self._shown or (not full and (now - self._began < self._long or now - self._written < self._every)):
            return
        self._written, self._shown = now, (share, waiting_for)
        told = f"{self._what}: {done} of {total}{f', {waiting_for}' if waiting_for else ''}"
        with suppress(PrefectHTTPStatusError, httpx.HTTPError):
            if self._artifact is None:
                made = create_progress_artifact(progress=share, key=self._key, description=told)
                assert isinstance(made, UUID)
                self._artifact = made
            else:
                update_progress_artifact(artifact_id=self._artifact, progress=share, description=told)
