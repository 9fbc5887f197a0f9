"""Drivers of Vertex AI's models, endpoints, deployed models and traffic.

1. Every id is ours, so "already exists" is read back and compared. 2. A deployment may take an hour. One that is on its way, begun by whoever, is
waited for before anything else is begun on its endpoint; what it made is what was wanted, or goes. 3. Deleting an endpoint undeploys what is on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.base import ONCE
from cloud.drivers.iam import account_address, email
from cloud.errors import translated
from cloud.journal import Attempt
from cloud.undeploy_lease import prove
from cloud.vertex import endpoints, everywhere, finish, in_flight, library, models, parent
from ironwood import naming
from ironwood.errors import ConflictError, NotFoundError, RefusedError
from ironwood.resources.base import Address
from ironwood.resources.vertex import DeployedModel, EndpointTraffic, VertexEndpoint, VertexModel


def _region(scope: str) -> str:
    return scope.partition("/")[2]


def _last(path: str) -> str:
    return path.partition("@")[0].rpartition("/")[2]


def _path(connection: Connection, address: Address, collection: str) -> str:
    return f"{parent(connection, _region(address.scope))}/{collection}/{address.name}"


class VertexModelDriver:
    """Models in every region."""

    resource = VertexModel

    def observe(self, connection: Connection) -> Iterator[VertexModel]:
        """List them."""
        asked = lambda region: models(connection, region).list_models(parent=parent(connection, region), **ONCE)  # noqa: E731
        for region, found in everywhere(connection, VertexModel.kind, asked):
            yield _read_model(found, region)

    def create(self, connection: Connection, attempt: Attempt, after: VertexModel) -> None:
        """Upload it; an equal one of ours that is there, or on its way, is what we wanted."""
        region, doing = _region(after.scope), f"creating {after.address}"
        request = {"parent": parent(connection, region), "model_id": after.name, "model": _encode_model(after)}
        try:
            with attempt.write(doing), translated(doing):
                operation = models(connection, region).upload_model(request=request, **ONCE).operation
            finish(connection, region, operation, doing)
        except ConflictError:
            with translated(f"reading {after.address}"):
                found = _read_model(models(connection, region).get_model(name=_path(connection, after.address, "models"), **ONCE), region)
            if found.owner != after.owner or found.differences(after):
                raise

    def update(self, connection: Connection, attempt: Attempt, before: VertexModel, after: VertexModel) -> None:
        """Set its labels."""
        del before
        doing = f"updating {after.address}"
        model = {"name": _path(connection, after.address, "models"), "labels": dict(after.labels)}
        with attempt.write(doing), translated(doing):
            models(connection, _region(after.scope)).update_model(request={"model": model, "update_mask": {"paths": ["labels"]}}, **ONCE)

    def delete(self, connection: Connection, attempt: Attempt, before: VertexModel) -> None:
        """Delete it."""
        region, doing = _region(before.scope), f"deleting {before.address}"
        try:
            with attempt.write(doing), translated(doing):
                operation = models(connection, region).delete_model(name=_path(connection, before.address, "models"), **ONCE).operation
            finish(connection, region, operation, doing)
        except NotFoundError:
            return


class VertexEndpointDriver:
    """Endpoints in every region."""

    resource = VertexEndpoint

    def observe(self, connection: Connection) -> Iterator[VertexEndpoint]:
        """List them; one of ours with a deployment on its way holds every model of ours in its region."""
        for region, found in _endpoints(connection, VertexEndpoint.kind):
            owner = marker.owner_in_labels(dict(found.labels))
            holds: tuple[Address, ...] = ()
            if owner and in_flight(connection, region, _last(found.name)):
                with translated(f"listing {VertexModel.kind} in {region}"):
                    listed = list(models(connection, region).list_models(parent=parent(connection, region), **ONCE))
                ours = (each for each in listed if marker.owner_in_labels(dict(each.labels)) == owner)
                holds = tuple(_address(VertexModel.kind, region, each.name) for each in ours)
            yield VertexEndpoint(
                name=_last(found.name),
                scope=f"regions/{region}",
                owner=owner,
                labels=tuple(sorted(found.labels.items())),
                holds=holds,
                created=found.create_time.isoformat(),
            )

    def create(self, connection: Connection, attempt: Attempt, after: VertexEndpoint) -> None:
        """Make it."""
        region, doing = _region(after.scope), f"creating {after.address}"
        endpoint = {"display_name": after.name, "description": naming.marker(after.owner), "labels": dict(after.labels)}
        try:
            with attempt.write(doing), translated(doing):
                client = endpoints(connection, region)
                request = {"parent": parent(connection, region), "endpoint": endpoint, "endpoint_id": after.name}
                operation = client.create_endpoint(request=request, **ONCE).operation
            finish(connection, region, operation, doing)
        except ConflictError:
            for operation in in_flight(connection, region, after.name):
                finish(connection, region, operation, f"{doing}, begun by an earlier run")
            with translated(f"reading {after.address}"):
                found = endpoints(connection, region).get_endpoint(name=_path(connection, after.address, "endpoints"), **ONCE)
            if marker.owner_in_labels(dict(found.labels)) != after.owner:
                raise

    def update(self, connection: Connection, attempt: Attempt, before: VertexEndpoint, after: VertexEndpoint) -> None:
        """Set its labels."""
        del before
        _patch(connection, attempt, after.address, {"labels": dict(after.labels)}, "labels")

    def delete(self, connection: Connection, attempt: Attempt, before: VertexEndpoint) -> None:
        """Wait for what is on its way, undeploy what is there, delete it."""
        region, doing = _region(before.scope), f"deleting {before.address}"
        client, name = endpoints(connection, region), _path(connection, before.address, "endpoints")
        try:
            _at_rest(connection, before.address)
            with translated(doing):
                there = [each.id for each in client.get_endpoint(name=name, **ONCE).deployed_models]
            for number in there:
                _undeploy(connection, attempt, before.address, number)
            with attempt.write(doing), translated(doing):
                operation = client.delete_endpoint(name=name, **ONCE).operation
            finish(connection, region, operation, doing)
        except NotFoundError:
            return


class DeployedModelDriver:
    """What is deployed on endpoints."""

    resource = DeployedModel

    def observe(self, connection: Connection) -> Iterator[DeployedModel]:
        """Every deployed model of every endpoint."""
        for region, found in _endpoints(connection, DeployedModel.kind):
            yield from (_read_deployed(found, each, region) for each in found.deployed_models)

    def create(self, connection: Connection, attempt: Attempt, after: DeployedModel) -> None:
        """Wait for what is on its way on the endpoint; deploy, where that was not this; under a lease, only once it is seen to be let in."""
        region, doing = _region(after.scope), f"creating {after.address}"
        _at_rest(connection, after.endpoint)
        if self._there(connection, after):
            return
        if after.lease is not None:
            prove(connection, attempt, after, after.lease)
        request = {"endpoint": _path(connection, after.endpoint, "endpoints"), "deployed_model": _encode_deployed(connection, after)}
        try:
            with attempt.write(doing), translated(doing):
                operation = endpoints(connection, region).deploy_model(request=request, **ONCE).operation
        except ConflictError:
            if not self._there(connection, after):
                raise
        else:
            finish(connection, region, operation, doing)

    def update(self, connection: Connection, attempt: Attempt, before: DeployedModel, after: DeployedModel) -> None:
        """Change how many replicas it may have."""
        region, doing = _region(after.scope), f"updating {after.address}"
        _at_rest(connection, after.endpoint)
        fields = [
            f"{side}_replica_count" for side in ("min", "max") if getattr(before, f"{side}_replicas") != getattr(after, f"{side}_replicas")
        ]
        request = {
            "endpoint": _path(connection, after.endpoint, "endpoints"),
            "deployed_model": _encode_deployed(connection, after),
            "update_mask": {"paths": [f"dedicated_resources.{field}" for field in fields]},
        }
        with attempt.write(doing), translated(doing):
            operation = endpoints(connection, region).mutate_deployed_model(request=request, **ONCE).operation
        finish(connection, region, operation, doing)

    def delete(self, connection: Connection, attempt: Attempt, before: DeployedModel) -> None:
        """Undeploy it; what is on its way on the endpoint is waited for first."""
        try:
            _at_rest(connection, before.endpoint)
            _undeploy(connection, attempt, before.endpoint, before.id)
        except NotFoundError:
            return

    def _there(self, connection: Connection, after: DeployedModel) -> bool:
        """Whether it is deployed; raises RefusedError where something else has its id."""
        region = _region(after.scope)
        with translated(f"reading {after.endpoint}"):
            found = endpoints(connection, region).get_endpoint(name=_path(connection, after.endpoint, "endpoints"), **ONCE)
        live = next((_read_deployed(found, each, region) for each in found.deployed_models if each.id == after.id), None)
        if live is not None and live.differences(after).keys() & DeployedModel.immutable:
            raise RefusedError(f"creating {after.address}: another model is deployed under id {after.id}; undeploy it, then run again")
        return live is not None


class EndpointTrafficDriver:
    """The traffic of endpoints."""

    resource = EndpointTraffic

    def observe(self, connection: Connection) -> Iterator[EndpointTraffic]:
        """That of every endpoint that takes any."""
        for region, found in _endpoints(connection, EndpointTraffic.kind):
            shares = sorted((number, share) for number, share in found.traffic_split.items() if share)
            if shares:
                endpoint = _address(VertexEndpoint.kind, region, found.name)
                deployed = (naming.deployed_model(endpoint.name, number) for number, _ in shares)
                yield EndpointTraffic(
                    name=endpoint.name,
                    scope=endpoint.scope,
                    owner=marker.owner_in_labels(dict(found.labels)),
                    endpoint=endpoint,
                    models=tuple(_address(DeployedModel.kind, region, each) for each in deployed),
                    percent=tuple(share for _, share in shares),
                )

    def create(self, connection: Connection, attempt: Attempt, after: EndpointTraffic) -> None:
        """Set it."""
        split = {naming_of(each): share for each, share in zip(after.models, after.percent, strict=True)}
        _patch(connection, attempt, after.endpoint, {"traffic_split": split}, "traffic_split")

    def update(self, connection: Connection, attempt: Attempt, before: EndpointTraffic, after: EndpointTraffic) -> None:
        """Set it."""
        del before
        self.create(connection, attempt, after)

    def delete(self, connection: Connection, attempt: Attempt, before: EndpointTraffic) -> None:
        """Have the endpoint take none."""
        try:
            _patch(connection, attempt, before.endpoint, {"traffic_split": {}}, "traffic_split")
        except NotFoundError:
            return


def naming_of(deployed: Address) -> str:
    """A deployed model's id on its endpoint."""
    return deployed.name.rpartition("--")[2]


