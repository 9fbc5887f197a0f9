"""Where local state lives: `.ironwood/` at the project's root, or wherever IRONWOOD_HOME says."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[1]


def home() -> Path:
    """The folder of local state, made if it is not there."""
    folder = Path(os.environ.get("IRONWOOD_HOME", PROJECT_ROOT / ".ironwood"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
