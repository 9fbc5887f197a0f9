"""What runs are called: what is done to what, with the sizes asked for; a profile given as a file is called as the file, without its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prefect.context import FlowRunContext

FILES = ("profile", "trace")
"""Parameters that may be the path of a file."""


def named(text: str) -> Callable[[], str]:
    """A namer of runs: `text` with the run's parameters in it, such as `provision {profile}`."""

    def name() -> str:
        context = FlowRunContext.get()
        return run_name(text, (context.parameters if context else None) or {})

    return name


def run_name(text: str, parameters: Mapping[str, Any]) -> str:
    """`scale prod to small 3, medium 1 (dry run)`."""
    shown = {key: Path(str(value)).stem if key in FILES else value for key, value in parameters.items()}
    told = text.format(**shown)
    sizes: Mapping[str, int] = parameters.get("sizes") or {}
    if sizes:
        told += f" to {', '.join(f'{tier} {pods}' for tier, pods in sizes.items())}"
    return f"{told} (dry run)" if parameters.get("dry_run") else told
