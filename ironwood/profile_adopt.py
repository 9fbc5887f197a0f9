"""The rule of a profile's `adopt`: each entry is where something stands that may be marked as ours."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ironwood.finding import Finding
from ironwood.resources.base import Resource
from ironwood.resources.registry import KINDS

if TYPE_CHECKING:
    from ironwood.profile import Profile

FORM = "KIND/SCOPE/NAME, e.g. `health_check/global/tpu-health-check`, as an error about something unmarked prints it"


def what_is_adopted_can_be_marked(profile: Profile) -> Iterator[Finding]:
    """An entry names a kind there is, and one that Google lets us mark after its creation."""
    for number, entry in enumerate(profile.adopt):
        path = ("adopt", number)
        name, _, rest = entry.partition("/")
        kind = KINDS.get(name)
        if kind is None:
            near = difflib.get_close_matches(name, KINDS, n=1)
            yield Finding(path=path, text=f"'{name}' is no kind of resource; write {FORM}{f'; did you mean {near[0]}?' if near else ''}")
        elif not all(rest.partition("/")[::2]):
            yield Finding(path=path, text=f"'{entry}' is no address; write {FORM}")
        elif not can_be_marked(kind):
            yield Finding(
                path=path,
                text=f"Google lets nobody mark a {name} after its creation, so it cannot be adopted; delete it yourself or give the profile another name_prefix",
            )


def can_be_marked(kind: type[Resource]) -> bool:
    """Whether something of `kind` that exists can be given our marker."""
    return kind.marking not in {"none", "member"} and "owner" not in kind.immutable
