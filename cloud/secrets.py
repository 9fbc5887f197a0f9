"""The value of a secret, read where it is used and kept nowhere."""

from __future__ import annotations

from google.cloud.secretmanager_v1 import SecretManagerServiceClient

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated


def value(connection: Connection, name: str) -> str:
    """The newest version's value of the project's secret `name`; raises NotFoundError, RefusedError where that version is not enabled."""
    client = connection.client(SecretManagerServiceClient)
    with translated(f"reading secret {name}"):
        answer = client.access_secret_version(name=f"projects/{connection.project}/secrets/{name}/versions/latest", **ONCE)
    return answer.payload.data.decode().strip()


def newest_state(connection: Connection, name: str) -> str:
    """The state of the newest version of secret `name`, as ENABLED; raises NotFoundError where it has none, or there is no such secret."""
    client = connection.client(SecretManagerServiceClient)
    with translated(f"looking at secret {name}"):
        return str(client.get_secret_version(name=f"projects/{connection.project}/secrets/{name}/versions/latest", **ONCE).state.name)
