"""`cloud: google` without usable credentials: one sentence that says what to do, exit code 1, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BOUND_SECONDS = 120
"""Ends a run that would ask a metadata server for minutes; nothing is said of how long a good one takes."""


def provision(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"}}
    return subprocess.run(
        [sys.executable, "-m", "flows.provision", "--profile", "prod", "--dry-run"],
        env={
            **kept,
            "HOME": str(home),
            "PROJECT_ID": "example-project",
            "NO_GCE_CHECK": "true",
            "IRONWOOD_HOME": str(home / "state"),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("file", [None, "absent.json", "broken.json"])
def test_credentials_that_cannot_be_used_are_told_with_the_remedy(tmp_path: Path, file: str | None) -> None:
    (tmp_path / "broken.json").write_text("{")
    named = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / file)} if file else {}
    run = provision(tmp_path, **named)
    assert run.returncode == 1, run.stderr
    assert "gcloud auth application-default login" in run.stderr
    assert "Traceback" not in run.stderr
    assert file is None or file in run.stderr
    assert not list(tmp_path.glob("state/**/prefect.json")), "a server was started for a run that could not be"
