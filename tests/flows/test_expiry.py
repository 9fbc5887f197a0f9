"""A profile with an end: from then on the next look tears everything down, and nothing is provisioned."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cloud.connection import connect
from flows.provision import provision
from flows.scale import scale
from ironwood.errors import ProfileError
from running import EmbeddedCloud
from tasks.inputs import load_profile


def test_what_has_expired_is_torn_down_by_the_next_look_and_not_made_again(flows_here: EmbeddedCloud, small_profile: Path):
    small_profile.write_text(
        small_profile.read_text().replace("{chips: 16}", "{enabled: false}").replace("8080}", "8080, default_tier: small}")
    )
    clock = connect(load_profile(str(small_profile))).clock
    text = small_profile.read_text()
    small_profile.write_text(text + f"expires: {clock.now() + timedelta(days=30):%Y-%m-%dT%H:%M}\n")
    provision(str(small_profile))
    assert scale(str(small_profile)) == 0
    small_profile.write_text(text + f"expires: {clock.now() - timedelta(minutes=1):%Y-%m-%dT%H:%M}\n")
    assert scale(str(small_profile)) > 0
    assert flows_here.inventory() == set()
    assert scale(str(small_profile)) == 0
    with pytest.raises(ProfileError, match="has expired; give `expires` a later date, or remove it"):
        provision(str(small_profile))
    assert flows_here.inventory() == set()
