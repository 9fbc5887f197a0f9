"""Ids, operation names and fingerprints.

1. Ids come from a persistent counter, so a stepped run repeats them exactly.
2. A fingerprint is a padded base64url hash of the content (gcloud crashes on anything else), so it changes when and only when the content does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from emulator.store import Store


class Identity:
    """Hands out ids."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _next(self) -> int:
        number = int((self._store.get("meta", "identity") or {"last": 0})["last"]) + 1
        self._store.put("meta", "identity", {"last": number})
        return number

    def numeric(self) -> str:
        """An unsigned 19-digit id as a decimal string, as Compute Engine prints them."""
        digest = hashlib.blake2b(f"id-{self._next()}".encode(), digest_size=8).digest()
        return str(10**18 + int.from_bytes(digest, "big") % (8 * 10**18))

    def unique(self) -> str:
        """A 21-digit unique id, as IAM gives service accounts."""
        return f"1{int(self.numeric()):020d}"

    def operation(self, milliseconds: int) -> str:
        """``operation-<ms>-<hex>-<hex>-<hex>`` as in recorded traffic."""
        digest = hashlib.blake2b(f"op-{self._next()}".encode(), digest_size=15).hexdigest()
        return f"operation-{milliseconds}-{digest[:13]}-{digest[13:21]}-{digest[21:29]}"

    def uuid(self) -> str:
        """A uuid."""
        return str(uuid.UUID(hashlib.blake2b(f"uuid-{self._next()}".encode(), digest_size=16).hexdigest()))

    def letters(self, length: int) -> str:
        """The random suffix of a managed instance's name: ``length`` lower-case letters and digits."""
        alphabet = "bcdfghjklmnpqrstvwxz0123456789"
        number = int.from_bytes(hashlib.blake2b(f"vm-{self._next()}".encode(), digest_size=8).digest(), "big")
        out = ""
        for _ in range(length):
            number, index = divmod(number, len(alphabet))
            out += alphabet[index]
        return out


def same_etag(one: str, other: str) -> bool:
    """Whether two etags are one: clients send them back in either base64 alphabet, with or without padding."""
    plain = str.maketrans("-_", "+/")
    return one.translate(plain).rstrip("=") == other.translate(plain).rstrip("=")


NO_LABELS = "42WmSpB8rSM="  # what every resource without labels shows [recorded]


def label_fingerprint(labels: Mapping[str, Any] | None) -> str:
    """The fingerprint of a resource's labels."""
    return fingerprint(labels) if labels else NO_LABELS


def fingerprint(content: Mapping[str, Any] | list[Any] | None) -> str:
    """Eight bytes of hash, base64url with padding."""
    digest = hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).digest()
    return base64.urlsafe_b64encode(digest).decode()
