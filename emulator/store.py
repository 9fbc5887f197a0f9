"""The one store: tables of JSON values, in memory for reading, in SQLite for keeping.

1. Values are replaced, never changed in place; what ``get`` returns is to be read only.
2. ``commit`` writes everything changed since the last commit in one transaction; a killed process loses only what was not committed.
3. Without a file the store lives in memory alone.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (tab TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (tab, key));
"""
# an update keeps the row's place, so a restart finds values in the order they were first put
_PUT = "INSERT INTO records (tab, key, value) VALUES (?, ?, ?) ON CONFLICT (tab, key) DO UPDATE SET value = excluded.value"


class StoreError(Exception):
    """The state file cannot be used; the message says which and why."""


class Store:
    """Tables of JSON values by key."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._tables: dict[str, dict[str, Json]] = {}
        self._changed: dict[tuple[str, str], None] = {}  # a set that keeps its order
        try:
            self._database = sqlite3.connect(str(path) if path else ":memory:", isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode=WAL")
            # Surviving kill -9 needs the operating system's page cache only, not a sync to the disk at each write.
            self._database.execute("PRAGMA synchronous=OFF")
            self._database.executescript(_SCHEMA)
            rows = self._database.execute("SELECT tab, key, value FROM records ORDER BY rowid")
            for tab, key, value in rows:
                self._tables.setdefault(tab, {})[key] = json.loads(value)
        except sqlite3.Error as error:
            raise StoreError(f"--state {path}: {error}; name a file this user can write, or remove a damaged one") from error

    def get(self, tab: str, key: str) -> Json | None:
        """The value, or None."""
        return self._tables.get(tab, {}).get(key)

    def put(self, tab: str, key: str, value: Json) -> None:
        """Replace the value."""
        self._tables.setdefault(tab, {})[key] = value
        self._changed[tab, key] = None

    def delete(self, tab: str, key: str) -> None:
        """Remove the value if there is one."""
        if self._tables.get(tab, {}).pop(key, None) is not None:
            self._changed[tab, key] = None

    def items(self, tab: str) -> Iterator[tuple[str, Json]]:
        """All values of a table, in the order they were first put."""
        return iter(list(self._tables.get(tab, {}).items()))

    def count(self, tab: str) -> int:
        """How many values the table holds."""
        return len(self._tables.get(tab, {}))

    def commit(self) -> None:
        """Write what changed, in one transaction."""
        if not self._changed:
            return
        changed, self._changed = self._changed, {}
        self._database.execute("BEGIN IMMEDIATE")
        for tab, key in changed:
            value = self._tables.get(tab, {}).get(key)
            if value is None:
                self._database.execute("DELETE FROM records WHERE tab = ? AND key = ?", (tab, key))
            else:
                text = json.dumps(value, separators=(",", ":"))
                self._database.execute(_PUT, (tab, key, text))
        self._database.execute("COMMIT")

    def clear(self, *, keep: frozenset[str] = frozenset()) -> None:
        """Empty every table but those kept."""
        for tab, values in self._tables.items():
            if tab not in keep:
                self._changed.update(((tab, key), None) for key in values)
                values.clear()
        self.commit()

    def close(self) -> None:
        """Commit and close the file."""
        self.commit()
        self._database.close()
