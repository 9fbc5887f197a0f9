"""Grade past decisions: read them and the demand that came, keep one entry each in the ledger's log and one page of all.

A decision whose hour is not over, or not told yet, waits for the next time; one that has its entry keeps that grade.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from prefect.artifacts import create_image_artifact, create_markdown_artifact

from cloud import audit
from cloud.connection import Connection
from ironwood import decision, naming
from ironwood.capacity import live
from ironwood.capacity.replay import Rules
from ironwood.desired.observability import ledger_log
from ironwood.grade import KIND, LENGTH, Grade, Past, due, grade_of, graded, past_of, summaries
from ironwood.profile import Profile
from tasks.demand_seen import came, told_until
from tasks.grade_plots import as_data_uri
from tasks.policy import rules_in_force
from tasks.retries import google_task
from tasks.windows import known_state

SHOWN = 20
"""Decisions named on the page: those that cost most beside the best choice."""


@dataclass(frozen=True, kw_only=True)
class Graded:
    """Every grade since an instant, oldest first, and how many of them are new."""

    grades: tuple[Grade, ...]
    new: int


def grade_since(connection: Connection, profile: Profile, since: datetime) -> Graded:
    """Grade every decision made since an instant that can be graded by now."""
    past, known, rules = read(connection, profile, since)
    waiting = due(past, known, told_until(profile, connection.clock.now()))
    fresh: list[Grade] = []
    if waiting:
        begin = waiting[0].begin
        units, requests, refused = came(connection, profile, begin, waiting[-1].begin + LENGTH)
        for each in waiting:
            bins = slice(live.bin_of(each.begin, begin), live.bin_of(each.begin + LENGTH, begin))
            asked = float(requests[bins].sum())
            fresh.append(graded(each, rules, units[bins], float(refused[bins].sum()) / asked if asked else 0.0))
        keep(connection, profile, fresh)
    return Graded(grades=tuple(sorted([*known, *fresh], key=lambda each: each.at)), new=len(fresh))


@google_task(name="grade", run_name="read the decisions of {profile.name}")
def read(connection: Connection, profile: Profile, since: datetime) -> tuple[list[Past], list[Grade], Rules]:
    """The decisions in the ledger's log since an instant, the grades of such, and the rules they are graded under."""
    bucket, log = naming.ledger(profile.name_prefix), ledger_log(profile)
    with connection.clock.participating("grade"):
        decisions = audit.read(connection, bucket=bucket, log=log, since=since, kind=decision.KIND)
        grades = audit.read(connection, bucket=bucket, log=log, since=since, kind=KIND)
        rules = rules_in_force(profile, known_state(connection, profile))
    past = (past_of(each.id, each.at, each.content) for each in decisions)
    known = (grade_of(each.content) for each in grades)
    return [each for each in past if each], [each for each in known if each and each.at >= since], rules


@google_task(name="grade", run_name="keep the grades of {profile.name}")
def keep(connection: Connection, profile: Profile, grades: Sequence[Grade]) -> None:
    """Write one entry a grade; written again it stays one."""
    entries = [audit.Entry(id=each.id, at=each.at + LENGTH, content=each.content()) for each in grades]
    with connection.clock.participating("grade"):
        audit.write(connection, log=ledger_log(profile), owner=profile.name, entries=entries)


def leave_page(profile: Profile, grades: Sequence[Grade]) -> None:
    """One version of the artifacts `decisions-PROFILE-graded` and its plot."""
    told = f"{len(grades)} decisions, {grades[0].at:%a %d %b %H:%M} to {grades[-1].at:%a %d %b %H:%M} UTC"
    key = f"decisions-{profile.name}-graded"
    create_markdown_artifact(key=key, markdown="\n".join(_page(profile, grades, told)), description=told)
    create_image_artifact(key=f"{key}-plot", image_url=as_data_uri(profile.name, grades), description=told)


def _page(profile: Profile, grades: Sequence[Grade], told: str) -> Iterator[str]:
    yield f"# {profile.name}: decisions beside what came"
    yield ""
    yield f"{told}. Each choice is held for the hour after its decision, at the demand that came; an hour costs what is held at the price book"
    yield "and what goes unserved at the shortfall's price."
    yield ""
    yield "| choice | decisions | $ an hour | unserved | was best |"
    yield "|---|---|---|---|---|"
    for row in table(grades):
        yield f"| {' | '.join(row)} |"
    yield ""
    yield "| decided (UTC) | units asked | refused | expected $ | came $ | unserved | best choice | $ less |"
    yield "|---|---|---|---|---|---|---|---|"
    for each in sorted(grades, key=lambda grade: -grade.regret_usd)[:SHOWN]:
        taken = each.choices["taken"]
        expected = "" if each.expected_usd is None else f"{each.expected_usd:,.2f}"
        yield (
            f"| {each.at:%a %d %b %H:%M} | {each.asked_units:,.1f} | {each.refused_share:.2%} | {expected} | {taken.usd:,.2f} | "
            f"{taken.short_share:.2%} | {each.best} | {each.regret_usd:,.2f} |"
        )


def table(grades: Sequence[Grade]) -> Iterator[tuple[str, str, str, str, str]]:
    """Each choice on average: name, decisions, US dollars an hour, share unserved, how often it was best."""
    for each in summaries(grades):
        yield each.name, str(each.decisions), f"{each.usd_hour:,.2f}", f"{each.short_share:.2%}", str(each.best)
