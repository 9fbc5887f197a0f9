"""The packet of mistakes: what users of other tools met, made on purpose here, and what became of each.

`tests/data/mistakes.yaml` lists them; `docs/mistakes.md` is made from it.

`python -m bench.mistakes` makes them all (10 to 15 minutes), a line each; `--write` makes the document.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as Xml

from ruamel.yaml import YAML

from cloud.home import PROJECT_ROOT

PACKET = PROJECT_ROOT / "tests" / "data" / "mistakes.yaml"
DOCUMENT = PROJECT_ROOT / "docs" / "mistakes.md"
KINDS = {"profile": "profile", "fault": "fault", "hand": "by hand"}
HEAD = """# Mistakes of others

What users of Terraform, SkyPilot, dstack, xpk, KEDA, Karpenter, Pulumi, Google's own tools and others met, from their issue trackers, each made on
purpose against the embedded Google Cloud: by a profile, by a fault, or by a hand that meddles. Each has one outcome, which a test holds: it is told
with where, what and what would do; or it cannot happen; or it is mended. `make mistakes` makes them all and says what became of each.

Made from `tests/data/mistakes.yaml` by `python -m bench.mistakes --write`; the texts are ours, the numbers lead to where it was told.
"""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One of the packet; `met_by` is repository#number, or words where there is no tracker; `test` is pytest's name of what makes it."""

    number: int
    title: str
    met_by: tuple[str, ...]
    kind: str
    reproduced: str
    outcome: str
    test: str


def packet() -> list[Mistake]:
    """All of them, as listed."""
    rows = YAML(typ="safe").load(PACKET.read_text())
    return [Mistake(**{**row, "met_by": tuple(row["met_by"])}) for row in rows]


def document(mistakes: Sequence[Mistake]) -> str:
    """docs/mistakes.md."""
    rows = [
        f"| {each.number} | {each.title} | {', '.join(map(_link, each.met_by))} | {KINDS[each.kind]}: {each.reproduced} | {each.outcome} | `{each.test.rpartition('::')[2]}` |"
        for each in mistakes
    ]
    table = ["| | mistake | met by | made by | outcome | test |", "|-|-|-|-|-|-|", *rows]
    return f"{HEAD}\n{len(mistakes)} of them:\n\n" + "\n".join(table) + "\n"


def _link(source: str) -> str:
    repository, mark, number = source.partition("#")
    return f"[{source}](https://github.com/{repository}/issues/{number})" if mark else source


def outcomes(mistakes: Sequence[Mistake]) -> Mapping[int, bool]:
    """Make every mistake; by number, whether it came out as listed: its test ran, all of it, and held."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--junitxml",
            str(report),
            "-o",
            "junit_family=xunit1",
            *{each.test for each in mistakes},
        ]
        subprocess.run(command, cwd=PROJECT_ROOT, env={**os.environ, "IRONWOOD_LONG": "1"}, check=False)
        ran = [(f"{case.get('file')}::{case.get('name')}", not len(case)) for case in Xml.parse(report).iter("testcase")]  # noqa: S314 - our own file
    of = {each.number: [held for name, held in ran if name in {each.test} or name.startswith(f"{each.test}[")] for each in mistakes}
    return {number: bool(held) and all(held) for number, held in of.items()}


def main() -> int:
    """0 when every one came out as listed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="make docs/mistakes.md and do nothing else")
    mistakes = packet()
    if parser.parse_args().write:
        DOCUMENT.write_text(document(mistakes))
        return 0
    held = outcomes(mistakes)
    for each in mistakes:
        print(f"{'✓' if held[each.number] else '✗'} {each.number:>3}  {each.title}: {each.outcome}")
    print(f"{sum(held.values())} of {len(mistakes)}")
    return 0 if all(held.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
