"""The templates of deployments/templates/, as far as they can be checked without their engines: what they name exists here."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import settings
from ruamel.yaml import YAML

from builders import ROOT

TEMPLATES = ROOT / "deployments" / "templates"
OPERATOR = "ironwood-operator"


def documents(name: str) -> list[Any]:
    return list(YAML(typ="safe").load_all((TEMPLATES / name).read_text()))


def services() -> dict[str, Any]:
    (compose,) = documents("compose.yaml")
    return dict(compose["services"])


def containers() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every container of every template, with what it is called there."""
    yield from ((f"compose {name}", each) for name, each in services().items())
    for name in ("kubernetes.yaml", "cloud-run.yaml"):
        for each in documents(name):
            template = each.get("spec", {}).get("template") if each["kind"] != "ServiceAccount" else None
            for container in template["spec"]["containers"] if template else ():
                yield f"{name} {each['kind']}", container


def command_of(container: dict[str, Any]) -> list[str]:
    return [*container.get("command", ()), *container.get("args", ())]


def environment_of(container: dict[str, Any]) -> dict[str, str]:
    given = container.get("env") or container.get("environment") or {}
    return given if isinstance(given, dict) else {each["name"]: str(each.get("value", "")) for each in given}


def test_every_command_is_one_of_prefect_or_a_module_of_ours():
    commands = {name: command_of(each) for name, each in containers() if not each.get("image", "").startswith(("postgres", "redis"))}
    assert len(commands) == 7
    for name, command in commands.items():
        if command[0] == "python":
            assert command[1] == "-m", name
            assert callable(importlib.import_module(command[2]).main), name
        else:
            assert command[:2] in (["prefect", "worker"], ["prefect", "server"]), name
    workers = [command for command in commands.values() if command[1] == "worker"]
    assert all(command[command.index("--pool") + 1] == "ironwood" for command in workers)


def test_every_variable_of_prefect_is_one_it_knows():
    named = {variable for _, each in containers() for variable in environment_of(each)}
    known = {each for each in named if each.startswith("PREFECT_") and not each.startswith("PREFECT_REDIS_")}
    assert {each for each in known if not hasattr(settings, each)} == set()
    assert {"PREFECT_API_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_WORKER_WEBSERVER_HOST"} <= known


def test_compose_waits_for_what_it_needs_and_knows_every_volume():
    (compose,) = documents("compose.yaml")
    assert set(services()) == {"postgres", "redis", "server", "services", "bootstrap", "worker"}
    for name, each in services().items():
        for needed in each.get("depends_on", {}):
            assert services()[needed]["healthcheck"], f"{name} waits for {needed}, which says nothing of its health"
        for volume in each.get("volumes", ()):
            assert volume.partition(":")[0] in compose["volumes"]
    without = services()["server"]
    assert "--no-services" in without["command"]
    assert without["environment"] == services()["services"]["environment"]
    assert without["ports"] == ["127.0.0.1:4200:4200"]  # not for everybody on the network


def test_the_image_holds_every_package_and_runs_as_nobody_in_particular():
    text = (TEMPLATES / "Dockerfile").read_text()
    packages = re.search(r"packages = \[(.*)\]", (ROOT / "pyproject.toml").read_text())
    assert packages
    for package in re.findall(r'"(\w+)"', packages[1]):
        assert f"COPY {package} {package}\n" in text
    for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE):
        assert all((ROOT / each).exists() for each in line.split())
    assert "\nUSER ironwood\n" in text


@pytest.mark.parametrize("name", ["kubernetes.yaml", "cloud-run.yaml"])
def test_the_worker_runs_as_the_operators_account_and_holds_no_key(name: str):
    text = (TEMPLATES / name).read_text()
    assert f"{OPERATOR}@PROJECT.iam.gserviceaccount.com" in text
    assert "GOOGLE_APPLICATION_CREDENTIALS" not in text
    pods = [each["spec"]["template"]["spec"] for each in documents(name) if "template" in each.get("spec", {})]
    assert pods
    assert all(each["serviceAccountName"].partition("@")[0] == OPERATOR for each in pods)


def test_kubernetes_objects_live_in_one_namespace_that_is_made_first():
    first, *rest = documents("kubernetes.yaml")
    assert first["kind"] == "Namespace"
    assert {each["metadata"]["namespace"] for each in rest} == {first["metadata"]["name"]}
    (deployment,) = [each for each in rest if each["kind"] == "Deployment"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    assert deployment["spec"]["replicas"] == 1


def test_the_cloud_run_worker_is_never_put_to_sleep():
    (service,) = documents("cloud-run.yaml")
    notes = service["spec"]["template"]["metadata"]["annotations"]
    assert notes["autoscaling.knative.dev/minScale"] == notes["autoscaling.knative.dev/maxScale"] == "1"
    assert notes["run.googleapis.com/cpu-throttling"] == "false"


def test_the_templates_name_files_that_exist():
    for path in TEMPLATES.iterdir():
        for named in re.findall(r"(?:docs|deployments)/[\w/.-]+\.(?:md|yaml)", Path(path).read_text()):
            assert (ROOT / named).exists(), f"{path.name} names {named}"


def test_prefect_redis_is_named_only_where_the_image_installs_it():
    # It is not a dependency of the project: one machine needs neither PostgreSQL nor Redis.
    assert importlib.util.find_spec("prefect_redis") is None
    assert "prefect-redis" in (TEMPLATES / "Dockerfile").read_text()
