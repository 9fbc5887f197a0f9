"""The section `analytics` of a profile: whether served requests are kept in BigQuery, where, and for how long."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ironwood import patterns
from ironwood.profile_section import Section


class AnalyticsSettings(Section):
    """Off unless asked for. `usd_per_chip_hour` is what the serving image reckons a request's `cost_usd` by; without it that column stays empty."""

    enabled: bool = False
    location: Annotated[str, Field(pattern=patterns.DATA_LOCATION)] = "US"
    dataset: Annotated[str, Field(pattern=patterns.DATASET)] = "inference_analytics"
    retention_days: Annotated[int, Field(ge=1, le=3_650)] = 90
    usd_per_chip_hour: Annotated[float, Field(gt=0, strict=False)] | None = None
