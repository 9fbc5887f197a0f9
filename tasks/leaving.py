"""Whether a profile is on its way out: a teardown says so before it begins, and until it is done nothing grows behind it.

1. It is kept in the state object, which teardown deletes last, so a teardown that was killed or could not delete everything is still known.
2. Only `provision`, which a person runs, takes it back.
"""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from cloud import state
from cloud.connection import Connection
from ironwood.errors import NotFoundError
from ironwood.profile import Profile
from tasks.retries import google_task


@google_task(name="leaving", run_name="note that everything is to go")
def leave(connection: Connection, profile: Profile, run: UUID) -> None:
    """From now on nothing is changed but by teardown itself, or by `provision`. The bucket of the state object is ours, or gone."""
    now = connection.clock.now()
    with suppress(NotFoundError), connection.clock.participating("leaving"):
        state.update(connection, profile, run, "teardown begun", lambda kept: kept.going(now))


@google_task(name="leaving", run_name="note that it stays")
def stay(connection: Connection, profile: Profile, run: UUID) -> None:
    """Take back what an unfinished teardown noted."""
    with connection.clock.participating("leaving"):
        state.update(connection, profile, run, "teardown taken back", lambda kept: kept.staying())
