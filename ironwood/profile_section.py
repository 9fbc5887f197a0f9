"""What every section of a profile is: frozen, strictly typed, without unknown keys."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping of known keys to values of their types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
