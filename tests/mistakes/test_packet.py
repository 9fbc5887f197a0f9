"""The packet is whole: numbered, sourced, made by tests that exist, and told in docs/mistakes.md."""

from __future__ import annotations

import re
import subprocess
import sys

from bench.mistakes import DOCUMENT, KINDS, document, packet
from running import ROOT

AT_LEAST = 40
TRACKER = re.compile(r"[\w.-]+/[\w.-]+#\d+")
RECIPE = "the original recipe"


def test_it_is_numbered_without_a_gap_and_none_is_told_twice():
    found = packet()
    assert [each.number for each in found] == list(range(1, len(found) + 1))
    assert len(found) >= AT_LEAST
    assert len({each.title for each in found}) == len(found)
    assert len({each.test for each in found}) == len(found), "a test shows one mistake"


def test_each_says_who_met_it_how_it_is_made_and_what_comes_out():
    for each in packet():
        assert [source for source in each.met_by if TRACKER.fullmatch(source)], f"{each.number}: no tracker"
        assert [source for source in each.met_by if not TRACKER.fullmatch(source)] in ([], [RECIPE])
        assert each.kind in KINDS
        assert all((each.title, each.reproduced, each.outcome)), each.number
        assert "|" not in f"{each.title}{each.reproduced}{each.outcome}"


def test_every_test_it_names_is_collected():
    named = {each.test for each in packet()}
    files = sorted({name.partition("::")[0] for name in named})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:randomly", *files]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
    collected = set(listed) | {line.partition("[")[0] for line in listed}
    assert named - collected == set()


def test_the_document_tells_it():
    assert DOCUMENT.read_text() == document(packet()), "run `python -m bench.mistakes --write`"
