"""Retries, decided by error type, here and nowhere else.

A TransientError is asked again, with growing pauses; everything else stops at once, because asking again would not help:
a quota, a permission, a refusal want a person, a conflict wants a new observation.
"""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from ironwood.errors import TransientError

RETRIES = 5
PAUSES_SECONDS = [1.0, 2.0, 4.0, 8.0, 16.0]


def may_succeed_later(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether the failure in `state` is one that time may heal."""
    del task, task_run
    try:
        state.result()
    except TransientError:
        return True
    except Exception:  # noqa: BLE001 - whatever it was, it is not transient
        return False
    return False
