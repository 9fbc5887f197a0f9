"""A plan that costs more than the profile lets runs add by themselves waits for a person, bound to what was shown, and holds no lock meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.settings import get_current_settings

from cloud.connection import connect
from cloud.observe import observe
from flows.provision import provision
from flows.scale import scale
from ironwood.errors import ApprovalError
from ironwood.resources.group import InstanceGroup
from running import EmbeddedCloud
from tasks.inputs import load_profile

YES = {"approve": True, "name": "anna", "reason": "launch on Friday"}


@pytest.fixture
def asking(small_profile: Path) -> Path:
    """The small profile, provisioned empty; its runs may add 20 $ an hour by themselves, a pod of 8 chips is 96 $."""
    text = small_profile.read_text().replace("{port: 8080}", "{port: 8080, default_tier: small}").replace("{chips: 16}", "{enabled: false}")
    small_profile.write_text(text.replace("{chips: 8}", "{chips: 8, replicas: 0}") + "approval: {above_usd_per_hour: 20}\n")
    return small_profile


def size(path: Path) -> int:
    (group,) = (each for each in observe(connect(load_profile(str(path)))).live if isinstance(each, InstanceGroup) and each.owner)
    return group.size


def paused() -> list[FlowRun]:
    waiting = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED])))
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=waiting)


def answer(run: UUID, given: dict[str, Any]) -> str:
    """What the server makes of an answer: ACCEPT or REJECT."""
    with get_client(sync_client=True) as client:
        return str(client.resume_flow_run(run, run_input=given).status.value)


@pytest.fixture
def somebody(flows_here: EmbeddedCloud) -> Iterator[Callable[[Callable[[FlowRun], None]], None]]:
    """Somebody who sits in front of the UI and does something with the first run that waits."""
    assert flows_here
    threads: list[threading.Thread] = []

    def sits(acts: Callable[[FlowRun], None]) -> None:
        settings = get_current_settings()

        def watch() -> None:
            from prefect.context import SettingsContext, get_settings_context

            outer = get_settings_context()
            with SettingsContext(profile=outer.profile, settings=settings):
                deadline = time.monotonic() + 120
                while time.monotonic() < deadline:
                    if runs := paused():
                        acts(runs[0])
                        return
                    time.sleep(0.2)

        threads.append(threading.Thread(target=watch, daemon=True))
        threads[-1].start()

    yield sits
    for each in threads:
        each.join(120)


def test_a_plan_above_the_limit_waits_for_a_person_and_goes_on_when_one_agrees(
    asking: Path, somebody: Callable[..., None], capsys: pytest.CaptureFixture[str]
):
    provision(str(asking))
    seen: list[str] = []

    def agrees(run: FlowRun) -> None:
        seen.append(f"{size(asking)} VMs while it waits")
        answer(run.id, YES)

    somebody(agrees)
    assert scale(str(asking), {"small": 1}) > 0
    assert seen == ["0 VMs while it waits"]
    assert size(asking) == 2
    told = capsys.readouterr().out
    assert "it adds $96.0" in told
    assert "anna agreed: launch on Friday" in told
    assert scale(str(asking), {"small": 0}) > 0, "what shrinks asks nobody"
    assert size(asking) == 0


@pytest.mark.long
@pytest.mark.timeout(900)
def test_an_approval_that_waits_ten_minutes_still_works(asking: Path, somebody: Callable[..., None]):
    provision(str(asking))

    def comes_late(run: FlowRun) -> None:
        time.sleep(600)
        assert [each.id for each in paused()] == [run.id]
        answer(run.id, YES)

    somebody(comes_late)
    scale(str(asking), {"small": 1})
    assert size(asking) == 2


@pytest.mark.long
def test_a_no_ends_the_run_and_nothing_is_changed(asking: Path, somebody: Callable[..., None]):
    provision(str(asking))
    somebody(lambda run: answer(run.id, YES | {"approve": False, "reason": "too dear"}))
    with pytest.raises(ApprovalError, match="anna declined the plan: too dear"):
        scale(str(asking), {"small": 1})
    assert size(asking) == 0


@pytest.mark.long
def test_an_empty_form_is_refused_and_the_run_goes_on_waiting(asking: Path, somebody: Callable[..., None]):
    provision(str(asking))
    refused: list[str] = []

    def hurries(run: FlowRun) -> None:
        refused.extend(answer(run.id, given) for given in ({}, {"approve": True, "name": "", "reason": "x"}))
        assert [each.id for each in paused()] == [run.id]
        answer(run.id, YES)

    somebody(hurries)
    scale(str(asking), {"small": 1})
    assert refused == ["REJECT", "REJECT"]
    assert size(asking) == 2


def test_an_agreement_is_void_when_another_plan_was_carried_out_meanwhile(asking: Path, somebody: Callable[..., None]):
    provision(str(asking))

    def lets_another_go_first(run: FlowRun) -> None:
        # The one that waits holds no lock, so another run under a higher limit is through before the answer.
        asking.write_text(asking.read_text().replace("above_usd_per_hour: 20", "above_usd_per_hour: 2000"))
        scale(str(asking), {"small": 1})
        answer(run.id, YES)

    somebody(lets_another_go_first)
    with pytest.raises(ApprovalError, match="the agreement is void: plan, prices or quotas are not what was agreed to"):
        scale(str(asking), {"small": 2})
    assert size(asking) == 2


@pytest.mark.long
def test_the_same_question_is_asked_once(asking: Path, somebody: Callable[..., None], capsys: pytest.CaptureFixture[str]):
    provision(str(asking))

    def asks_again(run: FlowRun) -> None:
        assert scale(str(asking), {"small": 1}) == 0
        assert size(asking) == 0
        answer(run.id, YES)

    somebody(asks_again)
    scale(str(asking), {"small": 1})
    assert "waits for the answer to the same question; nothing was changed" in capsys.readouterr().out
    assert size(asking) == 2
