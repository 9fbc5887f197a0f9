"""The commands a person types: the main job, --help, and input that is refused before anything is asked."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flows.provision import provision
from ironwood.desired import desired
from ironwood.errors import ProfileError
from ironwood.resources.registry import KINDS
from running import ROOT, EmbeddedCloud, PrefectServer, run
from tasks.inputs import load_profile

FLOWS = [
    "provision", "validate", "scale", "rollout", "detect_drift", "status", "diagnose", "teardown", "lifecycle", "plan_capacity", "refresh_prices",
    "note",
    "preview", "schedules",
    "check_budget", "export_demand", "grade",
]  # fmt: skip
BROKEN = sorted((Path(__file__).resolve().parents[1] / "data" / "broken_profiles").glob("*.yaml"))
SEED = 20261130
IN_MAKE_TEST = 30
"""Each costs a flow run; what each is told is tested by itself."""


def objects(path: Path) -> int:
    """How many objects the profile wants, the set of APIs aside."""
    profile = load_profile(str(path))
    return len(desired(profile, profile.baseline)) - 1


HELP = """
import contextlib, io, runpy, sys
for name in sys.argv[1:]:
    told = io.StringIO()
    sys.argv = [name, "--help"]
    with contextlib.redirect_stdout(told):
        try:
            runpy.run_module(f"flows.{name}", run_name="__main__")
        except SystemExit as ended:
            code = ended.code
    print(name, code, "--profile NAME|FILE" in told.getvalue())
"""


def test_every_flow_has_help():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", HELP, *FLOWS], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.stdout.splitlines() == [f"{name} 0 True" for name in FLOWS], done.stderr


def test_the_lifecycle_runs_end_to_end_and_ends_in_zero(in_the_cloud: EmbeddedCloud, whole_profile: Path, commands: dict[str, str]):
    name = whole_profile.read_text().splitlines()[0].partition(": ")[2]
    done = run("flows.lifecycle", "--profile", str(whole_profile), "--confirm", name, environment=commands)
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout
    assert f"+{objects(whole_profile)} ~1 -0" in told
    assert "validate    16/16" in told
    assert "drift       none" in told
    assert "small 1 → 3 → 1   0 of " in told
    assert f"proof of zero: {len(KINDS)} kinds listed in every zone and region, 0 ours, $0.00/h" in told
    assert "ironwood-ledger purged by Google by" in re.sub(r"[\s│]+", " ", told)
    assert "by the embedded cloud's own meter, $0.00/h now" in told
    assert in_the_cloud.inventory() == set()
    assert in_the_cloud.ask("dataplane")["lost"] == 0


def test_the_lifecycle_of_slices_and_reserved_chips_in_a_shared_vpc_rolls_an_image_out(
    in_the_cloud: EmbeddedCloud, commands: dict[str, str]
):
    image = "us-docker.pkg.dev/example/serving/vllm-tpu:v0.12.0"
    done = run("flows.lifecycle", "--profile", "shared", "--confirm", "shared", "--image", image, environment=commands)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "small 2 → 3 → 2   0 of " in done.stdout
    assert "in 11 stages   0 of " in done.stdout
    assert "autoscale   medium 2 → 4 VMs by its autoscaler" in done.stdout
    assert f"proof of zero: {len(KINDS)} kinds listed in every zone and region, 0 ours, $0.00/h" in done.stdout
    assert in_the_cloud.inventory() == set()


def test_not_one_broken_profile_asks_the_cloud_anything(flows_here: EmbeddedCloud):
    before = len(flows_here.requests())
    for path in BROKEN if os.environ.get("IRONWOOD_LONG") else random.Random(SEED).sample(BROKEN, IN_MAKE_TEST):
        with pytest.raises(ProfileError):
            provision(str(path))
    assert len(flows_here.requests()) == before


def test_a_broken_profile_is_told_on_the_command_line(in_the_cloud: EmbeddedCloud):
    before = len(in_the_cloud.requests())
    for path in BROKEN[:: len(BROKEN) // 3]:
        done = run("flows.provision", "--profile", str(path), environment=in_the_cloud.environment)
        assert done.returncode == 2
        assert done.stderr.strip().endswith(path.with_suffix(".expected").read_text().strip().rpartition(f"{path.name}:")[2])
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
    assert len(in_the_cloud.requests()) == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--profile", "nowhere"], "no profile is called 'nowhere'"),
        (["--profile", "nowhere.yaml"], "there is no such file"),
        (["--sizes", "small"], "'small' is not TIER=PODS"),
        (["--sizes", "small=99"], "outside min_replicas 0 to max_replicas 3"),
        (["--sizes", "huge=1"], "no enabled tier 'huge'"),
    ],
)
def test_bad_flags_are_told_without_a_traceback(arguments: list[str], told: str, in_the_cloud: EmbeddedCloud, commands: dict[str, str]):
    done = run("flows.scale", *arguments, environment=commands)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert in_the_cloud.writes() == []


@pytest.mark.long
def test_in_stepped_time_too_the_lifecycle_says_what_an_earlier_run_left_and_uses_it(
    tmp_path: Path, small_profile: Path, prefect_server: PrefectServer
):
    cloud = EmbeddedCloud(folder=tmp_path, clock="stepped").start()
    try:
        name = small_profile.read_text().splitlines()[0].partition(": ")[2]
        environment = {**prefect_server.environment, **cloud.environment}
        before = run("flows.provision", "--profile", str(small_profile), environment=environment)
        # Stepped time passes only while everybody waits, so a step takes what the cloud states and nothing else.
        assert "08:24  create instance_group/zones/us-central1-c/ironwood-cluster-small-001" in before.stdout
        done = run("flows.lifecycle", "--profile", str(small_profile), "--confirm", name, environment=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{objects(small_profile)} objects of profile" in done.stdout
        assert cloud.inventory() == set()
    finally:
        cloud.stop()
