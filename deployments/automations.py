"""Automations of the Prefect server, applied by name: made, changed, never doubled.

1. `automations.yaml` says what there is to be. Ours are those whose name begins with `ironwood: `; triggers of prefect.yaml are called otherwise,
   because the server does not tell who owns one.
2. One that is as written is not touched: Prefect forgets what an automation has seen at every change.
3. A pause somebody has made stays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import Automation, AutomationCore
from prefect.exceptions import ObjectNotFound
from ruamel.yaml import YAML

from ironwood.errors import UnfinishedError

WRITTEN = Path(__file__).with_name("automations.yaml")
PREFIX = "ironwood: "
NOT_COMPARED = {"id", "created", "updated", "owner_resource", "enabled", "tags"}


def apply_automations(profile: str, path: Path = WRITTEN) -> tuple[int, int]:
    """Bring the server's automations to what `path` says; answers how many were made or changed, and how many removed.

    `profile` is one whose deployments there are; those it runs are told for which profile they are run.

    Raises UnfinishedError when one names a deployment the server does not have.
    """
    with get_client(sync_client=True) as client:
        wanted = [_read(client, each, profile) for each in YAML(typ="safe").load(path.read_text())]
        known: dict[str, list[Automation]] = {}
        for each in client.read_automations():
            if each.name.startswith(PREFIX):
                known.setdefault(each.name, []).append(each)
        written = sum(_upserted(client, each, known.get(each.name, [])) for each in wanted)
        names = {each.name for each in wanted}
        surplus = [each for name, found in known.items() for each in (found[1:] if name in names else found)]
        for each in surplus:
            client.delete_automation(each.id)
    return written, len(surplus)


def _upserted(client: SyncPrefectClient, wanted: AutomationCore, found: list[Automation]) -> bool:
    """Make or change one; says whether there was anything to write."""
    if not found:
        client.create_automation(wanted)
        return True
    if _compared(found[0]) == _compared(wanted):
        return False
    client.update_automation(found[0].id, wanted.model_copy(update={"enabled": found[0].enabled}))
    return True


def _compared(automation: AutomationCore) -> dict[str, Any]:
    """What counts when two are compared; the server gives its triggers ids."""
    shown = automation.model_dump(mode="json", exclude=NOT_COMPARED)
    shown["trigger"].pop("id", None)
    for name in ("after", "expect", "for_each"):
        shown["trigger"][name] = sorted(shown["trigger"].get(name, []))
    return shown


def _read(client: SyncPrefectClient, written: dict[str, Any], profile: str) -> AutomationCore:
    actions = [_action(client, written["name"], each, profile) for each in written["actions"]]
    read: AutomationCore = AutomationCore.model_validate({**written, "actions": actions, "enabled": True})
    return read


def _action(client: SyncPrefectClient, automation: str, action: dict[str, Any], profile: str) -> dict[str, Any]:
    if "deployment" not in action:
        return action
    rest = {name: value for name, value in action.items() if name != "deployment"}
    return rest | {"deployment_id": str(_deployment(client, automation, action["deployment"].replace("PROFILE", profile)))}


def _deployment(client: SyncPrefectClient, automation: str, name: str) -> UUID:
    try:
        return client.read_deployment_by_name(name).id
    except ObjectNotFound as error:
        raise UnfinishedError(f"{WRITTEN.name}, automation '{automation}': there is no deployment {name}; prefect.yaml makes it") from error
