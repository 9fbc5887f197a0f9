"""The permissions provision, scale and teardown use: recorded, not written down from memory.

On an embedded cloud of its own a profile is provisioned, changed in every way that is made in place, drifted by hand, provisioned
again, scaled up and down, and torn down; the embedded cloud tells what each request needed. `tasks/preflight/permissions.yaml` (asked about by preflight) and
`docs/permissions.md` are made from that. A permission is listed with the methods that need it.

`python -m bench.permissions`
"""

from __future__ import annotations

import base64
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from pathlib import Path

import httpx
from ruamel.yaml import YAML

from cloud.home import PROJECT_ROOT
from tasks.preflight.permissions import BOOK

DOCUMENT = PROJECT_ROOT / "docs" / "permissions.md"
Used = dict[str, dict[str, list[str]]]
"""operation -> permission -> methods"""

PROFILE = """name: permissions
cloud: embedded
project_id: embedded-project
lease: {hours: 720}
load_balancer: {port: 8080, https_port: 8443, domains: [permissions.example.test]}
budget: {amount_usd: 10000000, actions: [{at: 1.0, do: stop_growth}]}
vertex: {deployments: {medium: {max_replicas: 2}}}
analytics: {enabled: true}
redis: {enabled: true, memory_size_gb: 5}
security: {api_key: true, model_token: hf-token, rate_limit: 100000}
tiers:
  small: {chips: 8, autoscaling: {}}
  medium: {chips: 16}
development: {bench: {accelerator_type: v5litepod-1}}
"""
CHANGED = PROFILE.replace("port: 8080,", "port: 8080, max_rate_per_vm: 90, default_tier: small,").replace(
    "[perm", "[www.permissions.example.test, perm"
).replace("{max_replicas: 2}", "{max_replicas: 3}").replace("memory_size_gb: 5", "memory_size_gb: 6").replace(
    "rate_limit: 100000", "rate_limit: 200000"
) + ("serving: {image: example.com/serving:next, port: 8081}\nhealth_check: {interval_seconds: 20}\nlabels: {team: inference}\n")
"""Updates in place: firewall, certificates, health check, backend service, URL map, labels; and a new template for each group."""
SMALLER = PROFILE.replace("small: {chips: 8, autoscaling: {}}", "small: {enabled: false}")
PARENT = "projects/embedded-project"


def rehearse(rest: str, folder: Path, become: Callable[[str], None] = lambda _: None) -> Used:
    """Provision, change, scale and tear down on the embedded cloud at `rest`, and tell what each operation used.

    Runs inside Prefect settings of the caller's; the environment must lead to that cloud. `become` is called with the name of
    each operation before it begins.
    """
    from flows.provision import provision
    from flows.scale import scale
    from flows.teardown import teardown

    path = folder / "permissions.yaml"
    used: Used = {"provision": {}, "scale": {}, "teardown": {}}
    make_token(rest)
    become("provision")
    with _noted(rest, used["provision"]):
        path.write_text(PROFILE, encoding="utf-8")
        provision(str(path))
    _drift(rest)
    with _noted(rest, used["provision"]):
        for text in (CHANGED, SMALLER, PROFILE):
            path.write_text(text, encoding="utf-8")
            provision(str(path))
    become("scale")
    with _noted(rest, used["scale"]):
        scale(str(path), {"small": 2, "medium": 0})
        scale(str(path), {"small": 1})
    become("teardown")
    with _noted(rest, used["teardown"]):
        teardown(str(path), confirm="permissions")
    return used


def make_token(rest: str) -> None:
    """The secret of the model's token, which the project's owner made."""
    api, secrets = f"http://{rest}/v1/{PARENT}/services/secretmanager.googleapis.com", f"http://{rest}/v1/{PARENT}/secrets"
    httpx.post(f"{api}:enable", json={}).raise_for_status()
    while httpx.get(api).raise_for_status().json()["state"] != "ENABLED":
        time.sleep(0.1)
    httpx.post(f"{secrets}?secretId=hf-token", json={"replication": {"automatic": {}}}).raise_for_status()
    payload = {"payload": {"data": base64.b64encode(b"a token").decode()}}
    httpx.post(f"{secrets}/hf-token:addVersion", json=payload).raise_for_status()


