"""What a teardown says that Google holds up: a private connection its services still use, and what hangs on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cloud.connection import Connection
from flows.reconcile import API_NAMES, ours
from ironwood.cost.estimate import estimate
from ironwood.errors import UnfinishedError, WaitingError
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.bucket import Bucket
from ironwood.resources.cache import PeeringRange, PrivateConnection
from ironwood.resources.network import Network
from ironwood.resources.service_set import ServiceSet
from tasks import report
from tasks.inputs import load_price_book
from tasks.observe import observe

WAITING: Mapping[type, str] = {
    PrivateConnection: "until Google's services let it go",
    PeeringRange: "until the private connection is gone",
    Network: "until the private connection is gone",
    Bucket: "because it says whose the private connection is",
}
HOLDS = "still use it"


@contextmanager
def telling(connection: Connection, profile: Profile, command: str) -> Iterator[None]:
    """What is done inside may stop at a private connection Google still uses; raises WaitingError when nothing else is left then."""
    try:
        yield
    except UnfinishedError as error:
        if HOLDS not in str(error) or "private_connection" not in str(error):
            raise
        left = Graph.of(each for each in ours(observe(connection, API_NAMES).live, profile) if not isinstance(each, ServiceSet))
        others = [str(each.address) for each in left if type(each) not in WAITING]
        if others:
            raise
        for each in left:
            report.say("waits", f"{each.address} {WAITING[type(each)]}")
        hourly = report.usd(estimate(left, load_price_book(profile.price_book)).hourly_usd)
        raise WaitingError(
            f"teardown is done but for {len(left)} objects that wait for Google, at {hourly}/h; everything else is gone. "
            f"Google's services let a private connection go by themselves, after hours, sometimes days; `{command}` then finishes it, as often as you like"
        ) from error
