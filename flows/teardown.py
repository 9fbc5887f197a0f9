"""Teardown: stop the billing, delete everything of ours, prove that nothing is left."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection

from prefect import flow

from cloud.connection import Connection, connect
from flows.command_line import Argument, run
from flows.permitted import demand
from flows.reconcile import API_NAMES, against, carry_out, ours, run_id
from flows.recording import record_end
from flows.run_names import named
from flows.waiting import telling
from flows.when_to_look import look_no_more
from ironwood.desired import at_rest, desired
from ironwood.desired.memory import memory, remembered
from ironwood.errors import CloudError, InputError, StateError, UnfinishedError, UnownedError
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.cache import RedisInstance
from tasks import report
from tasks.inputs import load_profile
from tasks.leaving import leave
from tasks.lock import writer
from tasks.observe import observe
from tasks.proof import prove_zero
from tasks.protection import lift


@flow(name="teardown", flow_run_name=named("teardown {profile}"))
def teardown(profile: str = "embedded", confirm: str = "", dry_run: bool = False, lift_protection: str = "") -> int:
    """Drain and empty every group, delete what carries the profile's marker, list everything again.

    `confirm` must be the profile's name; without it nothing happens. `lift_protection` must be it too where the profile is protected, as prod is. `dry_run` stops after the plan. Returns the number of
    objects deleted; raises UnfinishedError when anything of ours is left, UnownedError when nothing was and others hold its names.
    """
    wanted = load_profile(profile)
    if not dry_run and confirm != wanted.name:
        raise InputError(f"teardown deletes everything of profile {wanted.name}; confirm it with its name: --confirm {wanted.name}")
    lift(wanted, lift_protection if not dry_run else wanted.name)
    connection = connect(wanted)
    names = {each.name for each in desired(wanted, wanted.baseline)} | API_NAMES
    if dry_run:
        against(observe(connection, names), wanted, Graph()).show(wanted)
        return 0
    demand(connection, "teardown", Graph.of(each for each in desired(wanted, wanted.baseline) if isinstance(each, RedisInstance)))
    with writer(wanted):
        look_no_more(profile)
        deleted = taken_down(connection, wanted, names, f"python -m flows.teardown --profile {profile} --confirm {wanted.name}")
    prove(wanted, deleted, f"python -m flows.teardown --profile {profile}")
    return deleted


def taken_down(connection: Connection, wanted: Profile, names: Collection[str], again: str) -> int:
    """Stop the billing of everything of `wanted`, then delete it; answers how many objects that were. `names` are those of what it may have on its way, `again` the command that goes on after what cannot be deleted yet. Its writer calls it."""
    seen = observe(connection, names)
    if any(kept.address in ours(seen.live, wanted) for kept in memory(wanted)):
        try:
            leave(connection, wanted, run_id())
        except (CloudError, StateError) as error:  # what stops the billing goes on
            report.say("teardown", f"it could not be noted that everything is to go: {str(error).splitlines()[0]}")
    resting = against(seen, wanted, at_rest(ours(seen.live, wanted)))
    if len(resting.plan):
        report.say(
            "teardown", f"first stop the billing: {report.usd(resting.before.hourly_usd)}/h → {report.usd(resting.after.hourly_usd)}/h"
        )
        carry_out(connection, resting.parted.now)
    seen = observe(connection, names)
    leaving = against(seen, wanted, Graph())
    leaving.show(wanted)
    if len(leaving.plan):
        record_end(connection, wanted, resting.before, leaving)
    with telling(connection, wanted, again):
        last_but_one = against(seen, wanted, remembered(ours(seen.live, wanted))).parted
        deleted = len(carry_out(connection, last_but_one.now))
    if last_but_one.later:  # as long as something waits it is remembered that everything is to go
        return deleted
    return deleted + len(carry_out(connection, against(observe(connection, names), wanted, Graph()).parted.now))


def prove(wanted: Profile, deleted: int, again: str) -> None:
    """Prove that nothing of `wanted` is left; raises UnfinishedError naming what is, and the command `again`."""
    proof = prove_zero(connect(wanted), wanted)
    report.page(
        f"proof-of-zero-{wanted.name}", "proof of zero", proof.rows, ("kind", "listed in", "gone", "pending deletion", "kept by choice")
    )
    if proof.left:
        outage = f"{proof.outage} " if proof.outage else ""
        raise UnfinishedError(f"still there: {', '.join(proof.left)}; {outage}run `{again}` again")
    report.say("teardown", f"-{deleted}   proof of zero: {proof.summary}")
    if proof.not_ours and not deleted:
        raise UnownedError(
            f"nothing of profile {wanted.name} was there, and under its names is what is not its:\n" + "\n".join(proof.not_ours)
        )
    for each in proof.not_ours:
        report.say("left alone", each)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--lift-protection", default="", metavar="PROFILE", help="the profile's name once more, where it is protected from deletion"
    )


if __name__ == "__main__":
    sys.exit(run(teardown, Argument.PROFILE, Argument.CONFIRM, Argument.DRY_RUN, more=_more))
