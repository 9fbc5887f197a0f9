"""The emulator answers the recorded lifecycle of a Memorystore instance alike: statuses, keys and types, operations that take as long."""

import json
from datetime import datetime

import pytest
from recorded_shapes import RECORDED, replayed, shape_differences

RECORDING = RECORDED / "memorystore-redis-instance.jsonl"
EXCHANGES = [json.loads(line) for line in RECORDING.read_text().splitlines()]
SECOND = 1.0


@pytest.fixture(scope="module")
def recorded_project(start_emulator):
    emulator = start_emulator("--clock", "stepped", project="example-project")
    emulator.enable("compute", "redis")
    return emulator


class Replay:
    """Sends the recorded requests with our operations' names; moves the clock to where the recording saw an operation done."""

    def __init__(self, emulator):
        self.emulator, self.names = emulator, {}

    def send(self, exchange):
        path = "/redis.googleapis.com" + exchange["url"].partition("googleapis.com")[2]
        for recorded, ours in self.names.items():
            path = path.replace(recorded, ours)
        recorded = exchange["response"]
        answer = self.emulator.http.request(exchange["method"], path, json=exchange["body"])
        if "/operations/" in path and recorded["done"]:
            for _ in range(1_000):
                if answer.json()["done"]:
                    break
                self.emulator.advance(20)
                answer = self.emulator.http.get(path)
        elif exchange["method"] != "GET":
            self.names[recorded["name"]] = answer.json()["name"]
        return answer

    def differences(self, exchange):
        answer, recorded = self.send(exchange), exchange["response"]
        if answer.status_code != exchange["status"]:
            return [f"status {exchange['status']} recorded, {answer.status_code} here: {answer.text[:300]}"]
        if answer.status_code >= 400:
            error = answer.json()["error"]
            return [] if set(error) == {"code", "message", "status"} and error["code"] == exchange["status"] else [f"error is {error}"]
        found = list(shape_differences(recorded, answer.json()))
        found += [f"{key}: {a!r} recorded, {b!r} here" for key, a, b in said(recorded, answer.json()) if a != b]
        if "done" in recorded and "endTime" in recorded["metadata"]:
            theirs, ours = lasted(recorded["metadata"]), lasted(answer.json()["metadata"])
            found += [] if abs(theirs - ours) < SECOND else [f"took {theirs} s recorded, {ours} s here"]
        return found


def said(recorded, ours):
    """What is to be the same and not only alike."""
    instance = {
        "state",
        "tier",
        "memorySizeGb",
        "connectMode",
        "redisVersion",
        "port",
        "displayName",
        "labels",
        "transitEncryptionMode",
        "nodes",
    }
    for key in sorted(instance | {"done"}):
        yield key, recorded.get(key), ours.get(key)
    if "metadata" in recorded:
        for key in ("@type", "verb", "target", "apiVersion"):
            yield key, recorded["metadata"][key], ours["metadata"][key]
    if "response" in recorded and recorded.get("done"):
        yield "response type", recorded["response"]["@type"], ours["response"]["@type"]


def lasted(metadata):
    begin, end = (datetime.fromisoformat(metadata[key]) for key in ("createTime", "endTime"))
    return (end - begin).total_seconds()


def test_every_recorded_exchange_of_the_redis_lifecycle_is_answered_alike(recorded_project):
    replay = Replay(recorded_project)
    unmatched = [
        (f"{exchange['n']} {exchange['method']} {exchange['url']}", found)
        for exchange in EXCHANGES
        if (found := replay.differences(exchange))
    ]
    assert len(EXCHANGES) == 16
    replayed(RECORDING, unmatched, len(EXCHANGES))
