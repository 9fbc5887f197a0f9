"""Rules between the keys of the section `development`, each a function that yields findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ironwood import naming, tpu_v5e
from ironwood.finding import Finding

if TYPE_CHECKING:
    from ironwood.profile import Profile

MAX_NAME = 63


def the_type_is_served(profile: Profile) -> Iterator[Finding]:
    """The Cloud TPU API serves the accelerator type as development TPUs are ordered: v5e, in a size there is; a topology said is its own."""
    for name, wanted in profile.development.items():
        path, given = ("development", name, "accelerator_type"), wanted.accelerator_type
        if given not in tpu_v5e.SLICES:
            known = ", ".join(tpu_v5e.SLICES)
            if given.startswith(("tpu7x", "v6e", "v5p")):
                told = f"'{given}' is no development TPU: write a tier for {given.partition('-')[0]}; here are {known}"
                if given.startswith("tpu7x"):
                    told = f"'{given}' cannot be had: the Cloud TPU API does not serve TPU7x, write a tier for it; here are {known}"
            else:
                told = f"'{given}' is no v5e slice; choose one of {known}"
            yield Finding(path=path, text=told)
        elif wanted.topology not in {None, wanted.shape.topology}:
            text = f"'{wanted.topology}' is not the topology of {given}; write {wanted.shape.topology}, or leave it out"
            yield Finding(path=("development", name, "topology"), text=text)


def the_zone_has_v5e(profile: Profile) -> Iterator[Finding]:
    """It is ordered in a zone of the profile's region, where its subnet is, that has v5e."""
    here = tpu_v5e.zones_in(profile.region)
    for name, wanted in profile.development.items():
        if not here:
            text = f"region {profile.region} has no v5e; it is in {', '.join(tpu_v5e.ZONES)}"
            yield Finding(path=("development", name, *(("zone",) if wanted.zone else ())), text=text)
        elif wanted.zone is not None and wanted.zone not in here:
            text = f"'{wanted.zone}' has no v5e in region {profile.region}; choose {' or '.join(here)}, or leave it out"
            yield Finding(path=("development", name, "zone"), text=text)


def its_names_fit(profile: Profile) -> Iterator[Finding]:
    """The name of each queued resource is short enough."""
    for name in profile.development:
        made = naming.development_tpu(profile.name_prefix, name, 1)
        if len(made) > MAX_NAME:
            text = f"makes the name '{made}' {len(made)} characters long; at most {MAX_NAME} are allowed, so choose a shorter one"
            yield Finding(path=("development", name), text=text)


DEVELOPMENT_RULES: tuple[Callable[[Profile], Iterator[Finding]], ...] = (the_type_is_served, the_zone_has_v5e, its_names_fit)
