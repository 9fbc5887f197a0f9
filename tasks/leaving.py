"""Whether a profile is on its way out: a teardown says so before it begins, and until it is done nothing grows behind it.

1. It is kept in the state object, which teardown deletes last, so a teardown that was killed or could not delete everything is still known.
2. Only `provision`, which a person runs, takes it back.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from cloud import state
from cloud.connection import Connection
from ironwood.errors import ApiDisabledError, NotFoundError, PermissionDeniedError
from ironwood.profile import Profile
from tasks.retries import google_task
from tasks.windows import known_state


@google_task(name="leaving", run_name="note that everything is to go")
def leave(connection: Connection, profile: Profile, run: UUID) -> None:
    """From now on nothing is changed but by teardown itself, or by `provision`. The bucket of the state object is ours, or gone."""
    now = connection.clock.now()
    with suppress(NotFoundError), connection.clock.participating("leaving"):
        state.update(connection, profile, run, "teardown begun", lambda kept: kept.going(now))


@google_task(name="leaving", run_name="ask whether everything is to go")
def leaving_since(connection: Connection, profile: Profile) -> datetime | None:
    """When the teardown began that is not at its end, or None."""
    with connection.clock.participating("leaving"):
        return known_state(connection, profile).leaving


@google_task(name="leaving", run_name="note that it stays")
def stay(connection: Connection, profile: Profile, run: UUID) -> None:
    """Take back what an unfinished teardown noted."""
    # A bucket that is somebody else's is for preflight to name.
    with suppress(NotFoundError, ApiDisabledError, PermissionDeniedError), connection.clock.participating("leaving"):
        if state.read(connection, profile).state.leaving:
            state.update(connection, profile, run, "teardown taken back", lambda kept: kept.staying())
