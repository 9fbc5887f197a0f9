"""Order a plan from two graphs.

1. A create or update waits for those of what it references.
2. A delete waits for the changes to what, live, still references it.
3. A replacement is a delete and a create; the create waits for the delete.

Replacement cascades through immutable references. It cannot pass a mutable one: the object would be deleted while it is
in use, so the plan is refused and the user told. Kinds that are immutable and mutably referenced carry a content hash in
their name instead: create new, switch, delete old. Nothing without our marker is changed or deleted; what is adopted is
marked and updated, never replaced.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from ironwood.errors import PlanError, UnownedError
from ironwood.graph import Graph
from ironwood.plan import Change, Plan
from ironwood.resources.base import Address, Resource


def diff(desired: Graph, live: Graph, *, owner: str, adopt: Iterable[str] = ()) -> Plan:
    """The plan that turns what `owner` has in `live` into `desired`.

    `adopt` lists addresses (as text) of unmarked live objects that may be taken over. Raises UnownedError for objects in
    the way that are neither ours nor adopted, PlanError for a replacement that would pull something out of use.
    """
    _refuse_unowned(desired, live, owner, frozenset(adopt))
    replaced = _replacements(desired, live)
    _refuse_replaced(under_our_names(desired, live, owner=owner), replaced)
    changes = [*_creates_and_updates(desired, live, replaced, owner), *_deletes(desired, live, owner)]
    return _ordered(changes, desired, live)


def under_our_names(desired: Graph, live: Graph, *, owner: str) -> tuple[Resource, ...]:
    """What stands where `owner` would have something and is not its: another profile's, or nobody's."""
    # A binding is as much ours as its account, and that is asked about itself.
    there = (found for resource in desired if (found := live.get(resource.address)) is not None)
    return tuple(found for found in there if found.marking not in {"none", "member"} and found.owner != owner)


def _refuse_unowned(desired: Graph, live: Graph, owner: str, adopt: frozenset[str]) -> None:
    complaints = []
    for found in under_our_names(desired, live, owner=owner):
        if found.owner:
            why, remedy = f"belongs to profile {found.owner}", "Give this profile another name_prefix."
        elif "owner" in found.immutable:
            why = f"exists and carries no marker of ours, and Google lets nobody mark a {found.kind} after its creation, so it cannot be adopted"
            remedy = "Delete it yourself or give the profile another name_prefix."
        elif str(found.address) not in adopt:
            why = "exists and carries no marker of ours"
            remedy = f"Add `adopt: [{found.address}]` to the profile to take it over, or give the profile another name_prefix."
        else:
            continue
        complaints.append(f"{found.address} {why}; it was left alone. {remedy}")
    if complaints:
        raise UnownedError("\n".join(complaints))


def _refuse_replaced(strangers: Iterable[Resource], replaced: dict[Address, str]) -> None:
    # To adopt is to take over as it stands: what somebody else made and uses is never deleted to be made anew.
    theirs = {each.address for each in strangers}
    complaints = [
        f"{address} is to be adopted, but it would have to be deleted and made anew ({why}); it was left alone. "
        "Make the profile like it, delete it yourself, or give the profile another name_prefix."
        for address, why in replaced.items()
        if address in theirs
    ]
    if complaints:
        raise UnownedError("\n".join(complaints))


def _replacements(desired: Graph, live: Graph) -> dict[Address, str]:
    """Addresses that must be deleted and created again, with the reason."""
    found: dict[Address, str] = {}
    for resource in desired:
        before = live.get(resource.address)
        if before is None:
            continue
        changed = {name: pair for name, pair in before.differences(resource).items() if name in resource.immutable}
        if changed:
            found[resource.address] = _told(changed)
    waiting = list(found)
    while waiting:
        address = waiting.pop()
        for user, reference in live.dependents.get(address, ()):
            if user.address in found or user.address not in desired:
                continue
            if reference.field not in user.immutable:
                raise PlanError(
                    f"{address} would have to be replaced ({found[address]}), but {user.address} holds it by `{reference.field}` and serves. "
                    "Undo that change, or run teardown and provision again."
                )
            found[user.address] = f"{address} is replaced"
            waiting.append(user.address)
    return found


def _creates_and_updates(desired: Graph, live: Graph, replaced: dict[Address, str], owner: str) -> Iterable[Change]:
    for after in desired:
        before = live.get(after.address)
        if before is None:
            yield Change(action="create", address=after.address, before=None, after=after, reason="is not there")
        elif after.address in replaced:
            why = f"replacement: {replaced[after.address]}"
            yield Change(action="delete", address=after.address, before=before, after=None, reason=why)
            yield Change(action="create", address=after.address, before=None, after=after, reason=why)
        elif changed := before.differences(after):
            yield Change(action="update", address=after.address, before=before, after=after, reason=_why(before, changed, owner))


def _deletes(desired: Graph, live: Graph, owner: str) -> Iterable[Change]:
    for before in live.owned_by(owner):
        if before.address not in desired and before.marking != "none":
            yield Change(action="delete", address=before.address, before=before, after=None, reason="is no longer desired")


def _ordered(changes: list[Change], desired: Graph, live: Graph) -> Plan:
    makes = {change.address: change for change in changes if change.action != "delete"}
    removes = {change.address: change for change in changes if change.action == "delete"}
    waits: dict[str, set[str]] = {change.step: set() for change in changes}
    for address, change in makes.items():
        resource = desired.by_address[address]
        waits[change.step] |= {makes[ref.target].step for ref in resource.references() if ref.target in makes}
        if address in removes:
            waits[change.step].add(removes[address].step)
    for address, change in removes.items():
        for user, _ in live.dependents.get(address, ()):
            step = _lets_go(user, makes, removes)
            if step is not None:
                waits[change.step].add(step)
    by_step = {change.step: change for change in changes}
    try:
        order = list(TopologicalSorter({step: sorted(waits[step]) for step in sorted(waits)}).static_order())
    except CycleError as error:
        raise PlanError(f"these steps wait for each other: {' -> '.join(error.args[1])}") from error
    return Plan(tuple(_waiting(by_step[step], waits[step]) for step in order))


def _lets_go(user: Resource, makes: dict[Address, Change], removes: dict[Address, Change]) -> str | None:
    """The step after which `user` no longer holds what it held: its delete, else its update."""
    change = removes.get(user.address) or makes.get(user.address)
    return change.step if change else None


def _waiting(change: Change, waits_for: set[str]) -> Change:
    return replace(change, waits_for=tuple(sorted(waits_for)))


def _why(before: Resource, changed: dict[str, tuple[object, object]], owner: str) -> str:
    if "owner" not in changed or before.owner:
        return _told(changed)
    rest = {name: pair for name, pair in changed.items() if name != "owner"}
    return f"adopted for profile {owner}" + (f"; {_told(rest)}" if rest else "")


def _told(changed: dict[str, tuple[object, object]]) -> str:
    return ", ".join(f"{name} {_short(was)} -> {_short(becomes)}" for name, (was, becomes) in changed.items())


def _short(value: object) -> str:
    limit = 60
    text = value.name if isinstance(value, Address) else str(value) if value != "" else '""'
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
