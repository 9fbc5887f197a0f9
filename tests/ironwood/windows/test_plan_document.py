"""The text of a capacity plan in force: it survives, the same windows are the same text, and what is damaged is told with its place and what would do."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from ironwood.capacity.windows import always
from ironwood.errors import StateError
from ironwood.state import PlanInForce
from ironwood.windows.document import digest_of, in_force, read_windows, written
from ironwood.windows.occurrences import InForce
from window_strategies import plans

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TEXT = written(always({"small": 1, "medium": 2}, "Europe/Paris"))


@settings(max_examples=20, deadline=None)
@given(plan=plans())
def test_a_plan_survives_its_text(plan: InForce):
    text = written(plan.windows)
    assert read_windows(text, where="here") == plan.windows
    assert written(read_windows(text, where="here")) == text


def test_what_is_kept_is_ready_to_be_asked():
    kept = PlanInForce(digest=digest_of(TEXT), since=NOW, until=None, document=TEXT)
    found = in_force(kept, where="here")
    assert found is not None
    assert found.windows.sizes_at(NOW) == {"small": 1, "medium": 2}
    assert in_force(None, where="here") is None


def test_another_text_under_the_same_digest_is_refused():
    kept = PlanInForce(digest=digest_of(TEXT), since=NOW, until=None, document=TEXT.replace('"small": 1', '"small": 3'))
    with pytest.raises(
        StateError, match=r"gs://b/o: does not match its digest [0-9a-f]{8}; put a plan in force anew, or take it out with `--clear`"
    ):
        in_force(kept, where="gs://b/o")


def without_saturday(content: Any) -> None:
    content["windows"][0]["days"].remove(5)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda content: content.update(form=2), "written by a newer version .form 2, this one knows 1.; update"),
        (lambda content: content.update(zone="Mars/Olympus"), "is no capacity plan .TraceError: time zone 'Mars/Olympus'"),
        (lambda content: content.pop("windows"), "is no capacity plan .KeyError"),
        (without_saturday, "is no capacity plan .ProblemError: Sat 00:00 is in no window"),
        (lambda content: content["windows"][0].update(sizes={"small": "many"}), "is no capacity plan .ValueError"),
        (lambda content: content["windows"][0].update(sizes={"small": -1}), "give counts >= 0"),
    ],
)
def test_a_damaged_text_is_told(damage: Callable[[Any], object], told: str):
    content = json.loads(TEXT)
    damage(content)
    with pytest.raises(StateError, match=told) as refused:
        read_windows(json.dumps(content), where="gs://b/o")
    assert str(refused.value).startswith("gs://b/o: ")


@pytest.mark.parametrize("text", ["", "[]", "null", "{"])
def test_what_is_no_document_at_all_is_told(text: str):
    with pytest.raises(StateError, match="gs://b/o: is no capacity plan"):
        read_windows(text, where="gs://b/o")
