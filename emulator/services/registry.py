"""Every emulated API, in the order their routes are tried. Adding one is a folder with an `api.py` and a line here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from emulator.call import Methods
from emulator.services.aiplatform import api as aiplatform
from emulator.services.bigquery import api as bigquery
from emulator.services.billingbudgets import api as billingbudgets
from emulator.services.cloudbilling import api as cloudbilling
from emulator.services.cloudquotas import api as cloudquotas
from emulator.services.cloudresourcemanager import api as cloudresourcemanager
from emulator.services.cloudscheduler import api as cloudscheduler
from emulator.services.compute import api as compute
from emulator.services.config import api as config
from emulator.services.iam import api as iam
from emulator.services.iamcredentials import api as iamcredentials
from emulator.services.logging import api as logging
from emulator.services.monitoring import api as monitoring
from emulator.services.networkconnectivity import api as networkconnectivity
from emulator.services.orgpolicy import api as orgpolicy
from emulator.services.pubsub import api as pubsub
from emulator.services.redis import api as redis
from emulator.services.secretmanager import api as secretmanager
from emulator.services.servicenetworking import api as servicenetworking
from emulator.services.serviceusage import api as serviceusage
from emulator.services.storage import api as storage
from emulator.services.tpu import api as tpu
from emulator.wire.grpc_methods import GrpcMethod
from emulator.wire.routes import Route

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, object]


class Service(Protocol):
    """What the `api.py` of a service offers."""

    def register(self, world: World, methods: Methods) -> None:
        """Add the handlers, and to the world what the service does by itself: effects, agendas, usages, inventory."""

    def routes(self, methods: Methods) -> Iterator[Route]:
        """The REST routes."""

    def rpcs(self) -> Iterator[tuple[str, str, GrpcMethod]]:
        """(API, method id, gRPC method) of each gRPC method; none for a REST-only API."""


SERVICES: tuple[Service, ...] = (
    compute,
    serviceusage,
    iam,
    iamcredentials,
    cloudquotas,
    cloudresourcemanager,
    orgpolicy,
    storage,
    logging,
    monitoring,
    pubsub,
    billingbudgets,
    cloudbilling,
    cloudscheduler,
    networkconnectivity,
    aiplatform,
    tpu,
    redis,
    servicenetworking,
    bigquery,
    secretmanager,
    config,
)
