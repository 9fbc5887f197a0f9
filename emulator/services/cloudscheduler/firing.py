"""Jobs are fired: at their time the request is really sent.

1. A target on a Google host is this cloud itself: the request goes through its REST surface with ``Authorization: Bearer embedded-ACCOUNT``, the
token of the job's service account. 2. A target on this machine is called over HTTP, with
``Bearer embedded-identity-ACCOUNT`` where it brings an identity token; anything else cannot be reached from here. 3. One attempt of a
job runs at a time. 4. An answer of 2xx is success; after another the job is tried again as its retry configuration says. 5. In stepped time an
attempt ends before time moves on.
"""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from emulator import outages
from emulator.rules import assumed, documented
from emulator.services.cloudscheduler import times
from emulator.services.cloudscheduler.jobs import TAB
from emulator.services.pubsub.topics import publish_within
from emulator.times import SECOND, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 412: 9, 429: 8, 499: 1, 501: 12, 503: 14, 504: 4}
"""google.rpc codes of HTTP statuses; 13 (INTERNAL) for others from 500, 2 (UNKNOWN) below."""
UNREACHABLE = 503
documented("scheduler-2xx", "An attempt succeeds when the target answers 2xx; that says that the request was accepted, no more.")
documented("scheduler-one-at-a-time", "The next run of a job does not begin before the last has ended.")
assumed("scheduler-status", "A job's status after a success is empty, after a failure the google.rpc code of the HTTP status.")
assumed("scheduler-hosts", "A target that is neither on a Google host nor on this machine counts as unreachable (code 14).")


class Firing:
    """The jobs' agenda."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._running: set[str] = set()

    def next_due(self) -> int | None:
        """When a job is fired next."""
        rows = (row for name, row in self._world.store.items(TAB) if row["state"] == "ENABLED" and name not in self._running)
        return min((row["due"] for row in rows if row["due"] is not None), default=None)

    def settle(self, now: int) -> None:
        """Fire the jobs that are due; those of a lost region miss their time."""
        for name, row in self._world.store.items(TAB):
            if row["state"] == "ENABLED" and row["due"] is not None and row["due"] <= now and name not in self._running:
                if self._world.faults.lost(outages.location_of(name)):
                    self._world.store.put(TAB, name, {**row, "due": times.next_time(row["job"], now)})
                else:
                    self.fire(name, row, row["due"])

    def fire(self, name: str, row: Json, scheduled: int) -> None:
        """Begin an attempt."""
        now = max(scheduled, row["created"])
        self._running.add(name)
        self._world.store.put(TAB, name, {**row, "last": now})
        self._world.begin(self._attempt(name, row, scheduled))

    async def _attempt(self, name: str, row: Json, scheduled: int) -> None:
        status = UNREACHABLE
        try:
            status = await self._send(name, row["job"], scheduled)
        except httpx.HTTPError:
            status = UNREACHABLE
        finally:
            self._running.discard(name)
            self._ended(name, row, status)

    def _ended(self, name: str, row: Json, status: int) -> None:
        """Keep how it went and when it is next: a retry, or the next cron time, whichever comes first."""
        world = self._world
        live = world.store.get(TAB, name)
        if live is None or live["created"] != row["created"]:
            return
        now = world.clock.now()
        following = times.next_time(live["job"], now)
        if status // 100 == 2:
            result = {**live, "status": {}, "retry": 0, "due": following}
        else:
            code = CODES.get(status, 13 if status >= 500 else 2)
            result = {**live, "status": {"code": code}, "retry": 0, "due": following}
            retry = live["retry"] + 1
            if retry <= live["job"].get("retryConfig", {}).get("retryCount", 0):
                again = now + times.pause(live["job"], retry)
                if following is None or again < following:
                    result |= {"retry": retry, "due": again}
        world.store.put(TAB, name, result)
        world.commit()
        world.changed()

    async def _send(self, name: str, job: Json, scheduled: int) -> int:
        """Send the request; answers the HTTP status."""
        if "pubsubTarget" in job:
            given = job["pubsubTarget"]
            sent = publish_within(self._world, given["topicName"], given.get("data", ""), given.get("attributes", {}), scheduled)
            return 200 if sent else 404
        target = job["httpTarget"]
        parts = urlsplit(target["uri"])
        host = parts.hostname or ""
        headers = {
            "User-Agent": "Google-Cloud-Scheduler",
            "X-CloudScheduler": "true",
            "X-CloudScheduler-JobName": name.rpartition("/")[2],
            "X-CloudScheduler-ScheduleTime": utc(scheduled),
            **target.get("headers", {}),
        }
        if "oauthToken" in target:
            headers["Authorization"] = f"Bearer embedded-{target['oauthToken']['serviceAccountEmail']}"
        if "oidcToken" in target:
            headers["Authorization"] = f"Bearer embedded-identity-{target['oidcToken']['serviceAccountEmail']}"
        google = host.endswith(".googleapis.com")
        if not google and not host.startswith("127.") and host != "localhost":
            return UNREACHABLE
        if google and parts.path.startswith("/_emulator"):
            return 404
        transport = httpx.ASGITransport(app=self._world.surface) if google and self._world.surface else None
        deadline = times.duration(job["attemptDeadline"]) / SECOND
        async with httpx.AsyncClient(transport=transport, timeout=deadline, trust_env=False) as client:
            body = base64.b64decode(target.get("body", ""))
            answer = await asyncio.wait_for(client.request(target["httpMethod"], target["uri"], headers=headers, content=body), deadline)
        return answer.status_code
