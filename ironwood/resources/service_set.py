"""The Google APIs a project must have enabled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ironwood.resources.base import Marking, Resource


@dataclass(frozen=True, kw_only=True)
class ServiceSet(Resource):
    """Those of the APIs we use that are enabled in the project; it always stands at `base.SERVICES`.

    An API enablement cannot be marked, may be used by others and costs nothing: it is never taken back, and one that is on beyond what is desired
    is no difference.
    """

    kind: ClassVar[str] = "service_set"
    marking: ClassVar[Marking] = "none"

    enabled: tuple[str, ...]

    def differences(self, other: Resource) -> dict[str, tuple[object, object]]:
        """Only an API that is wanted and off is a difference: one that is on and not wanted any more stays on."""
        missing = isinstance(other, ServiceSet) and not set(other.enabled) <= set(self.enabled)
        return super().differences(other) if missing else {}
