"""The proof of zero finds one planted orphan of each kind: another zone or region, another name, a tier since removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cloud.connection import connect
from cloud.drivers.registry import DRIVERS
from flows.teardown import teardown
from ironwood.apis import KNOWN_APIS
from ironwood.resources.registry import KINDS
from planting import Planter
from running import EmbeddedCloud
from tasks.inputs import load_profile
from tasks.proof import prove_zero

MARKABLE = sorted(kind for kind, form in KINDS.items() if form.marking != "none")


def test_every_kind_has_a_driver_and_a_planter():
    assert set(DRIVERS) == set(KINDS)
    assert all(isinstance(getattr(Planter, kind), Callable) for kind in MARKABLE)


def test_an_orphan_of_each_kind_is_found_named_and_removed(flows_here: EmbeddedCloud, small_profile: Path):
    profile = load_profile(str(small_profile))
    flows_here.enable(*KNOWN_APIS)  # a project in which a profile once lived
    planter = Planter(flows_here, profile.name)
    for kind in MARKABLE:
        planter.plant(kind)
    found = {address.partition("/")[0] for address in prove_zero.fn(connect(profile), profile).left}
    assert found == set(MARKABLE)
    teardown(str(small_profile), confirm=profile.name)
    assert not prove_zero.fn(connect(profile), profile).left
    assert {name for _, _, name in flows_here.inventory()} == {"theirs"}, "somebody else's secret stays"
