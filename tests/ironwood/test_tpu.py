"""TPU arithmetic: the seed's tiers come out right, and a topology exists only where the chips fill one."""

import pytest

from ironwood.errors import ProfileError
from ironwood.tpu import chips_of_accelerator, group_sizes, slice_of


@pytest.mark.parametrize(
    ("chips", "vms", "topology", "accelerator", "groups"),
    [
        (4, 1, "2x2x1", "tpu7x-8", 1),
        (64, 16, "4x4x4", "tpu7x-128", 1),
        (128, 32, "4x4x8", "tpu7x-256", 1),
        (256, 64, "4x8x8", "tpu7x-512", 1),
        (512, 128, "8x8x8", "tpu7x-1024", 1),
        (1024, 256, "8x8x16", "tpu7x-2048", 1),
        (9216, 2304, "16x24x24", "tpu7x-18432", 3),
    ],
)
def test_a_tier_has_the_shape_google_documents(chips: int, vms: int, topology: str, accelerator: str, groups: int):
    pod = slice_of(chips)
    assert (pod.vms, pod.topology, pod.accelerator_type, pod.groups) == (vms, topology, accelerator, groups)
    assert pod.generation.machine_type == "tpu7x-standard-4t"


def test_the_suffix_counts_tensorcores():
    assert chips_of_accelerator("tpu7x-512") == 256
    assert chips_of_accelerator("v6e-256") == 256
    assert chips_of_accelerator("v4-8") is None


@pytest.mark.parametrize("chips", [0, 3, 48, 300, 9217, 64 * 145])
def test_chips_that_fill_no_topology_are_refused(chips: int):
    with pytest.raises(ProfileError, match="nearest that exist"):
        slice_of(chips)


def test_every_topology_above_a_cube_multiplies_to_its_chips_in_ascending_multiples_of_four():
    for cubes in range(1, 145):
        sides = [int(side) for side in slice_of(64 * cubes).topology.split("x")]
        assert sides == sorted(sides)
        assert all(side % 4 == 0 for side in sides)
        assert sides[0] * sides[1] * sides[2] == 64 * cubes


def test_groups_are_filled_one_after_the_other():
    assert group_sizes(2304) == (1000, 1000, 304)
    assert group_sizes(1000) == (1000,)
    assert group_sizes(0) == (0,)
