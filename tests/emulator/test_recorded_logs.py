"""The emulator answers the recorded logs: every exchange is matched."""

import json
import re
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

import pytest
from recorded_shapes import RECORDED, error_differences, replayed, shape_differences

LOGS = sorted((RECORDED / "logs").glob("*.log"))
HOSTS = {f"{name}.googleapis.com" for name in ("compute", "serviceusage", "iam", "networkconnectivity")}
PROJECT, UNIQUE = "example-project", "abc123"
# The recorder replaced the images it was answered by one fixed image of five fields (debian-11 here, though debian-12 was asked for):
# only these can be compared.
CUT_AT_THE_SOURCE = re.compile(r"/global/images/family/")


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its response, with placeholders."""

    number: int
    method: str
    url: str
    body: dict | None
    status: int
    response: dict

    @property
    def host(self):
        return urlsplit(self.url).netloc


def read(log):
    """Every exchange of a log; fails on what it cannot read."""
    for number, text in enumerate(re.split(r"\n---\n", log.read_text())):
        request, found, answer = re.split(r"^(\d{3}) .*$", text.strip(), maxsplit=1, flags=re.MULTILINE)
        method, url = request.split("\n", 1)[0].split(" ")
        bodies = [part.partition("\n\n")[2].strip() for part in (request, answer)]
        yield Exchange(
            number=number,
            method=method,
            url=url,
            body=json.loads(bodies[0]) if bodies[0] else None,
            status=int(found),
            response=json.loads(bodies[1]),
        )


class Names:
    """What the placeholders stand for. Subnetworks share one placeholder: they are told apart by their range, in the order made."""

    def __init__(self, exchanges):
        self.fixed = {
            "projectId": PROJECT, "projectNumber": PROJECT, "uniqueId": UNIQUE, "networkID": f"test-nw-{UNIQUE}", "addressID": f"address-{UNIQUE}",
            "routerID": f"router-{UNIQUE}", "instanceTemplateID": f"template-{UNIQUE}", "operationID": "none",
        }  # fmt: skip
        bodies = [each.body for each in exchanges if each.method == "POST" and each.url.partition("?")[0].endswith("/subnetworks")]
        self.subnets = {body["ipCidrRange"]: f"subnet-{index}-{UNIQUE}" for index, body in enumerate(bodies)}
        self.purposes = [self.subnets[body["ipCidrRange"]] for body in sorted(bodies, key=lambda body: body.get("purpose", ""))]
        self.waiting = list(self.subnets.values())
        self.fixed["subnetworkID"] = self.waiting[0] if self.waiting else "none"

    def look(self, exchange):
        """Which subnetwork the next exchange is about."""
        cidr = (exchange.body or {}).get("ipCidrRange") or exchange.response.get("ipCidrRange")
        if cidr in self.subnets:
            self.fixed["subnetworkID"] = self.subnets[cidr]
            if exchange.method == "POST":
                self.waiting.remove(self.subnets[cidr])
        elif "/subnetworks/" in exchange.url and exchange.status == 404:
            self.fixed["subnetworkID"] = self.waiting[0]

    def text(self, text):
        return re.sub(r"\$\{(\w+)\}", lambda match: self.fixed[match[1]], text)

    def body(self, body):
        """A request body; the fields of a NAT gateway name subnetworks of different purposes."""
        if body is None:
            return None
        text = json.dumps(body)
        for field, which in (('"sourceNatActiveRanges": [', 1), ('"sourceNatDrainRanges": [', 2), ('"subnetworks": [{"name": ', 0)):
            head, mark, tail = text.partition(field)
            text = head + mark + tail.replace("${subnetworkID}", self.purposes[which], 1) if mark else text
        return json.loads(self.text(text))


class Replay:
    """Sends the exchanges of one log in order. Polls that found an operation running were left out of the logs, so it is waited for."""

    def __init__(self, emulator, exchanges):
        self.emulator = emulator
        self.names = Names(exchanges)
        self.running = None
        self.stranger = None

    def differences(self, exchange, following):
        self.names.look(exchange)
        if "/operations/" in exchange.url:
            self.names.fixed["operationID"] = self.running["name"].rpartition("/")[2]
        self.wait()
        if exchange.method == "DELETE":
            self.make_the_strangers_firewall(following)
        path = self.names.text(exchange.url.partition(".googleapis.com")[2])
        answer = self.emulator.http.request(exchange.method, path, json=self.names.body(exchange.body))
        if answer.status_code != exchange.status:
            return [f"status {exchange.status} recorded, {answer.status_code} here: {answer.text[:300]}"]
        found = answer.json()
        if (found.get("kind") == "compute#operation" or "verb" in found.get("metadata", {})) and "/operations/" not in exchange.url:
            self.running = found
        recorded = json.loads(self.names.text(re.sub(r"\$\{route(ID|Name)\}", "1", json.dumps(exchange.response))))
        if exchange.status >= 400:
            newer = exchange.host.startswith("networkconnectivity")  # its errors are code, message, status
            wrong = [] if newer else list(error_differences(exchange.status, found))
            return wrong or ([] if found == recorded else [f"{recorded} recorded, {found} here"])
        return list(self.compare(exchange, recorded, found))

    def compare(self, exchange, recorded, found):
        if CUT_AT_THE_SOURCE.search(exchange.url):
            found = {key: value for key, value in found.items() if key in recorded}
        if recorded.get("kind", "").endswith("AggregatedList"):  # the regions and zones there are, are not the emulator's to copy
            recorded, found = ({**body, "items": by_scope_type(body["items"])} for body in (recorded, found))
        yield from shape_differences(recorded, found)
        if recorded.get("kind") == "compute#operation":
            for key in ("status", "progress", "operationType", "error", "httpErrorStatusCode", "httpErrorMessage"):
                if recorded.get(key) != found.get(key):
                    yield f"{key} {recorded.get(key)!r} recorded, {found.get(key)!r} here"

    def wait(self):
        for _ in range(60):
            if self.running is None or self.running.get("status") == "DONE" or self.running.get("done"):
                return
            self.emulator.advance(1)
            link = self.running.get("selfLink")
            self.running = self.emulator.ask("GET", urlsplit(link).path if link else f"/v1/{self.running['name']}")

    def make_the_strangers_firewall(self, following):
        """A firewall rule somebody else kept putting into the network: the log shows it only in the error of the delete that met it."""
        text = json.dumps(following.response if following else {})
        match = re.search(r"/global/firewalls/(\$\{networkID\}-\w+)'", text)
        if match is None or match[1] == self.stranger:
            return
        if self.stranger:
            self.emulator.do("DELETE", f"global/firewalls/{self.names.text(self.stranger)}")
        self.stranger = match[1]
        network = f"projects/{PROJECT}/global/networks/{self.names.fixed['networkID']}"
        body = {"name": self.names.text(self.stranger), "network": network, "allowed": [{"IPProtocol": "icmp"}]}
        self.emulator.do("POST", "global/firewalls", body)


def by_scope_type(items):
    """``regions/*``, ``zones/*``, ``global``: the first scope of each type, those with resources first."""
    out = {}
    for name, entry in sorted(items.items(), key=lambda item: "warning" in item[1]):
        out.setdefault(re.sub(r"/.*", "/*", name), entry)
    return out


@pytest.fixture(scope="module")
def recorded_cloud(start_emulator):
    return start_emulator("--clock", "stepped", project=PROJECT)


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_every_exchange_of_a_recorded_log_is_answered_alike(recorded_cloud, log):
    exchanges = list(read(log))
    recorded_cloud.admin("POST", "reset")
    recorded_cloud.enable("compute", "iam", "networkconnectivity")
    assert {each.host for each in exchanges} <= HOSTS
    replay = Replay(recorded_cloud, exchanges)
    unmatched = []
    for exchange, following in zip(exchanges, [*exchanges[1:], None], strict=True):
        if found := replay.differences(exchange, following):
            unmatched.append((f"{exchange.number} {exchange.method} {unquote_plus(exchange.url)}", found))
    assert len(exchanges) == log.read_text().count("\n---\n") + 1
    replayed(log, unmatched, len(exchanges))
