"""How far a long operation has come, told by drivers to whoever listens; nobody has to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[int, int, str], None]
"""Called with how many of how many are done, and what is waited for meanwhile ("" where the numbers say it)."""

_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


@contextmanager
def listening(*listeners: Listener) -> Iterator[None]:
    """While open, `listeners` hear what is told in this thread; one that raises ends the operation's wait."""
    token = _listeners.set(listeners)
    try:
        yield
    finally:
        _listeners.reset(token)


def tell(done: int, total: int, waiting_for: str = "") -> None:
    """`done` of `total` are ready."""
    for listener in _listeners.get():
        listener(done, total, waiting_for)