def _address(kind: str, region: str, path: str) -> Address:
    return Address(kind=kind, scope=f"regions/{region}", name=_last(path))


def _endpoints(connection: Connection, kind: str) -> Iterator[tuple[str, Any]]:
    asked = lambda region: endpoints(connection, region).list_endpoints(parent=parent(connection, region), **ONCE)  # noqa: E731
    yield from everywhere(connection, kind, asked)


def _patch(connection: Connection, attempt: Attempt, endpoint: Address, change: dict[str, Any], field: str) -> None:
    doing = f"setting {field} of {endpoint}"
    body = {"name": _path(connection, endpoint, "endpoints"), **change}
    with attempt.write(doing), translated(doing):
        endpoints(connection, _region(endpoint.scope)).update_endpoint(
            request={"endpoint": body, "update_mask": {"paths": [field]}}, **ONCE
        )


def _at_rest(connection: Connection, endpoint: Address) -> None:
    """Wait for the operations an earlier run left on an endpoint; how they end decides nothing: what is there is read afterwards."""
    region = _region(endpoint.scope)
    for operation in in_flight(connection, region, endpoint.name):
        try:
            finish(connection, region, operation, f"what an earlier run left on its way on {endpoint.name}")
        except (RefusedError, NotFoundError):
            continue


