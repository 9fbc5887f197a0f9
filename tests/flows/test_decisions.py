"""Every look at the sizes leaves its decision: what was in force, what was seen, what else there was and its price, what was done and why."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from cloud import audit
from cloud.connection import connect
from flows.provision import provision
from flows.scale import scale
from ironwood import naming
from ironwood.decision import KIND
from ironwood.desired.observability import ledger_log
from ironwood.errors import PreflightError
from running import EmbeddedCloud, wait_until
from tasks.inputs import load_profile


def decisions(path: Path) -> list[dict[str, Any]]:
    profile = load_profile(str(path))
    bucket = naming.ledger(profile.name_prefix)
    found = audit.read(connect(profile), bucket=bucket, log=ledger_log(profile), since=datetime(2020, 1, 1, tzinfo=UTC), kind=KIND)
    return [dict(each.content) for each in found]


def test_each_look_leaves_one_entry_and_one_artifact_with_its_reasons_and_alternatives(flows_here: EmbeddedCloud, whole_profile: Path):
    whole_profile.write_text(
        whole_profile.read_text().replace("{chips: 16}", "{enabled: false}").replace("8080}", "8080, default_tier: small}")
    )
    provision(str(whole_profile))
    scale(str(whole_profile))
    scale(str(whole_profile), {"small": 2})
    flows_here.tell("quotas", {"us-central1/TPU7X": 16}, method="PUT")
    with pytest.raises(PreflightError):
        scale(str(whole_profile), {"small": 3})
    flows_here.tell("quotas", {"us-central1/TPU7X": 16_384}, method="PUT")
    wait_until(lambda: len(decisions(whole_profile)) == 3, "the entries")
    nothing, grown, refused = decisions(whole_profile)
    assert nothing["done"] == "+0 ~0 -0"
    assert nothing["reasons"] == {"small": "baseline"}
    assert nothing["in_force"] == "the profile"
    assert grown["done"] == "+0 ~1 -0"
    assert grown["seen"] == {"small": 1}
    assert grown["wanted"] == {"small": 2}
    assert grown["reasons"] == {"small": "given"}
    assert refused["done"].startswith("not done: ")
    assert refused["wanted"] == {"small": 3}
    prices = {each["name"]: float(each["usd_hour"]) for each in grown["choices"]}
    assert prices["as it was"] < prices["taken"] < prices["always the largest"]
    assert prices["taken"] - prices["as it was"] == pytest.approx(8 * 12, abs=0.1)
    key = f"decisions-{load_profile(str(whole_profile)).name}"
    with get_client(sync_client=True) as client:
        versions = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    assert len(versions) == 3
