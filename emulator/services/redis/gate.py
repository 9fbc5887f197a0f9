"""The door of an instance: reads a client's commands, lets those pass that may.

1. Before a right AUTH nothing passes. 2. Commands Memorystore blocks are handed on under a name nobody knows, so that the answer comes in its turn.
"""

from __future__ import annotations

import asyncio
import hmac

from emulator.rules import documented

BLOCKED = frozenset(
    {
        b"ACL", b"BGREWRITEAOF", b"BGSAVE", b"CLIENT", b"CLUSTER", b"COMMAND", b"CONFIG", b"DEBUG", b"LASTSAVE", b"MIGRATE", b"MODULE", b"MONITOR",
        b"OBJECT", b"PSYNC", b"REPLICAOF", b"SAVE", b"SHUTDOWN", b"SLAVEOF", b"SYNC",
    }
)  # fmt: skip
MOST = 1 << 29
"""Bytes of one argument, and arguments of one command, at the most."""
PASSWORD_ONLY, USER_AND_PASSWORD = 2, 3
documented("redis-blocked", "Memorystore blocks CONFIG, CLIENT, ACL, DEBUG and other administrative commands: they are unknown commands.")


class ProtocolError(Exception):
    """What came is no command."""


async def passing(client: asyncio.StreamReader, answers: asyncio.StreamWriter, server: asyncio.StreamWriter, auth: str) -> None:
    """Hand commands on until the client goes; `auth` "" asks for none."""
    known = not auth
    while (command := await _command(client)) is not None:
        name = command[0].upper()
        if not known:
            refusal, known = _told(command, auth)
            if refusal:
                answers.write(refusal)
                await answers.drain()
                continue
            if name == b"HELLO":
                command = command[:2]
        if name in BLOCKED:
            command = [b"blocked:" + command[0]]
        server.write(_encoded(command))
        await server.drain()


def _told(command: list[bytes], auth: str) -> tuple[bytes, bool]:
    """What somebody not known yet is refused with, and whether he is known now."""
    name, given = command[0].upper(), None
    if name == b"AUTH" and len(command) in {PASSWORD_ONLY, USER_AND_PASSWORD}:
        given = command[1:]
    elif name == b"HELLO" and len(command) >= PASSWORD_ONLY + USER_AND_PASSWORD and command[2].upper() == b"AUTH":
        given = command[3:5]
    if given is None:
        return b"-NOAUTH Authentication required.\r\n", False
    user = given[0] if len(given) > 1 else b"default"
    if user == b"default" and hmac.compare_digest(given[-1], auth.encode()):
        return b"", True
    return b"-WRONGPASS invalid username-password pair or user is disabled.\r\n", False


async def _command(client: asyncio.StreamReader) -> list[bytes] | None:
    """The next command; None where the client is gone. Raises ProtocolError."""
    line = (await client.readline()).rstrip(b"\r\n")
    if not line.startswith(b"*"):
        return line.split() or None
    return [await _argument(client) for _ in range(_number(line[1:]))] or None


async def _argument(client: asyncio.StreamReader) -> bytes:
    line = (await client.readline()).rstrip(b"\r\n")
    if not line.startswith(b"$"):
        raise ProtocolError(line)
    data = await client.readexactly(_number(line[1:]) + 2)
    return data[:-2]


def _number(text: bytes) -> int:
    if not text.isdigit() or int(text) > MOST:
        raise ProtocolError(text)
    return int(text)


def _encoded(command: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%s\r\n" % (len(each), each) for each in command)
