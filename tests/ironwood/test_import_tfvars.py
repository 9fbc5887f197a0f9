"""A terraform.tfvars of the seed becomes a profile that parses: nothing is lost in silence, every mistake is told at its line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from builders import ROOT
from ironwood.errors import ProfileError
from ironwood.profile import parse_profile
from ironwood.seed.profile import imported
from ironwood.seed.tfvars import Tfvars

WHOLE = """\
# the seed's variables
project_id  = "my-project"
region      = "us-central1"
zone        = "us-central1-a"
model_name  = "llama-70b"
environment = "prod"
enable_small_tpu  = true
enable_medium_tpu = false
enable_large_tpu  = false
min_replicas = 1
max_replicas = "4"
target_cpu_utilization = 0.7
scale_down_delay       = 600
redis_memory_size_gb   = 50
budget_amount          = 12000
budget_threshold_percent = 0.9
health_check_interval  = 20
health_check_timeout   = 10
ssl_certificate_domains = ["inference.example.com"]
notification_email = "oncall@example.com"
labels = { team = "inference", managed-by = "terraform" }
bigquery_dataset_location = "US"
regions = ["us-central1", "europe-west1"]
model_optimizations = {
  quantization_level = "fp8"
  batch_size         = 64
  sequence_length    = 1024
  enable_caching     = false
}
unheard_of = 1
"""


def test_what_can_be_a_profile_is_one_and_the_rest_is_listed_with_its_line():
    made = imported(WHOLE, source="terraform.tfvars", name="mine")
    profile = parse_profile(made.text, source="mine.yaml", environment={})
    assert (profile.project_id, profile.zone, profile.environment) == ("my-project", "us-central1-c", "prod")
    assert list(profile.enabled_tiers) == ["small"]
    assert (profile.tiers["small"].min_replicas, profile.tiers["small"].max_replicas) == (1, 4)
    assert profile.load_balancer.default_tier == "small"
    assert profile.load_balancer.domains == ("inference.example.com",)
    assert (profile.budget.amount_usd, profile.budget.threshold) == (12_000, 0.9)
    assert (profile.health_check.interval_seconds, profile.health_check.timeout_seconds) == (20, 10)
    assert dict(profile.labels) == {"team": "inference"}
    assert (profile.redis.enabled, profile.redis.memory_size_gb) == (True, 50)
    assert (profile.analytics.enabled, profile.analytics.location) == (True, "US")
    assert profile.model_optimizations.batch_size == 64
    assert not profile.model_optimizations.enable_caching
    scaled = profile.tiers["small"].autoscaling
    assert scaled is not None
    assert (scaled.signal, scaled.target, scaled.scale_down_delay_seconds, scaled.cooldown_seconds) == ("load_balancing", 0.7, 600, 300)
    assert {each.variable: each.line for each in made.left} == {
        "regions": 23,
        "unheard_of": 30,
    }
    assert "was us-central1-a, which has no TPU7x" in made.text
    assert all(each.variable in made.text for each in made.left)


def test_the_least_a_seed_needs_is_enough_and_comes_with_the_seeds_defaults():
    profile = parse_profile(imported('project_id = "my-project"\n', source="t", name="mine").text, source="mine.yaml", environment={})
    assert list(profile.enabled_tiers) == ["small", "medium"]
    assert profile.redis.memory_size_gb == 100
    assert {tier.min_replicas for tier in profile.tiers.values()} == {1}
    assert {tier.autoscaling for tier in profile.tiers.values()} == {None}, "the file says nothing of it"


def test_a_tier_that_no_autoscaler_can_own_says_why():
    made = imported('project_id = "my-project"\nenable_large_tpu = true\nscale_down_delay = 300\n', source="t", name="mine")
    profile = parse_profile(made.text, source="mine.yaml", environment={})
    assert [name for name, tier in profile.tiers.items() if tier.autoscaling] == ["small"]
    assert [each.why.partition(":")[0] for each in made.left] == ["tier medium has no autoscaler", "tier large has no autoscaler"]
    assert "1,280 VMs" in made.left[0].why
    none = imported('project_id = "my-project"\nmin_replicas = 0\ntarget_cpu_utilization = 0.7\n', source="t", name="mine")
    assert "min_replicas is 0" in none.left[0].why


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "t:1 project_id: is required"),
        ('project_id = "my-project"\nproject_id = "other"\n', "t:2 project_id: stands on line 1 already"),
        ('project_id = "my-project"\nzoen_ = "a"\nregoin = "b"\n', "t:3 regoin: is not a variable of the seed; did you mean 'region'?"),
        ('project_id = "my-project"\nmin_replicas = "few"\n', "t:2 min_replicas: 'few' is not a number"),
        ('project_id = "my-project"\nmin_replicas = 1.5\n', "t:2 min_replicas: 1.5 is not a whole number"),
        ('project_id = "my-project"\nenable_small_tpu = "on"\n', "t:2 enable_small_tpu: 'on' is neither true nor false"),
        ('project_id = "my-project"\ndomains = "a.example.com"\n', "t:2 domains: 'a.example.com' is not a list of texts"),
        ('project_id = "my-project"\nlabels = ["a"]\n', "t:2 labels: ['a'] is not a mapping"),
        ('project_id = "my-project"\nbudget_amount = -3\n', "t:2 budget_amount (budget.amount_usd): -3 is too little"),
        (
            'project_id = "my-project"\nredis_memory_size_gb = 900\n',
            "t:2 redis_memory_size_gb (redis.memory_size_gb): 900 is above the most",
        ),
        ('project_id = "my-project"\nenvironment = "qa"\n', "t:2 environment (environment): 'qa' is not one of dev, staging, prod"),
        (
            'project_id = "my-project"\nmodel_optimizations = { batch = 1 }\n',
            "t:2 model_optimizations (model_optimizations.batch): is not a key",
        ),
        (
            'project_id = "my-project"\nmin_replicas = 5\nmax_replicas = 2\n',
            "t:2 min_replicas (tiers.small.min_replicas): 5 is more than max_replicas 2",
        ),
        ('project_id = "my-project"\nlabels = { a = var.team }\n', "t:2 labels: is an expression"),
        ('variable "region" {\n  default = "us-central1"\n}\nproject_id = "my-project"\n', "t:1 variable: is a block"),
        ("project_id = \n=", "t:1 is not valid here as Terraform reads it"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_variable(text: str, told: str):
    with pytest.raises(ProfileError) as caught:
        imported(text, source="t", name="mine")
    assert told in str(caught.value)


def test_null_is_as_good_as_absent():
    assert list(Tfvars.parse('a = null\nb = "x"\n', source="t").variables) == ["b"]


def test_the_command_writes_a_new_file_and_never_over_an_old_one(tmp_path: Path):
    seed, target = tmp_path / "terraform.tfvars", tmp_path / "mine.yaml"
    seed.write_text(WHOLE)
    command = [sys.executable, "-m", "flows.import_tfvars", str(seed), "--write", str(target)]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr
    assert "2 left out" in first.stdout
    written = target.read_text()
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "there is such a file already" in again.stderr
    assert target.read_text() == written


def test_regions_become_regions_of_what_they_have_or_say_why_not():
    text = 'project_id = "my-project"\nregions = ["us-central1", "europe-west1", "asia-northeast1"]\n'
    made = imported(text, source="terraform.tfvars", name="mine")
    profile = parse_profile(made.text, source="mine.yaml", environment={})
    assert [*profile.enabled_tiers] == ["small", "medium", "small-asia-northeast1"]
    tier = profile.enabled_tiers["small-asia-northeast1"]
    assert (tier.generation, tier.zone, tier.chips, tier.min_replicas) == ("v6e", "asia-northeast1-b", 256, 0)
    assert profile.regions["asia-northeast1"].subnet_cidr == "10.3.0.0/16"
    assert "europe-west1 has no TPU7x, it has no TPUs that tiers can use" in made.text
    assert "asia-northeast1 has no TPU7x, it has v6e in asia-northeast1-b" in " ".join(made.text.replace("#", "").split())
    off = imported(text + "enable_small_tpu = false\n", source="terraform.tfvars", name="mine")
    assert [each.why for each in off.left if each.variable == "regions"][1:] == [
        "asia-northeast1 has no TPU7x, it has v6e in asia-northeast1-b; write `regions.asia-northeast1` with a tier of that"
    ]
