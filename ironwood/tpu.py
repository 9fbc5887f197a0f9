"""TPU arithmetic: chips -> topology, machine type, VMs, accelerator name, number of groups.

Source: Google Cloud documentation of TPU7x (Ironwood), v6e, v5p and of TPUs in managed instance groups; see `docs/architecture.md`, "Shapes".
The suffix of an accelerator name counts TensorCores: two a chip on TPU7x and v5p (256 chips are `tpu7x-512`), one on v6e.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations_with_replacement

from ironwood.errors import ProfileError

GROUP_VM_LIMIT = 1_000
"""VMs one zonal managed instance group may hold (documented limit without paginated listing)."""

CUBE_CHIPS = 64
"""A cube is 4x4x4 chips; larger slices are whole cubes."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One TPU generation as Compute Engine offers it.

    `quota_family` is what its chip quota calls it, `spot_quota` the quota of its Spot chips; `flat` topologies have two sides (a torus has three). Units: memory in GiB a chip.
    """

    name: str
    machine_type: str
    quota_family: str
    spot_quota: str
    chips_per_vm: int
    tensorcores_per_chip: int
    hbm_gib_per_chip: int
    max_chips: int
    flat: bool
    zones: tuple[str, ...]
    image_family: str


TPU7X = Generation(
    name="tpu7x",
    machine_type="tpu7x-standard-4t",
    quota_family="tpu7x",
    spot_quota="PREEMPTIBLE-TPU7X",
    chips_per_vm=4,
    tensorcores_per_chip=2,
    hbm_gib_per_chip=192,
    max_chips=9_216,
    flat=False,
    zones=("us-central1-ai1a", "us-central1-c"),
    image_family="ubuntu-accel-2404-amd64-tpu-tpu7x",
)
V6E = Generation(
    name="v6e",
    machine_type="ct6e-standard-4t",
    quota_family="ct6e",
    spot_quota="PREEMPTIBLE-TPU-V6E",
    chips_per_vm=4,
    tensorcores_per_chip=1,
    hbm_gib_per_chip=32,
    max_chips=256,
    flat=True,
    zones=("asia-northeast1-b", "europe-west4-a", "us-central1-b", "us-east5-a", "us-east5-b"),
    image_family="ubuntu-accel-2204-amd64-tpu-v6e",
)
V5P = Generation(
    name="v5p",
    machine_type="ct5p-hightpu-4t",
    quota_family="ct5p",
    spot_quota="PREEMPTIBLE-TPU-V5P",
    chips_per_vm=4,
    tensorcores_per_chip=2,
    hbm_gib_per_chip=95,
    max_chips=6_144,
    flat=False,
    zones=("europe-west4-b", "us-central1-a", "us-east5-a"),
    image_family="ubuntu-accel-2204-amd64-tpu-v5p",
)

GENERATIONS = {each.name: each for each in (TPU7X, V6E, V5P)}
BY_MACHINE_TYPE = {each.machine_type: each for each in GENERATIONS.values()}

_FLAT = {4: (2, 2), 8: (2, 4), 16: (4, 4), 32: (4, 8), 64: (8, 8), 128: (8, 16), 256: (16, 16)}
_BELOW_A_CUBE = {4: (2, 2, 1), 8: (2, 2, 2), 16: (2, 2, 4), 32: (2, 4, 4)}


def region_of(place: str) -> str:
    """The region of a zone, a scope or an address's place: `europe-west4` of `europe-west4-a`, `zones/europe-west4-a` and `regions/europe-west4`; "" of what is global."""
    level, _, name = place.rpartition("/")
    return name if level == "regions" else name.rpartition("-")[0]


def offered_in(region: str) -> dict[str, tuple[str, ...]]:
    """The zones of a region that have each generation, of those it has any of."""
    found = {each.name: tuple(zone for zone in each.zones if region_of(zone) == region) for each in GENERATIONS.values()}
    return {name: zones for name, zones in found.items() if zones}


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The hardware of one pod: `chips` chips in `topology`, spread over `vms` VMs in `groups` zonal groups."""

    generation: Generation
    chips: int
    topology: str
    vms: int
    groups: int

    @property
    def accelerator_type(self) -> str:
        """The name Google gives the shape; its number counts TensorCores, not chips."""
        return f"{self.generation.name}-{self.chips * self.generation.tensorcores_per_chip}"


def slice_of(chips: int, generation: Generation = TPU7X) -> Slice:
    """The slice that holds `chips` chips.

    Raises ProfileError where no topology has that many chips; it names the nearest sizes that exist.
    """
    sides = _sides(chips, generation)
    if sides is None:
        below, above = _neighbours(chips, generation)
        nearest = " or ".join(str(n) for n in (below, above) if n is not None)
        raise ProfileError(f"no {generation.name} topology has {chips} chips; the nearest that exist have {nearest}")
    vms = chips // generation.chips_per_vm
    return Slice(generation=generation, chips=chips, topology="x".join(map(str, sides)), vms=vms, groups=groups_for(vms))


def groups_for(vms: int) -> int:
    """How many zonal groups hold `vms` VMs; at least one, so that a tier at zero keeps its place."""
    return max(1, math.ceil(vms / GROUP_VM_LIMIT))


def group_sizes(vms: int) -> tuple[int, ...]:
    """VMs of each group: every group is filled before the next is opened."""
    return tuple(min(GROUP_VM_LIMIT, vms - GROUP_VM_LIMIT * n) for n in range(groups_for(vms)))


def chips_of_accelerator(name: str) -> int | None:
    """Chips behind an accelerator name such as `tpu7x-512` (256), or None where the name is not one of ours."""
    family, _, cores = name.partition("-")
    generation = GENERATIONS.get(family)
    if generation is None or not cores.isdigit():
        return None
    return int(cores) // generation.tensorcores_per_chip


def _sides(chips: int, generation: Generation) -> tuple[int, ...] | None:
    if generation.flat:
        return _FLAT.get(chips)
    if chips in _BELOW_A_CUBE:
        return _BELOW_A_CUBE[chips]
    cubes, rest = divmod(chips, CUBE_CHIPS)
    if rest or not 1 <= cubes <= generation.max_chips // CUBE_CHIPS:
        return None
    shapes = [
        (a, b, cubes // (a * b))
        for a, b in combinations_with_replacement(range(1, math.isqrt(cubes) + 1), 2)
        if cubes % (a * b) == 0 and cubes // (a * b) >= b
    ]
    # The most compact box: the least surface has the shortest paths between chips.
    best = min(shapes, key=lambda s: s[0] * s[1] + s[1] * s[2] + s[0] * s[2])
    return (4 * best[0], 4 * best[1], 4 * best[2])


def _neighbours(chips: int, generation: Generation) -> tuple[int | None, int | None]:
    cubes = {CUBE_CHIPS * n for n in range(1, generation.max_chips // CUBE_CHIPS + 1)}
    sizes = sorted(_FLAT if generation.flat else {*_BELOW_A_CUBE, *cubes})
    below = max((s for s in sizes if s < chips), default=None)
    above = min((s for s in sizes if s > chips), default=None)
    return below, above
