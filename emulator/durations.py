"""How long things take, in emulated seconds: one table, read from durations.yaml, changeable while running."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from emulator.settings import SettingsError
from emulator.times import seconds


class BadDurationError(ValueError):
    """Not a duration the table knows, or not a number of seconds."""


class Durations:
    """Durations by name: an operation's method id (``compute.networks.insert``) or a phase (``vm.boot``)."""

    def __init__(self, overrides: Path | None = None) -> None:
        text = importlib.resources.files("emulator").joinpath("durations.yaml").read_text()
        table: dict[str, dict[str, Any]] = YAML(typ="safe").load(text)
        self._defaults = {name: float(row["seconds"]) for name, row in table.items()}
        self._now = dict(self._defaults)
        if overrides is not None:
            try:
                content = YAML(typ="safe").load(overrides.read_text())
                self.set(content)
            except (OSError, YAMLError, BadDurationError) as error:
                raise SettingsError(f"--durations {overrides}: {error}") from error
            self._defaults = dict(self._now)

    def of(self, name: str) -> int:
        """Microseconds. A method without its own row takes its verb's: ``compute.*.insert``."""
        if name in self._now:
            return seconds(self._now[name])
        service, _, rest = name.partition(".")
        verb = rest.rpartition(".")[2]
        return seconds(self._now.get(f"{service}.*.{verb}", self._now.get(f"{service}.*.*", 0.0)))

    def shown(self) -> dict[str, float]:
        """The table in seconds."""
        return dict(self._now)

    def set(self, changes: Any) -> None:
        """Change rows; raises BadDurationError and then changes nothing."""
        if not isinstance(changes, dict):
            raise BadDurationError('expected a mapping of names to seconds, for example {"vm.boot": 60}')
        for name, value in changes.items():
            if name not in self._now and not str(name).startswith(("compute.", "serviceusage.", "iam.", "aiplatform.", "redis.")):
                raise BadDurationError(f"{name!r} is not a duration; there are {', '.join(sorted(self._now))}")
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise BadDurationError(f"{name} is {value!r}; expected seconds >= 0")
        self._now.update({str(name): float(value) for name, value in changes.items()})

    def reset(self) -> None:
        """Back to what the process started with."""
        self._now = dict(self._defaults)
