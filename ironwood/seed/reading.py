"""Typed reading of a tfvars' variables: what is asked for is known, everything wrong is kept and told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ironwood.seed.tfvars import Tfvars, Variable

SWITCHES: Mapping[str, bool] = {"true": True, "false": False}


@dataclass(kw_only=True)
class Reader:
    """Answers variables by name and type, None where one is absent or of another type; collects mistakes and the names asked for."""

    tfvars: Tfvars
    asked: set[str] = field(default_factory=set)
    mistakes: list[tuple[int, str]] = field(default_factory=list)

    def given(self, *names: str) -> Variable | None:
        """The first of `names` that is given: the seed's files and its README call some variables differently."""
        self.asked.update(names)
        return next((self.tfvars.variables[each] for each in names if each in self.tfvars.variables), None)

    def text(self, *names: str) -> str | None:
        """A text."""
        found = self.given(*names)
        if found is None or isinstance(found.value, str):
            return None if found is None else str(found.value)
        self._wrong(found, 'is not text; write it in double quotes, such as "us-central1"')
        return None

    def switch(self, *names: str) -> bool | None:
        """True or false."""
        found = self.given(*names)
        if found is None:
            return None
        if isinstance(found.value, bool):
            return found.value
        if str(found.value) in SWITCHES:
            return SWITCHES[str(found.value)]
        self._wrong(found, "is neither true nor false")
        return None

    def number(self, *names: str) -> float | None:
        """A number."""
        found = self.given(*names)
        if found is None:
            return None
        if not isinstance(found.value, bool):
            try:
                return float(str(found.value))
            except ValueError:
                pass
        self._wrong(found, "is not a number; write one, without quotes")
        return None

    def whole(self, *names: str) -> int | None:
        """A whole number."""
        number = self.number(*names)
        if number is None or number.is_integer():
            return None if number is None else int(number)
        found = self.given(*names)
        assert found is not None
        self._wrong(found, "is not a whole number; round it")
        return None

    def texts(self, *names: str) -> list[str] | None:
        """A list of texts."""
        found = self.given(*names)
        if found is None:
            return None
        if isinstance(found.value, list) and all(isinstance(each, str) for each in found.value):
            return list(found.value)
        self._wrong(found, 'is not a list of texts; write ["first", "second"]')
        return None

    def mapping(self, *names: str) -> dict[str, object] | None:
        """A mapping of names to values."""
        found = self.given(*names)
        if found is None:
            return None
        if isinstance(found.value, Mapping):
            return {str(key).strip('"'): value for key, value in found.value.items()}
        self._wrong(found, 'is not a mapping; write { key = "value" }')
        return None

    def line(self, *names: str) -> int:
        """The line of the first of `names` that is given, 0 for none."""
        found = self.given(*names)
        return found.line if found else 0

    def _wrong(self, found: Variable, what: str) -> None:
        self.mistakes.append((found.line, f"{self.tfvars.source}:{found.line} {found.name}: {found.value!r} {what}"))
