"""What `probe_cloud` builds in a real project: the graph of a profile on e2-micro VMs in place of TPUs, under a name and a prefix of its own.

1. It stands beside the profile: the profile's own things are neither looked for nor touched. 2. Everything but the machines is what tiers are made
of: same kinds, same order, same leases. 3. A VM answers every request 200 with the interpreter its image has: nothing is pulled from anywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from string import Template

from ironwood import naming
from ironwood.desired import desired
from ironwood.graph import Graph
from ironwood.profile import Profile, parse_profile
from ironwood.resources.base import Address, Resource
from ironwood.resources.group import InstanceGroup, InstanceTemplate
from ironwood.tpu import GENERATIONS

PREFIX = "probe-"
MACHINE_TYPE = "e2-micro"
IMAGE_FAMILY = "debian-12"
BOOT_DISK_GIB = 10
DRAINED = "small"
"""The tier of two VMs, of which one is drained."""
NOTHING = Graph()
_PROFILE = Template("""\
name: $name
cloud: $cloud
project_id: $project
google: $google
region: $region
zone: $zone
name_prefix: $prefix
price_book: $prices
load_balancer: {port: $port, default_tier: medium}
lease: {hours: 2}
logging: {retention_days: 1}
monitoring: {enabled: false}
vertex: {endpoints: false}
tiers:
  small: {generation: $generation, chips: 8, draining_seconds: 30}
  medium: {generation: $generation, chips: 4, draining_seconds: 30}
""")
_SCRIPT = Template("""\
#!/bin/bash
# Answers every GET and POST on port $port with 200.
cat > /run/answer.py <<'EOF'
import http.server


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(200)
        self.send_header("content-length", "3")
        self.end_headers()
        self.wfile.write(b"ok\\n")

    do_POST = do_GET


http.server.ThreadingHTTPServer(("", $port), Answer).serve_forever()
EOF
exec python3 /run/answer.py
""")


def probe_profile(profile: Profile) -> Profile:
    """The profile of the probe in `profile`'s project, cloud and zone; raises ProfileError where its names would not do."""
    offered = [each.name for each in GENERATIONS.values() if profile.zone in each.zones]
    zone = (profile.region, profile.zone, offered[0]) if offered else ("us-central1", "us-central1-c", "tpu7x")
    text = _PROFILE.substitute(
        name=f"{PREFIX}{profile.name}"[:31].rstrip("-"),
        cloud=profile.cloud,
        project=profile.project_id,
        google=json.dumps(profile.google.model_dump(exclude_none=True)),
        region=zone[0],
        zone=zone[1],
        generation=zone[2],
        prefix=PREFIX,
        prices=profile.price_book,
        port=profile.load_balancer.port,
    )
    return parse_profile(text, source=f"the probe of {profile.name}", environment={})


def probe_graph(probe: Profile, live: Graph = NOTHING, now: datetime | None = None, vms: Mapping[Address, int] | None = None) -> Graph:
    """What the probe wants while `live` is there; `vms` are sizes of groups, in VMs, other than those it begins with."""
    wanted = desired(probe, probe.baseline, live, now=now)
    small = {each.address: _micro(probe, each) for each in wanted if isinstance(each, InstanceTemplate)}

    def changed(each: Resource) -> Resource:
        if isinstance(each, InstanceTemplate):
            return small[each.address]
        if isinstance(each, InstanceGroup):
            return replace(each, template=small[each.template].address, billed=None, size=(vms or {}).get(each.address, each.size))
        return each

    return Graph.of(map(changed, wanted))


def group_of(graph: Graph, tier: str) -> InstanceGroup:
    """The one group of a tier of the probe."""
    name = naming.group(PREFIX, tier, 1)
    return next(each for each in graph if isinstance(each, InstanceGroup) and each.name == name)


def _micro(probe: Profile, template: InstanceTemplate) -> InstanceTemplate:
    tier = dict(template.labels)["tier"]
    unnamed = replace(
        template,
        name="",
        machine_type=MACHINE_TYPE,
        image_family=IMAGE_FAMILY,
        boot_disk_gib=BOOT_DISK_GIB,
        provisioning_model="STANDARD",
        startup_script=_SCRIPT.substitute(port=probe.serving.port),
    )
    content = hashlib.sha256(repr(unnamed).encode()).hexdigest()[:8]
    return replace(unnamed, name=naming.template(PREFIX, tier, content))
