"""The marker by which a profile's things are known, and the labels they bear."""

from __future__ import annotations

from ironwood.naming import MARKER
from ironwood.profile import Profile

LABEL_KEY = MARKER


def labels(profile: Profile, **more: str) -> tuple[tuple[str, str], ...]:
    """The profile's labels with the marker, as sorted pairs."""
    return tuple(sorted({**profile.labels, "environment": profile.environment, LABEL_KEY: profile.name, **more}.items()))
