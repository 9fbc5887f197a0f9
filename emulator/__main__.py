"""``python -m emulator``: start the embedded Google Cloud."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from emulator.clock import MODES
from emulator.settings import Settings, SettingsError, address_pool
from emulator.times import parse


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m emulator",
        description="The embedded Google Cloud: Compute Engine, IAM and Service Usage on one REST and one gRPC port, with its own clock and bill.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=8787, help="REST and admin port")
    add("--grpc-port", type=int, default=None, help="gRPC port (default: --port + 1)")
    add("--dns-port", type=int, default=0, help="UDP port of the name server (default: any free one; /_emulator/health tells it)")
    add(
        "--https-port",
        type=int,
        default=None,
        help="REST and gRPC over TLS, as Google's own hosts speak them (default: not at all; 0: any free one)",
    )
    add("--host", default="127.0.0.1", help="address to listen on; the admin surface answers loopback peers only")
    add("--clock", choices=MODES, default="scaled", help="how emulated time passes")
    add("--time-scale", type=float, default=60.0, help="emulated seconds a real second (scaled clock)")
    add("--start-time", default=None, help="emulated time of a new state, RFC 3339 (default: now; 2026-09-01T00:00:00Z when stepped)")
    add("--state", type=Path, default=None, help="SQLite file to keep everything in (default: memory only)")
    add("--durations", type=Path, default=None, help="YAML file of durations in seconds that override emulator/durations.yaml")
    add("--address-pool", default="127.1.0.0/24", help="loopback network external addresses come from")
    add("--project", default="embedded-project", help="the project's id")
    add("--project-number", default="123456789012", help="the project's number")
    return parser.parse_args()


def _settings(arguments: argparse.Namespace) -> Settings:
    ports = {"--port": arguments.port, "--grpc-port": arguments.grpc_port or arguments.port + 1}
    for flag, port in ports.items():
        if not 0 < port < 65536:
            raise SettingsError(f"{flag} {port}: choose a port from 1 to 65535")
    if ports["--port"] == ports["--grpc-port"]:
        raise SettingsError(f"--grpc-port {ports['--grpc-port']}: REST and gRPC need a port each")
    if arguments.time_scale <= 0:
        raise SettingsError(f"--time-scale {arguments.time_scale}: emulated time must pass, choose a number above 0")
    if not str(arguments.project_number).isdigit():
        raise SettingsError(f"--project-number {arguments.project_number}: a project number has digits only")
    try:
        start = parse(arguments.start_time) if arguments.start_time else None
    except ValueError as error:
        raise SettingsError(f"--start-time: {error}") from error
    if arguments.state is not None and not arguments.state.absolute().parent.is_dir():
        raise SettingsError(f"--state {arguments.state}: the folder {arguments.state.absolute().parent} does not exist; make it first")
    return Settings(
        host=arguments.host,
        port=arguments.port,
        grpc_port=ports["--grpc-port"],
        dns_port=arguments.dns_port,
        https_port=arguments.https_port,
        clock=arguments.clock,
        time_scale=arguments.time_scale,
        start_time=start,
        state=arguments.state.absolute() if arguments.state else None,
        durations=arguments.durations,
        address_pool=address_pool(arguments.address_pool),
        project=arguments.project,
        project_number=arguments.project_number,
    )


def main() -> int:
    """Run; 0 when stopped, 2 when it cannot start."""
    from emulator.store import StoreError  # --help and a wrong flag answer without loading Google's packages

    arguments = _arguments()
    try:
        settings = _settings(arguments)
        from emulator.app import serve  # the same

        asyncio.run(serve(settings))
    except (SettingsError, StoreError) as error:
        print(f"emulator: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