def _undeploy(connection: Connection, attempt: Attempt, endpoint: Address, number: str) -> None:
    region, doing = _region(endpoint.scope), f"undeploying {number} from {endpoint.name}"
    client, name = endpoints(connection, region), _path(connection, endpoint, "endpoints")
    with translated(doing):
        found = client.get_endpoint(name=name, **ONCE)
    rest = {key: share for key, share in found.traffic_split.items() if key != number and share}
    if len(found.deployed_models) > 1 and number in found.traffic_split:
        # What it had goes to the others; without any, the endpoint takes no traffic until somebody sets it.
        scaled = _whole(rest)
        _patch(connection, attempt, endpoint, {"traffic_split": scaled}, "traffic_split")
    with attempt.write(doing), translated(doing):
        operation = client.undeploy_model(request={"endpoint": name, "deployed_model_id": number}, **ONCE).operation
    finish(connection, region, operation, doing)


def _whole(shares: dict[str, int]) -> dict[str, int]:
    """Shares in the same proportions that add up to 100 again."""
    if not shares:
        return {}
    total = sum(shares.values())
    scaled = {key: share * 100 // total for key, share in shares.items()}
    largest = max(scaled, key=lambda key: scaled[key])
    return {**scaled, largest: scaled[largest] + 100 - sum(scaled.values())}


def _encode_model(after: VertexModel) -> Any:
    kinds = library()
    container = kinds.ModelContainerSpec(
        image_uri=after.image,
        args=list(after.args),
        env=[kinds.EnvVar(name=name, value=value) for name, value in after.env],
        ports=[kinds.Port(container_port=after.port)],
        predict_route=after.predict_route,
        health_route=after.health_route,
        deployment_timeout={"seconds": after.timeout_seconds},
    )
    return kinds.Model(display_name=after.name, container_spec=container, artifact_uri=after.artifacts, labels=dict(after.labels))


def _read_model(found: Any, region: str) -> VertexModel:
    spec = found.container_spec
    return VertexModel(
        name=_last(found.name),
        scope=f"regions/{region}",
        owner=marker.owner_in_labels(dict(found.labels)),
        image=spec.image_uri,
        args=tuple(spec.args),
        env=tuple(sorted((each.name, each.value) for each in spec.env)),
        port=next((each.container_port for each in spec.ports), 0),
        predict_route=spec.predict_route,
        health_route=spec.health_route,
        artifacts=found.artifact_uri,
        timeout_seconds=int(spec.deployment_timeout.total_seconds()) if spec.deployment_timeout else 0,
        labels=tuple(sorted(found.labels.items())),
        created=found.create_time.isoformat() if found.create_time else "",
    )


def _encode_deployed(connection: Connection, after: DeployedModel) -> Any:
    kinds = library()
    resources = kinds.DedicatedResources(
        machine_spec=kinds.MachineSpec(machine_type=after.machine_type, tpu_topology=after.topology),
        min_replica_count=after.min_replicas,
        max_replica_count=after.max_replicas,
        spot=after.spot,
    )
    return kinds.DeployedModel(
        id=after.id,
        model=_path(connection, after.model, "models"),
        display_name=after.model.name,
        dedicated_resources=resources,
        service_account=email(connection.project, after.service_account.name),
    )


def _read_deployed(endpoint: Any, found: Any, region: str) -> DeployedModel:
    where, resources = _address(VertexEndpoint.kind, region, endpoint.name), found.dedicated_resources
    return DeployedModel(
        name=naming.deployed_model(where.name, found.id),
        scope=where.scope,
        owner=marker.owner_in_labels(dict(endpoint.labels)),
        endpoint=where,
        model=_address(VertexModel.kind, region, found.model),
        machine_type=resources.machine_spec.machine_type,
        topology=resources.machine_spec.tpu_topology,
        min_replicas=resources.min_replica_count,
        max_replicas=resources.max_replica_count,
        spot=resources.spot,
        service_account=account_address(found.service_account),
        replicas=found.status.available_replica_count,
        changed=found.status.last_update_time.isoformat() if found.status.last_update_time else "",
        created=found.create_time.isoformat() if found.create_time else "",
    )


VERTEX_MODEL, VERTEX_ENDPOINT = VertexModelDriver(), VertexEndpointDriver()
DEPLOYED_MODEL, ENDPOINT_TRAFFIC = DeployedModelDriver(), EndpointTrafficDriver()
