"""The emulator answers recorded real traffic: same statuses, same keys and types in successful bodies, Google's error envelopes."""

import json

import pytest
from recorded_shapes import RECORDED, error_differences, replayed, shape_differences

RECORDING = RECORDED / "compute-global-load-balancer.jsonl"
EXCHANGES = [json.loads(line) for line in RECORDING.read_text().splitlines()]


@pytest.fixture(scope="module")
def recorded_project(start_emulator):
    emulator = start_emulator("--clock", "stepped", project="example-project")
    emulator.enable("compute")
    return emulator


class Replay:
    """Sends the recorded requests, with our operations' names, waiting where the recording saw an operation done."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.names = {}

    def send(self, exchange):
        path = exchange["url"].partition("googleapis.com")[2]
        for recorded, ours in self.names.items():
            path = path.replace(recorded, ours)
        answer = self.emulator.http.request(exchange["method"], path, json=exchange["body"])
        recorded = exchange["response"]
        is_operation = isinstance(recorded, dict) and recorded.get("kind") == "compute#operation"
        if is_operation and exchange["method"] == "GET" and recorded["status"] == "DONE":
            for _ in range(60):
                if answer.json().get("status") == "DONE":
                    break
                self.emulator.advance(1)
                answer = self.emulator.http.get(path)
        elif is_operation and answer.status_code == 200:
            self.names[recorded["name"]] = answer.json()["name"]
        return answer

    def differences(self, exchange):
        answer = self.send(exchange)
        if answer.status_code != exchange["status"]:
            return [f"status {exchange['status']} recorded, {answer.status_code} here: {answer.text[:300]}"]
        if answer.status_code >= 400:
            return list(error_differences(answer.status_code, answer.json()))
        found = list(shape_differences(exchange["response"], answer.json()))
        if exchange["response"].get("kind") == "compute#operation":
            pairs = [(key, exchange["response"][key], answer.json()[key]) for key in ("status", "progress", "operationType")]
            found += [f"{key} {recorded!r} recorded, {ours!r} here" for key, recorded, ours in pairs if recorded != ours]
        return found


def test_every_recorded_exchange_of_the_load_balancer_lifecycle_is_answered_alike(recorded_project):
    replay = Replay(recorded_project)
    unmatched = [
        (f"{exchange['n']} {exchange['method']} {exchange['url']}", found)
        for exchange in EXCHANGES
        if (found := replay.differences(exchange))
    ]
    assert len(EXCHANGES) == 92
    replayed(RECORDING, unmatched, len(EXCHANGES))
