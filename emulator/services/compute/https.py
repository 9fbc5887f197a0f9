"""SSL certificates and target HTTPS proxies.

1. A managed certificate is PROVISIONING until a proxy with a forwarding rule bears it and every domain leads there
(`emulator/certificates.py`); a certificate never changes after it was made. 2. A proxy needs a URL map and 1 to 15 certificates.
"""

# ruff: noqa: ARG002  # the hooks of a kind share one signature; each uses what it needs
from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator import certificates, errors
from emulator.call import Call, Handler
from emulator.rules import assumed, documented
from emulator.services.compute.kinds import Kind, Reference, Scope
from emulator.services.compute.records import KINDS
from emulator.services.compute.verbs import free, normalised, repeated, start_change

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
documented("managed-certificate", "A managed certificate has 1 to 100 domains without wildcards and is not changed after it was made.")
documented("proxy-certificates", "A target HTTPS proxy has 1 to 15 certificates.")
assumed("self-managed-certificate", "Certificates that users bring (SELF_MANAGED) are refused with 501.")
DOMAIN = re.compile(r"(?=.{1,253}\.?$)(?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z][-a-z0-9]{0,61}\.?")


class Certificate(Kind):
    """A certificate that Google is to obtain and renew."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """Checks the domains."""
        if resource.get("type", "SELF_MANAGED" if "certificate" in resource else "MANAGED") != "MANAGED" or "managed" not in resource:
            raise errors.ApiError(501, "Certificates of type SELF_MANAGED are not emulated.", reason="notImplemented")
        domains = list((resource["managed"] or {}).get("domains", []))
        if not 0 < len(domains) <= 100:
            raise errors.invalid("resource.managed.domains", domains, "A managed certificate has 1 to 100 domains.")
        for index, domain in enumerate(domains):
            if not DOMAIN.fullmatch(domain):
                raise errors.invalid(f"resource.managed.domains[{index}]", domain, "Must be a valid domain name without a wildcard.")
        return {**resource, "type": "MANAGED", "managed": {"domains": domains}}

    def view(self, world: World, resource: Json, link: str, now: int) -> Json:
        """How far Google is."""
        return certificates.shown(world, link, resource)

    def inserted(self, world: World, link: str, now: int) -> None:
        """The first attempt is due."""
        certificates.begin(world, link, now)

    def deleted(self, world: World, link: str, resource: Json, now: int) -> None:
        """Nothing is attempted any more."""
        world.store.delete(certificates.TAB, link)


class HttpsProxy(Kind):
    """A proxy that terminates TLS."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """Checks the certificates."""
        return self.check_change(call, {}, resource)

    def check_change(self, call: Call, old: Json, new: Json) -> Json:
        """The same after a change."""
        given = new.get("sslCertificates", [])
        if not 0 < len(given) <= 15:
            raise errors.invalid("resource.sslCertificates", given, "A target HTTPS proxy has 1 to 15 certificates.")
        return {"quicOverride": "NONE", **new}


CERTIFICATE = Certificate(
    service="sslCertificates", collection="sslCertificates", item="ssl_certificate", scope=Scope.GLOBAL, kind="compute#sslCertificate",
    noun="ssl_certificate", quota="SSL_CERTIFICATES", verbs=("insert", "get", "list", "delete", "aggregatedList"),
)  # fmt: skip
HTTPS_PROXY = HttpsProxy(
    service="targetHttpsProxies", collection="targetHttpsProxies", item="target_https_proxy", scope=Scope.GLOBAL,
    kind="compute#targetHttpsProxy", noun="target_https_proxy", quota="TARGET_HTTPS_PROXIES",
    verbs=("insert", "get", "list", "delete", "aggregatedList", "patch"), required=("urlMap",),
    references=(Reference(path="urlMap"), Reference(path="sslCertificates[]")), fingerprint=True, fingerprint_on=("patch",),
)  # fmt: skip


def _set(field: str, operation_type: str) -> Handler:
    def handler(call: Call) -> Json:
        if earlier := repeated(call):
            return earlier
        kind = KINDS["targetHttpsProxies"]
        link, record = free(kind, call)
        if not call.body.get(field):
            raise errors.required(field)
        change = normalised(kind, call, {field: call.body[field]})
        new = kind.check_change(call, record["resource"], {**record["resource"], **change})
        return start_change(call, link, record, new, operation_type)

    return handler


HANDLERS: dict[str, Handler] = {
    "compute.targetHttpsProxies.setUrlMap": _set("urlMap", "setUrlMap"),
    "compute.targetHttpsProxies.setSslCertificates": _set("sslCertificates", "setSslCertificates"),
}
