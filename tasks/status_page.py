"""The page to open first, `status-PROFILE`: how a profile stands in a few sentences, the way to every other page of it, and what it owns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactCollectionFilter, ArtifactCollectionFilterKey
from prefect.client.schemas.objects import ArtifactCollection

from ironwood.outputs import Plain
from ironwood.profile import Profile

PAGES = {
    "alarm": "what rang last; docs/operations.md says what to do",
    "diagnosis": "what is wrong and what would do",
    "plan": "the last plan with its cost",
    "approval": "the last plan a person was asked about",
    "validation": "whether it serves",
    "drift": "what differs from the profile",
    "budget": "spent so far, forecast, thresholds",
    "decisions": "what was decided, and why",
    "preview": "the sizes and dollars of the next days",
    "schedules": "when scale looks",
    "capacity-plan": "the capacity plan with its alternatives",
    "windows": "its windows",
    "week": "its plot",
    "owned": "everything owned, in one table",
    "proof-of-zero": "the last teardown's",
}
"""Keys of artifacts, before the profile's name, in the order they are read."""


def write_status_page(
    profile: Profile,
    sentences: Sequence[tuple[str, str]],
    rows: Sequence[tuple[str, ...]],
    columns: tuple[str, ...],
    outputs: Mapping[str, Plain],
) -> None:
    """Keep the page; `sentences` are a heading and a text each, `rows` what is owned, `outputs` the seed's by name."""
    create_markdown_artifact(
        key=f"status-{profile.name}",
        markdown="\n".join(_page(profile, sentences, rows, columns, outputs)),
        description=sentences[-1][1] if sentences else f"{len(rows)} objects",
    )


def _page(
    profile: Profile,
    sentences: Sequence[tuple[str, str]],
    rows: Sequence[tuple[str, ...]],
    columns: tuple[str, ...],
    outputs: Mapping[str, Plain],
) -> Iterator[str]:
    yield f"# {profile.name}"
    yield ""
    yield from (f"- **{head}** {text}" for head, text in sentences)
    found = _pages_of(profile)
    if found:
        yield from ("", "## Pages", "", "| page | what | latest |", "|---|---|---|")
        for key, what in PAGES.items():
            if latest := found.get(f"{key}-{profile.name}"):
                written = f"{latest.updated:%d %b %H:%M} UTC" if latest.updated else ""
                yield f"| [{key}](/v2/artifacts/key/{latest.key}) | {what} | {' · '.join(each for each in (latest.description, written) if each)} |"
    yield from ("", "## Owned", "", f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}")
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield from ("", "## Outputs", "", "```json", json.dumps(outputs, indent=2), "```")


def _pages_of(profile: Profile) -> dict[str, ArtifactCollection]:
    """The latest artifact of each key of the profile."""
    keys = [f"{key}-{profile.name}" for key in PAGES]
    with get_client(sync_client=True) as client:
        found = client.read_latest_artifacts(artifact_filter=ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(any_=keys)))
    return {str(each.key): each for each in found}