def _drift(rest: str) -> None:
    """What no profile changes in place is changed by hand, as the project's owner."""
    compute = f"http://{rest}/compute/v1/{PARENT}/regions/us-central1"
    subnet = f"{compute}/subnetworks/ai-inference-subnet"
    httpx.post(f"{subnet}/setPrivateIpGoogleAccess", json={"privateIpGoogleAccess": False}).raise_for_status()
    time.sleep(0.1)
    fingerprint = httpx.get(subnet).raise_for_status().json()["fingerprint"]
    httpx.patch(subnet, json={"logConfig": {"enable": False}, "fingerprint": fingerprint}).raise_for_status()
    httpx.patch(f"{compute}/routers/ai-inference-router", json={"nats": []}).raise_for_status()
    account = f"{PARENT}/serviceAccounts/tpu-inference-sa@embedded-project.iam.gserviceaccount.com"
    body = {"serviceAccount": {"displayName": "by hand"}, "updateMask": "displayName"}
    httpx.patch(f"http://{rest}/v1/{account}", json=body).raise_for_status()


@contextlib.contextmanager
def _noted(rest: str, used: dict[str, list[str]]) -> Iterator[None]:
    """Add what the requests made meanwhile needed."""
    url = f"http://{rest}/_emulator/requests"
    before = max((each["n"] for each in httpx.get(url).raise_for_status().json()["requests"]), default=0)
    yield
    for each in httpx.get(url, params={"since": before}).raise_for_status().json()["requests"]:
        for permission in each["permissions"]:
            methods = used.setdefault(permission, [])
            if each["method"] not in methods:
                methods.append(each["method"])
                methods.sort()


def book(used: Used) -> str:
    """`permissions.yaml`."""
    out = StringIO()
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.width = 200
    yaml.dump({operation: {name: used[operation][name] for name in sorted(used[operation])} for operation in used}, out)
    return (
        "# Made by `python -m bench.permissions` from what a run used: operation -> permission -> methods. Do not edit.\n" + out.getvalue()
    )


def document(used: Mapping[str, Mapping[str, list[str]]]) -> str:
    """`docs/permissions.md`."""
    names = sorted({name for of_operation in used.values() for name in of_operation})
    counts = ", ".join(f"{operation} {len(used[operation])}" for operation in used)
    lines = [
        "# Permissions",
        "",
        f"Made by `python -m bench.permissions` from what a run on the embedded cloud used ({counts}); do not edit. Each command asks Google whether",
        "the caller has its permissions before anything else and names those that are missing, with the `gcloud` command that grants them. Exactly",
        "these suffice: a test provisions, scales and tears down under a custom role of each set, and with single ones taken away.",
        "`iam.serviceAccounts.actAs` may be granted on the account alone once it exists; permissions on the billing account are granted there.",
        "",
        "```",
    ]
    for operation in used:
        permissions = ",".join(name for name in sorted(used[operation]) if not name.startswith("billing."))
        lines.append(f"gcloud iam roles create ironwood_{operation} --project=PROJECT --permissions={permissions}")
    lines += [
        "gcloud projects add-iam-policy-binding PROJECT --member=user:YOU --role=projects/PROJECT/roles/ironwood_provision   # and the others",
        "```",
        "",
        f"| permission | {' | '.join(used)} | needed by |",
        f"|---|{'---|' * len(used)}---|",
    ]
    for name in names:
        marks = " | ".join("✓" if name in used[operation] else "" for operation in used)
        methods = sorted({method for of_operation in used.values() for method in of_operation.get(name, [])})
        lines.append(f"| `{name}` | {marks} | {', '.join(methods)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Record and write both files."""
    from prefect.settings import temporary_settings

    from bench.provision import embedded
    from flows.command_line import quiet_console
    from flows.local_server import server_settings

    if not BOOK.exists():
        BOOK.write_text("provision: {}\nscale: {}\nteardown: {}\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, embedded(Path(folder), 200.0) as rest:
        os.environ |= {"IRONWOOD_EMULATOR": rest, "IRONWOOD_HOME": folder}
        with temporary_settings(server_settings()):
            quiet_console()
            used = rehearse(rest, Path(folder))
    BOOK.write_text(book(used), encoding="utf-8")
    DOCUMENT.write_text(document(used), encoding="utf-8")
    print(f"{', '.join(f'{operation} {len(permissions)}' for operation, permissions in used.items())} permissions; {BOOK}, {DOCUMENT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
