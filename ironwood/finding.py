"""A broken rule of a profile: the key it is told at, and the text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is wrong at `path`, in the words of the profile, and what would do."""

    path: tuple[str | int, ...]
    text: str
