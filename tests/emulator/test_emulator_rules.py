"""Every rule says where it comes from, and the documentation lists the assumed ones."""

import re
from pathlib import Path

from emulator import app
from emulator.rules import RULES, Basis
from emulator.services.compute.records import KINDS
from emulator.settings import Settings, address_pool

DOCUMENT = Path(__file__).parents[2] / "docs" / "emulator.md"


def test_the_documentation_lists_exactly_the_assumed_rules():
    assert app.METHODS
    listed = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", DOCUMENT.read_text(), flags=re.MULTILINE))
    assert listed == {rule.name: rule.says for rule in RULES.values() if rule.basis is Basis.ASSUMED}


def test_every_handler_has_a_route_and_every_kind_its_verbs():
    world, methods = app.build(Settings(address_pool=address_pool("127.1.0.0/24")))
    router = app.router(methods)
    routed = {route.method for routes in [*router._routes.values(), router._deep] for route in routes}
    assert set(methods.names()) <= routed
    for service, kind in KINDS.items():
        assert {f"compute.{service}.{verb}" for verb in kind.verbs} <= set(methods.names())
    world.store.close()
