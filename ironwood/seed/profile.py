"""The text of a profile made of a tfvars: keys in sections, what was changed said above its key, what was left out at the end.

The text is parsed before it is handed out; what is wrong with it is told at the variable it came from.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

from ruamel.yaml import YAML

from ironwood.profile import profile_in
from ironwood.profile_text import Path, ProfileText
from ironwood.seed.tfvars import Tfvars
from ironwood.seed.translate import Left, Setting, translated

WIDTH = 140


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A profile's text, how many keys came over as they were, which were changed and which variables are left out."""

    text: str
    same: int
    changed: tuple[Setting, ...]
    left: tuple[Left, ...]


@dataclass(frozen=True, kw_only=True)
class SeedText(ProfileText):
    """The text of a profile whose keys stand, for its errors, where a tfvars has them."""

    tfvars: Tfvars
    settings: Sequence[Setting]

    def line(self, path: Path) -> int:
        """The line of the variable that made the key at `path`, or the key nearest to it."""
        return next((each.line for each in self._near(path) if each.line), 1)

    def where(self, path: Path) -> str:
        """`file:line variable:`."""
        line = self.line(path)
        name = next((each.name for each in self.tfvars.variables.values() if each.line == line), "")
        key = ".".join(map(str, path))
        return f"{self.source}:{line} {f'{name} ({key})' if name else key}:"

    def _near(self, path: Path) -> Iterator[Setting]:
        """Settings by how much of `path` they share, all of it first."""
        steps = tuple(map(str, path))
        for length in range(len(steps), 0, -1):
            yield from (each for each in self.settings if each.path[:length] == steps[:length])


def imported(text: str, *, source: str, name: str) -> Imported:
    """The profile `name` of the tfvars `text`; raises ProfileError with file and line of each mistake."""
    tfvars = Tfvars.parse(text, source=source)
    settings, left = translated(tfvars)
    written = "\n".join(_lines(settings, left, source, name)) + "\n"
    root = ProfileText.parse(written, source=source).root
    root.setdefault("name", name)
    profile_in(SeedText(source=source, root=root, tfvars=tfvars, settings=settings), {})
    changed = tuple(each for each in settings if each.why)
    return Imported(text=written, same=sum(bool(each.line) for each in settings if not each.why), changed=changed, left=tuple(left))


def _lines(settings: Sequence[Setting], left: Sequence[Left], source: str, name: str) -> Iterator[str]:
    yield from _comment(
        f"Made of {source}. Read what was changed (said above its key) and what was left out (at the end), then run "
        f"`python -m flows.provision --profile {name} --dry-run`.",
        0,
    )
    yield "cloud: google"
    yield from _section(settings, 0)
    if left:
        yield "# Left out:"
    for each in sorted(left, key=lambda one: (not one.line, one.line)):
        yield from _comment(f"{f'line {each.line}, ' if each.line else ''}{each.variable}: {each.why}", 0)


def _section(settings: Sequence[Setting], depth: int) -> Iterator[str]:
    heads = dict.fromkeys(each.path[depth] for each in settings)
    pad = "  " * depth
    for head in heads:
        below = [each for each in settings if each.path[depth] == head]
        if len(below[0].path) == depth + 1:
            if below[0].why:
                yield from _comment(below[0].why, depth)
            yield f"{pad}{head}: {_flow(below[0].value)}"
        else:
            yield f"{pad}{head}:"
            yield from _section(below, depth + 1)


def _comment(text: str, depth: int) -> list[str]:
    pad = f"{'  ' * depth}# "
    return textwrap.wrap(text, WIDTH, initial_indent=pad, subsequent_indent=pad, break_long_words=False, break_on_hyphens=False)


def _flow(value: object) -> str:
    """`value` as YAML in one line."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = True
    writer.width = 10_000
    held = StringIO()
    writer.dump({"v": dict(value) if isinstance(value, Mapping) else value}, held)
    return held.getvalue().strip().removeprefix("{v: ").removesuffix("}")
