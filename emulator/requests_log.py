"""What was asked of the emulated APIs, in order, since this process started or the last reset. Admin and data-path requests are not in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KEPT = 200_000


@dataclass(kw_only=True)
class Entry:
    """One request and the permissions it needed. ``committed`` says whether its changes were kept; ``status`` is None while it runs or when it was never answered."""

    n: int
    at: str
    service: str
    method: str
    http_method: str
    path: str
    write: bool
    request_id: str | None
    user_agent: str
    write_n: int | None = None
    status: int | None = None
    committed: bool = False
    caller: str = ""
    permissions: list[str] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """As the admin surface prints it."""
        return {name: value for name, value in vars(self).items() if name != "write_n"}


class RequestLog:
    """The log, bounded to the last requests."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._count = 0
        self._writes = 0

    def open(self, **fields: Any) -> Entry:
        """Note a request that has just arrived."""
        self._count += 1
        entry = Entry(n=self._count, **fields)
        if entry.write:
            self._writes += 1
            entry.write_n = self._writes
        self._entries.append(entry)
        if len(self._entries) > KEPT:
            del self._entries[: KEPT // 10]
        return entry

    def since(self, n: int, *, writes_only: bool) -> list[dict[str, Any]]:
        """Entries after number ``n``."""
        return [entry.shown() for entry in self._entries if entry.n > n and (entry.write or not writes_only)]

    def permissions(self) -> dict[str, list[str]]:
        """Every permission that calls needed, with the methods that needed it."""
        found: dict[str, set[str]] = {}
        for entry in self._entries:
            for permission in entry.permissions:
                found.setdefault(permission, set()).add(entry.method)
        return {permission: sorted(found[permission]) for permission in sorted(found)}

    def clear(self) -> None:
        """Forget everything and count from 1 again."""
        self._entries.clear()
        self._count = self._writes = 0
