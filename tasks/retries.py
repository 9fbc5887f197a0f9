"""Retries, decided by error type, here and nowhere else.

A TransientError is asked again, with growing pauses; everything else stops at once, because asking again would not help:
a quota, a permission, a refusal want a person, a conflict wants a new observation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from ironwood.errors import TransientError

P = ParamSpec("P")
R = TypeVar("R")
RETRIES = 5
PAUSES_SECONDS = [1.0, 2.0, 4.0, 8.0, 16.0]
JITTER = 0.5


def google_task(*, name: str, run_name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A Prefect task that asks Google something: never cached, its result kept nowhere, tried again where time may heal what went wrong.

    `run_name` may name the task's parameters in braces.
    """
    return task(
        name=name,
        task_run_name=run_name,
        cache_policy=NO_CACHE,
        retries=RETRIES,
        retry_delay_seconds=PAUSES_SECONDS,
        retry_jitter_factor=JITTER,
        retry_condition_fn=may_succeed_later,
        persist_result=False,
    )


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
