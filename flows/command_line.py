"""The same flags for every flow: `python -m flows.NAME --profile NAME|FILE [--sizes small=3] [--dry-run]`.

1. What can be wrong with the input is found before anything is started: exit code 2, nothing asked, nothing changed.
2. A run reports to the Prefect server of PREFECT_API_URL, else to this machine's own, which is started once and shared.
3. Errors of ours are told in their own words, without a traceback: see `flows/exit_codes.py`.
"""

from __future__ import annotations

import argparse
import inspect
import logging
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from typing import Any

from prefect.logging.handlers import PrefectConsoleHandler
from prefect.settings import temporary_settings

from cloud.connection import connect
from flows.exit_codes import exit_code
from flows.local_server import server_settings
from ironwood.errors import InputError
from ironwood.profile import Profile
from tasks.inputs import load_profile


class Argument(Enum):
    """A flag a flow may take."""

    PROFILE = auto()
    SIZES = auto()
    DRY_RUN = auto()
    CONFIRM = auto()
    WRITE = auto()


def run(flow: Callable[..., object], *arguments: Argument, more: Callable[[argparse.ArgumentParser], None] | None = None) -> int:
    """Run `flow` with the flags of this process, those `more` adds for this flow alone included; returns the exit code."""
    parser = _parser(flow, arguments)
    if more is not None:
        more(parser)
    options = parser.parse_args()
    given = {name: value for name, value in vars(options).items() if value is not None}

    def work() -> None:
        profile = load_profile(given["profile"])
        if Argument.CONFIRM in arguments and not given.get("dry_run"):
            given["confirm"] = _confirmed(given.get("confirm"), profile.name)
        _report_to_prefect(flow, given, profile)

    return exit_code(work, stopped="stopped; run the same command again to finish what was begun")


def _report_to_prefect(flow: Callable[..., object], given: dict[str, Any], profile: Profile) -> None:
    if profile.cloud == "google":
        connect(profile)  # credentials that cannot be used end it before a server is started for it
    with ThreadPoolExecutor(1) as beside:
        # A server and an embedded cloud that are not running yet start side by side.
        connecting = beside.submit(connect, profile)
        settings = server_settings()
        connecting.result()
    with temporary_settings(settings):
        quiet_console()
        flow(**given)


def quiet_console() -> None:
    """What a flow says it prints itself; Prefect's log lines go to the run's page, not to the terminal."""
    for name in ("prefect", *logging.root.manager.loggerDict):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, PrefectConsoleHandler):
                handler.setLevel(logging.CRITICAL)


def _confirmed(given: str | None, name: str) -> str:
    """The confirmation given, else asked for where somebody sits in front of it."""
    if given is None and sys.stdin.isatty():
        given = input(f"This deletes everything of profile {name}. Type its name to go on: ").strip()
    if given != name:
        raise InputError(f"teardown deletes everything of profile {name}; confirm it with its name: --confirm {name}")
    return given


def _sizes(text: str) -> tuple[str, int]:
    tier, _, pods = text.partition("=")
    if not tier or not pods.isdigit():
        raise argparse.ArgumentTypeError(f"'{text}' is not TIER=PODS, such as small=3")
    return tier, int(pods)


class _Sizes(argparse.Action):
    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        del parser, option_string
        setattr(namespace, self.dest, (getattr(namespace, self.dest) or {}) | dict(values))


def _parser(flow: Callable[..., object], arguments: tuple[Argument, ...]) -> argparse.ArgumentParser:
    name = getattr(flow, "name", flow.__class__.__name__)
    parser = argparse.ArgumentParser(
        prog=f"python -m flows.{name}", description=inspect.getdoc(flow), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if Argument.PROFILE in arguments:
        default = os.environ.get("IRONWOOD_PROFILE", "embedded")
        parser.add_argument(
            "--profile", default=default, metavar="NAME|FILE", help="a name in profiles/ or a YAML file (default: %(default)s)"
        )
    if Argument.SIZES in arguments:
        parser.add_argument(
            "--sizes", action=_Sizes, nargs="+", type=_sizes, metavar="TIER=PODS", help="pods by tier, such as small=3 medium=0"
        )
    if Argument.DRY_RUN in arguments:
        parser.add_argument("--dry-run", action="store_true", help="show the plan and stop")
    if Argument.WRITE in arguments:
        parser.add_argument("--write", metavar="FILE", help="write the result to this new file")
    if Argument.CONFIRM in arguments:
        parser.add_argument("--confirm", metavar="PROFILE", help="the profile's name: yes, delete everything of it")
    return parser
