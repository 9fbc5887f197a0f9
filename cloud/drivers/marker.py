"""The marker: by it we know our own, whatever the kind.

Where a kind has labels the profile's name is the label `ironwood-profile`; where it has a description, the description says
`ironwood-profile=NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ironwood import naming
from ironwood.desired.marks import LABEL_KEY

_IN_TEXT = re.compile(rf"\b{LABEL_KEY}=([a-z][-a-z0-9]*)")


def description(owner: str) -> str:
    """The description that marks `owner`'s things."""
    return naming.marker(owner)


def owner_in_text(text: str) -> str:
    """The owner a description names, or ""."""
    match = _IN_TEXT.search(text)
    return match[1] if match else ""


def owner_in_labels(labels: Mapping[str, str]) -> str:
    """The owner the labels name, or ""."""
    return labels.get(LABEL_KEY, "")
