"""Would Google get to sign for the profile's domains?"""

from __future__ import annotations

from collections.abc import Iterator

from cloud import names
from ironwood import naming
from ironwood.errors import UnreachableError
from ironwood.resources.base import GLOBAL, Address
from ironwood.resources.network import GlobalAddress
from tasks.preflight.check import Asked, Check


def domains(asked: Asked) -> Iterator[Check]:
    """CAA must let Google sign; an IPv6 record would lead elsewhere, because the address is IPv4."""
    profile = asked.profile
    for domain in profile.load_balancer.domains:
        subject = f"domain {domain}"
        try:
            caa = names.forbidding_caa(asked.connection, profile.load_balancer.resolver, domain)
            v6 = names.records(asked.connection, profile.load_balancer.resolver, domain, "AAAA")
            v4 = names.records(asked.connection, profile.load_balancer.resolver, domain, "A")
        except UnreachableError as error:
            yield Check(subject=subject, found=str(error))
            continue
        if caa:
            remedy = f'Add a CAA record `0 issue "{names.ISSUERS[0]}"` to it, or drop those it has.'
            yield Check(subject=subject, found=f"its CAA records let only others sign: {'; '.join(caa)}", remedy=remedy)
        elif v6:
            remedy = (
                "Remove its AAAA record: the load balancer's address is IPv4, and a certificate is not signed while some lead elsewhere."
            )
            yield Check(subject=subject, found=f"leads to {', '.join(v6)}", remedy=remedy)
        else:
            yield Check(subject=subject, found=_leads(asked, v4))


def _leads(asked: Asked, v4: list[str]) -> str:
    name = naming.address(asked.profile.name_prefix)
    live = next((change.before for change in asked.plan if change.address.name == name), None)
    wanted = asked.wanted.get(Address(kind="address", scope=GLOBAL, name=name))
    ip = next((each.ip for each in (live, wanted) if isinstance(each, GlobalAddress) and each.ip), "")
    if not v4:
        return "leads nowhere yet; its A record has to name the load balancer's address, which provision tells"
    if ip and v4 != [ip]:
        return f"leads to {', '.join(v4)}; its A record has to name {ip}"
    return f"leads to {', '.join(v4)}"
