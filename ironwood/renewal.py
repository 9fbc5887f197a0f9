"""Which certificate a profile means, given those that are there.

1. One of ours for the same domains that has not failed for good is kept, whatever its name's number. 2. When all of them have, the next
number is desired: create new, switch the proxy, delete old.
"""

from __future__ import annotations

from dataclasses import replace

from ironwood import naming
from ironwood.graph import Graph
from ironwood.resources.base import Address, Resource
from ironwood.resources.https import FAILED_FOR_GOOD, Certificate, HttpsProxy


def renewed(wanted: Graph, live: Graph) -> Graph:
    """`wanted` with each certificate under the name it goes by now."""
    names = {each.address: _current(each, live) for each in wanted if isinstance(each, Certificate)}
    return Graph.of(_renamed(each, names) for each in wanted)


def _current(certificate: Certificate, live: Graph) -> Address:
    there = [
        each for each in live if isinstance(each, Certificate) and each.owner == certificate.owner and each.domains == certificate.domains
    ]
    good = sorted(each.name for each in there if each.status != FAILED_FOR_GOOD)
    if good:
        return replace(certificate.address, name=certificate.name if certificate.name in good else good[0])
    taken, number = {each.name for each in there}, 1
    while naming.numbered(certificate.name, number) in taken:
        number += 1
    return replace(certificate.address, name=naming.numbered(certificate.name, number))


def _renamed(each: Resource, names: dict[Address, Address]) -> Resource:
    if isinstance(each, Certificate):
        return replace(each, name=names[each.address].name)
    if isinstance(each, HttpsProxy):
        return replace(each, certificates=tuple(names.get(address, address) for address in each.certificates))
    return each
