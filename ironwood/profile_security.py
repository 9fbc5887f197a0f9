"""The section `security` of a profile: who may ask for predictions and how often, and whose word the model server has; off unless asked for, but in prod. And its rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ironwood import patterns
from ironwood.finding import Finding
from ironwood.profile_section import Section

if TYPE_CHECKING:
    from ironwood.profile import Profile


class SecuritySettings(Section):
    """`api_key`: predictions ask for a key that a secret of ours holds (docs/security.md); health checks do not.

    `model_token`: a secret that is there already, with the token the model is fetched with.
    """

    api_key: bool = False
    model_token: Annotated[str, Field(pattern=patterns.SECRET_ID)] | None = None


def production_is_not_open(profile: Profile) -> Iterator[Finding]:
    """Whoever finds the address of an open front end uses its TPUs."""
    if profile.environment == "prod" and not profile.security.api_key:
        yield Finding(
            path=("environment",),
            text="is prod and /v1/predict is open to everybody; write `security: {api_key: true}`, or another environment where it is to be open",
        )


SECURITY_RULES = (production_is_not_open,)
