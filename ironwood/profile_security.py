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

    `rate_limit`: requests a minute of one client address that the front end lets through, the others are answered 429 (Cloud Armor).
    `deletion_protection`: teardown asks once more; unless written it does so in prod. `model_token`: a secret that is there already, with the token the model is fetched with.
    """

    api_key: bool = False
    deletion_protection: bool | None = None
    rate_limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    model_token: Annotated[str, Field(pattern=patterns.SECRET_ID)] | None = None


def is_protected(profile: Profile) -> bool:
    """Whether teardown asks once more before it deletes the profile."""
    wanted = profile.security.deletion_protection
    return profile.environment == "prod" if wanted is None else wanted


def what_expires_is_not_protected(profile: Profile) -> Iterator[Finding]:
    """A profile that is to be torn down by itself has nobody who would be asked."""
    if profile.expires is not None and is_protected(profile):
        yield Finding(
            path=("expires",), text="tears down a profile that is protected from that; write `security: {deletion_protection: false}` too"
        )


def production_is_not_open(profile: Profile) -> Iterator[Finding]:
    """Whoever finds the address of an open front end uses its TPUs."""
    if profile.environment == "prod" and not profile.security.api_key:
        yield Finding(
            path=("environment",),
            text="is prod and /v1/predict is open to everybody; write `security: {api_key: true}`, or another environment where it is to be open",
        )


SECURITY_RULES = (production_is_not_open, what_expires_is_not_protected)
