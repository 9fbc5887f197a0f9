"""What names lead to, asked of the embedded cloud's name server; and who may sign for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud.connection import connect
from cloud.names import forbidding_caa, records
from cloud.ports import free_ports
from ironwood.errors import UnreachableError
from running import EmbeddedCloud
from tasks.inputs import load_profile


def test_records_are_read_and_the_nearest_caa_decides(in_the_cloud: EmbeddedCloud, small_profile: Path):
    connection = connect(load_profile(str(small_profile)))
    shut, open_ = '0 issue "elsewhere.example"', '0 issue "pki.goog"'
    zone = {
        "example.com": {"CAA": [shut]},
        "a.example.com": {"A": ["192.0.2.7"]},
        "b.example.com": {"CAA": [open_], "AAAA": ["2001:db8::1"]},
    }
    in_the_cloud.tell("dns", zone, method="PUT")
    assert records(connection, "", "a.example.com", "A") == ["192.0.2.7"]
    assert records(connection, "", "a.example.com", "AAAA") == records(connection, "", "nobody.example.org", "A") == []
    assert forbidding_caa(connection, "", "a.example.com") == [shut]
    assert forbidding_caa(connection, "", "b.example.com") == []
    assert forbidding_caa(connection, "", "c.example.org") == []
    in_the_cloud.tell("dns", {"example.com": {"CAA": ['0 iodef "mailto:a@example.com"']}}, method="PUT")
    assert forbidding_caa(connection, "", "a.example.com") == []


def test_a_silent_name_server_is_said(in_the_cloud: EmbeddedCloud, small_profile: Path):
    connection = connect(load_profile(str(small_profile)))
    (port,) = free_ports(1)
    assert in_the_cloud.rest
    with pytest.raises(UnreachableError, match=r"no name server answers .*load_balancer\.resolver"):
        records(connection, f"127.0.0.1:{port}", "a.example.com", "A")
