"""How far a long operation has come, told by drivers to whoever listens; nobody has to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[int, int, str], None]
"""Called with how many of how many are done, and what is waited for meanwhile ("" where the numbers say it)."""

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """While open, `listener` hears what is told in this thread."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(done: int, total: int, waiting_for: str = "") -> None:
    """`done` of `total` are ready."""
    listener = _listener.get()
    if listener is not None:
        listener(done, total, waiting_for)
