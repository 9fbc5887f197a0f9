"""What a profile protects itself with: a limit of requests, and the secrets it uses: the key predictions ask for, the token the model is fetched with, and that the VMs may read them."""

from __future__ import annotations

from collections.abc import Iterator

from ironwood import naming
from ironwood.desired.marks import labels
from ironwood.profile import Profile
from ironwood.resources.base import GLOBAL, Address, Resource
from ironwood.resources.load_balancer import SecurityPolicy
from ironwood.resources.secret import Secret, SecretAccess, SecretUse
from ironwood.resources.service_account import ServiceAccount
from ironwood.serving import API_KEY, MODEL_TOKEN


def security(profile: Profile, account: ServiceAccount) -> Iterator[Resource]:
    """Nothing unless the profile wants it."""
    if profile.security.rate_limit is not None:
        yield SecurityPolicy(
            name=naming.security_policy(profile.name_prefix), owner=profile.name, rate_per_minute=profile.security.rate_limit
        )
    if profile.security.api_key:
        yield Secret(name=naming.api_key(profile.name_prefix), owner=profile.name, labels=labels(profile))
    for name in _used(profile).values():
        yield SecretAccess(name=naming.secret_access(name, account.name), owner=profile.name, secret=_secret(name), account=account.address)


def uses(profile: Profile, account: ServiceAccount) -> tuple[SecretUse, ...]:
    """What VMs read."""
    return tuple(
        SecretUse(key=key, access=Address(kind=SecretAccess.kind, scope=GLOBAL, name=naming.secret_access(name, account.name)))
        for key, name in _used(profile).items()
    )


def policy(profile: Profile) -> Address | None:
    """What stands before every backend service, if anything."""
    if profile.security.rate_limit is None:
        return None
    return Address(kind=SecurityPolicy.kind, scope=GLOBAL, name=naming.security_policy(profile.name_prefix))


def given(profile: Profile) -> tuple[Address, ...]:
    """What of it is not ours to make: the secret of the model's token."""
    return (_secret(profile.security.model_token),) if profile.security.model_token else ()


def _used(profile: Profile) -> dict[str, str]:
    """The secrets VMs read, by the key of their metadata."""
    token = profile.security.model_token
    return ({API_KEY: naming.api_key(profile.name_prefix)} if profile.security.api_key else {}) | ({MODEL_TOKEN: token} if token else {})


def _secret(name: str) -> Address:
    return Address(kind=Secret.kind, scope=GLOBAL, name=name)
