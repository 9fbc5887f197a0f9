"""Are the secrets that are not ours to make there, and is the front end open to everybody?"""

from __future__ import annotations

from collections.abc import Iterator

from cloud import secrets
from ironwood.errors import ApiDisabledError, NotFoundError, PermissionDeniedError
from tasks.preflight.check import Asked, Check

ENABLED = "ENABLED"


def security(asked: Asked) -> Iterator[Check]:
    """The model's token exists and can be read; whether predictions ask for a key."""
    if not asked.profile.security.api_key:
        yield Check(subject="who may predict", found="everybody who knows the address; `security: {api_key: true}` asks for a key")
    token = asked.profile.security.model_token
    if token is None:
        return
    subject = f"secret {token}, the model's token"
    make = f"Make it: `printf %s TOKEN | gcloud secrets create {token} --data-file=- --project={asked.connection.project}`, or remove security.model_token."
    try:
        state = secrets.newest_state(asked.connection, token)
    except (ApiDisabledError, NotFoundError):
        yield Check(subject=subject, found="is not there, or has no version", remedy=make)
    except PermissionDeniedError as error:
        yield Check(subject=subject, found=f"cannot be looked at: {str(error).splitlines()[0]}")
    else:
        remedy = "" if state == ENABLED else f"Enable its newest version or add one: `gcloud secrets versions add {token} --data-file=-`."
        yield Check(subject=subject, found=f"its newest version is {state}", remedy=remedy)
