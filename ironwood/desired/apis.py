"""Which APIs a profile needs enabled."""

from __future__ import annotations

from ironwood.apis import BIGQUERY_APIS, REDIS_APIS, REQUIRED_APIS, SECRET_APIS, TPU_APIS, VERTEX_APIS
from ironwood.profile import Profile


def apis_of(profile: Profile) -> tuple[str, ...]:
    """The APIs `profile` needs enabled."""
    optional = (
        *(VERTEX_APIS if profile.vertex.endpoints else ()),
        *(TPU_APIS if profile.development else ()),
        *(REDIS_APIS if profile.redis.enabled else ()),
        *(SECRET_APIS if profile.security.api_key or profile.security.model_token else ()),
        *(BIGQUERY_APIS if profile.analytics.enabled or profile.budget.billing_export else ()),
    )
    return (*REQUIRED_APIS, *optional)
