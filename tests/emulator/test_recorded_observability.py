"""The emulator answers recorded traffic of Cloud Logging and Cloud Monitoring: every exchange, over REST and gRPC."""

import json
import re
from itertools import groupby
from pathlib import Path

import grpc
import httpx
import pytest
from google.cloud.monitoring_v3.services.alert_policy_service.transports.grpc import AlertPolicyServiceGrpcTransport
from google.protobuf import json_format
from recorded_shapes import shape_differences

from emulator.wire.grpc_methods import grpc_methods

RECORDING = Path(__file__).parents[1] / "data" / "recorded" / "logging-monitoring.jsonl"
EXCHANGES = [json.loads(line) for line in RECORDING.read_text().splitlines()]
LOGS = {name: list(rows) for name, rows in groupby(EXCHANGES, key=lambda row: row["log"])}
FIXED = {"projectId": "example-project", "projectNumber": "123456789012", "uniqueId": "abc123"}
RPCS = {method.path.removeprefix("/"): method for method in grpc_methods(AlertPolicyServiceGrpcTransport)}


class Replay:
    """Sends the exchanges of one log in order, with the ids our answers gave, waiting where the recording saw what comes late."""

    def __init__(self, emulator, channel):
        self.emulator, self.channel = emulator, channel
        self.names = dict(FIXED)
        self.made = []
        self.etag = None

    def text(self, text):
        return re.sub(r"\$\{(\w+)\}", lambda match: self.names.get(match[1], "none"), text)

    def differences(self, exchange):
        if exchange["method"] == "DELETE" and self.made:  # the log leaves out that the policies went first
            for name in self.made:
                self.emulator.ask("DELETE", f"/v3/{name}")
            self.made.clear()
        body = json.loads(self.text(json.dumps(exchange["body"])))
        if isinstance(body, dict) and "etag" in body:
            body["etag"] = self.etag
        status, found = self.call(exchange, body)
        for _ in range(20):
            if exchange["method"] != "GET" or status == exchange["status"]:
                break
            self.emulator.advance(1)
            status, found = self.call(exchange, body)
        if status != exchange["status"]:
            return [f"status {exchange['status']} recorded, {status} here: {found}"]
        self.learn(exchange, found)
        recorded = json.loads(self.text(json.dumps(exchange["response"])))
        if status >= 400:
            return [] if found == recorded else [f"{recorded} recorded, {found} here"]
        return list(shape_differences(recorded, found))

    def call(self, exchange, body):
        if exchange["method"] == "GRPC":
            rpc = RPCS[exchange["url"]]
            call = self.channel.unary_unary(
                rpc.path, request_serializer=rpc.request.SerializeToString, response_deserializer=rpc.response.FromString
            )
            return 200, json_format.MessageToDict(call(json_format.ParseDict(body, rpc.request())))
        path = self.text(exchange["url"].partition(".googleapis.com")[2])
        # enumerations as numbers are what was asked for, not what the discovery document describes
        http = httpx if "enum-encoding" in path else self.emulator.http
        answer = http.request(exchange["method"], path if http is not httpx else self.emulator.url + path, json=body)
        return answer.status_code, answer.json()

    def learn(self, exchange, found):
        self.etag = found.get("etag", self.etag)
        if exchange["method"] not in {"POST", "GRPC"}:
            return
        for placeholder in re.findall(r"\$\{(\w+ID\d?)\}", exchange["response"].get("name", "")):
            self.names[placeholder] = found["name"].rpartition("/")[2]
        if exchange["url"].endswith("CreateAlertPolicy"):
            self.made.append(found["name"])


@pytest.fixture(scope="module")
def recorded_cloud(start_emulator):
    return start_emulator("--clock", "stepped", project=FIXED["projectId"])


@pytest.mark.parametrize("log", sorted(LOGS))
def test_every_recorded_exchange_is_answered_alike(recorded_cloud, log, capsys):
    recorded_cloud.admin("POST", "reset")
    with grpc.insecure_channel(f"127.0.0.1:{recorded_cloud.grpc_port}") as channel:
        replay = Replay(recorded_cloud, channel)
        unmatched = [(row, found) for row in LOGS[log] if (found := replay.differences(row))]
    with capsys.disabled():
        print(f"\n{log}: {len(LOGS[log]) - len(unmatched)} / {len(LOGS[log])} exchanges matched")
        for row, found in unmatched:
            print(f"  {row['n']} {row['method']} {row['url']}: {'; '.join(found)}")
    assert not unmatched


def test_no_recorded_exchange_is_left_out():
    assert sum(map(len, LOGS.values())) == len(EXCHANGES) == 59
    assert {name: [row["n"] for row in rows] for name, rows in LOGS.items()} == {
        name: list(range(1, len(rows) + 1)) for name, rows in LOGS.items()
    }
