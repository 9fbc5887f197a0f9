"""A profile with domains: served over TLS, redirected from HTTP; pending is not failed, failed for good is made anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.status import status
from flows.teardown import teardown
from flows.validate import validate
from ironwood.errors import PreflightError
from running import EmbeddedCloud
from tasks.inputs import load_profile


def with_domain(path: Path, domain: str) -> Path:
    path.write_text(path.read_text().replace("port: 8080", f"port: 8080, https_port: 8443, domains: [{domain}]"))
    return path


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


def certificates(cloud: EmbeddedCloud) -> set[str]:
    return {name for kind, _, name in cloud.inventory() if kind == "compute.sslCertificates"}


def test_predictions_go_over_https_and_http_is_redirected(
    flows_here: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    path = str(with_domain(small_profile, "web.example.test"))
    provision(path)
    said = told(capsys)
    assert "ACTIVE for web.example.test" in said
    assert "HTTP -> HTTPS ✓ 301 to" in said
    assert said.count("✓ 200 in") == 4
    assert detect_drift(path) == 0
    assert status(path) == len(flows_here.inventory())
    assert "serves on https://" in told(capsys)
    small_profile.write_text(small_profile.read_text().replace(", domains: [web.example.test]", ""))
    provision(path)
    assert certificates(flows_here) == set()
    assert told(capsys).count("✓ 200 in") == 4
    teardown(path, confirm=load_profile(path).name)
    assert flows_here.inventory() == set()


def test_pending_is_told_failed_for_good_is_replaced_and_a_forbidding_caa_refused(
    flows_here: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    domain = "late.example.com"
    path = str(with_domain(small_profile, domain))
    flows_here.tell("durations", {"ssl.give_up": 86_400}, method="PUT")
    provision(path)
    said = told(capsys)
    assert "pending: PROVISIONING" in said
    assert "leads to nothing; set its A record to 127." in said
    assert "200 in" not in said
    (first,) = certificates(flows_here)
    status(path)
    assert f"PROVISIONING for {domain}" in told(capsys)
    flows_here.tell("dns", {domain: {"CAA": ['0 issue "elsewhere.example"']}}, method="PUT")
    with pytest.raises(
        PreflightError, match=rf'domain {domain}: its CAA records let only others sign.*Add a CAA record `0 issue "pki.goog"`'
    ):
        provision(path)
    (rule,) = [each for each in flows_here.ask("listeners")["listeners"] if each["port"] == 8443]
    flows_here.tell("durations", {"ssl.give_up": 0}, method="PUT")
    for _ in range(200):
        if "PERMANENTLY" in told_status(path, capsys):
            break
    flows_here.tell("dns", {domain: {"A": [rule["address"]]}}, method="PUT")
    flows_here.tell("durations", {"ssl.give_up": 86_400}, method="PUT")
    assert provision(path) == 3
    assert certificates(flows_here) == {f"{first}-2"}
    assert told(capsys).count("✓ 200 in") == 4
    assert detect_drift(path) == 0
    assert validate(path) > 0


def told_status(path: str, capsys: pytest.CaptureFixture[str]) -> str:
    status(path)
    return told(capsys)
