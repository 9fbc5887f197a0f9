"""The request for more quota, as a command to type: what Cloud Quotas calls the quota, where, and the value to ask for."""

from __future__ import annotations

from collections.abc import Mapping

from ironwood.tpu import Generation

CHIPS = "TPUS-PER-TPU-FAMILY-per-project-region"


def quota_id(metric: str, scope: str) -> str:
    """What Cloud Quotas calls a quota that Compute reports as `metric` in `scope` ("global" or a region)."""
    return f"{metric.replace('_', '-')}-per-project{'' if scope == 'global' else '-region'}"


def request(project: str, quota: str, value: int, dimensions: Mapping[str, str], *, service: str = "compute.googleapis.com") -> str:
    """The command that asks for `value` of `quota` altogether."""
    where = ",".join(f"{key}={each}" for key, each in dimensions.items())
    return (
        f"`gcloud beta quotas preferences create --service={service} --project={project} --quota-id={quota} "
        f"--preferred-value={value}{f' --dimensions={where}' if where else ''}`"
    )


def chips_request(project: str, generation: Generation, region: str, value: int, *, spot: bool) -> str:
    """The command that asks for `value` chips of a generation in a region altogether."""
    quota = f"{generation.spot_quota}-per-project-region" if spot else CHIPS
    return request(project, quota, value, {"region": region} | ({} if spot else {"tpu_family": generation.quota_family.upper()}))
