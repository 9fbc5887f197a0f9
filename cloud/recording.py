"""What was asked of Google and answered, request by request, as conformance data: the form of tests/data/recorded, one JSON object a line.

1. Every client that speaks REST is heard; headers, and with them tokens, never are. 2. The project's id, its number and people's addresses are replaced.
3. Of a list only what is the probe's is kept, by its prefix: what else a project holds is nobody's business. 4. gRPC is not recorded.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import requests

from cloud.connection import Connection
from ironwood.conformance import Exchange, Json
from ironwood.errors import InputError

PROJECT, NUMBER, PERSON = "example-project", "123456789012", "user@example.com"
_NUMBER = re.compile(r"(?<=projects/)[0-9]{6,}")
_DEFAULT_ACCOUNT = re.compile(r"[0-9]{6,}(?=-compute@)")
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@(?![a-z0-9.-]*gserviceaccount\.com)[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_SCOPES = ("global", "regions/", "zones/")
"""What the keys of an aggregated list begin with."""


class Recording:
    """Exchanges as they end. `kept` is what the names of the probe's things begin with."""

    def __init__(self, project: str, kept: str) -> None:
        self._project, self._kept = project, kept
        self._exchanges: list[Exchange] = []
        self._lock = threading.Lock()

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All of them, in the order they ended."""
        with self._lock:
            return tuple(self._exchanges)

    def heard(self, host: str, response: requests.Response) -> None:
        """Note one answer of the API whose own host is `host`."""
        request = response.request
        parts = urlsplit(str(request.url))
        path = parts.path.removeprefix(f"/{host}")
        url = self._text(f"https://{host}{path}{f'?{parts.query}' if parts.query else ''}")
        body, answer = self._json(request.body), self._json(response.content)
        with self._lock:
            self._exchanges.append(
                Exchange(
                    n=len(self._exchanges),
                    method=str(request.method),
                    url=url,
                    body=body,
                    status=response.status_code,
                    response=self._ours(answer),
                    duration=round(response.elapsed.total_seconds(), 6),
                )
            )

    def write(self, path: Path) -> None:
        """Write them to a new file; raises InputError where it cannot be written."""
        try:
            with path.open("x", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in self.exchanges)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; name a new file in a folder that exists") from error

    def _json(self, content: bytes | str | None) -> Json:
        if not content:
            return None
        try:
            text = content.decode() if isinstance(content, bytes) else content
            found: Json = json.loads(self._text(text))
        except ValueError:
            return None  # bytes of an object
        return found

    def _text(self, text: str) -> str:
        text = text.replace(self._project, PROJECT)
        return _ADDRESS.sub(PERSON, _DEFAULT_ACCOUNT.sub(NUMBER, _NUMBER.sub(NUMBER, text)))

    def _ours(self, answer: Json) -> Json:
        """An answer about the probe's own as it is; of any other, lists hold only what is the probe's."""
        if not isinstance(answer, dict) or any(isinstance(each, str) and self._kept in each for each in answer.values()):
            return answer
        return {key: self._within(each) for key, each in answer.items()}

    def _within(self, part: Json) -> Json:
        if isinstance(part, list):
            return [each for each in part if self._kept in json.dumps(each)]
        if isinstance(part, dict):
            found = {key: self._ours(each) for key, each in part.items()}
            scopes = all(key.startswith(_SCOPES) for key in found)
            return {key: each for key, each in found.items() if self._kept in json.dumps(each)} if scopes else found
        return part


@contextmanager
def recorded(connection: Connection, kept: str) -> Iterator[Recording]:
    """Record what `connection` asks over REST while the block runs."""
    recording = Recording(connection.project, kept)
    connection.witnesses.append(recording.heard)
    try:
        yield recording
    finally:
        connection.witnesses.remove(recording.heard)


def read(path: Path) -> tuple[Exchange, ...]:
    """The exchanges of a file; raises InputError naming the line that is none."""
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}; name a recording written with --write") from error
    for number, line in enumerate(lines, start=1):
        try:
            found.append(Exchange(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path}:{number} is no exchange of a recording written with --write: {error}") from error
    return tuple(found)
