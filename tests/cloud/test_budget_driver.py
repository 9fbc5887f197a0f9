"""Budgets at Google: one with our name, whatever was lost or doubled; and what the billing account must allow."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from google.cloud.billing import budgets_v1

from builders import a_profile
from cloud.connection import Connection, connect
from cloud.drivers.budget import BUDGET
from cloud.drivers.pubsub import TOPIC
from cloud.journal import Attempt
from cloud.observe import observe
from flows.provision import provision
from flows.teardown import teardown
from ironwood.desired import desired
from ironwood.diff import diff
from ironwood.errors import PreflightError, TransientError, UnfinishedError
from ironwood.resources.budget import Budget, Topic
from running import EmbeddedCloud, wait_until
from tasks.inputs import load_profile

ACCOUNT = "012345-6789AB-CDEF01"
PROFILE = a_profile(f"cloud: embedded\nbilling_account: {ACCOUNT}\n").model_copy(update={"project_id": "embedded-project"})
WANTED = {each.kind: each for each in desired(PROFILE, PROFILE.baseline)}
APIS = ["pubsub.googleapis.com", "billingbudgets.googleapis.com", "cloudbilling.googleapis.com"]


def an_attempt() -> Attempt:
    return Attempt(run=uuid4(), step="test", number=1)


@pytest.fixture
def connection(in_the_cloud: EmbeddedCloud) -> Connection:
    root = f"http://{in_the_cloud.rest}/v1/projects/embedded-project/services"
    httpx.post(f"{root}:batchEnable", json={"serviceIds": APIS}).raise_for_status()
    wait_until(lambda: httpx.get(f"{root}/{APIS[0]}").json()["state"] == "ENABLED", "the APIs")
    made = connect(PROFILE)
    topic = WANTED["topic"]
    assert isinstance(topic, Topic)
    TOPIC.create(made, an_attempt(), topic)
    return made


@pytest.fixture
def wanted() -> Budget:
    budget = WANTED["budget"]
    assert isinstance(budget, Budget)
    return budget


def test_a_budget_is_read_back_as_it_was_wanted_changed_and_deleted(connection: Connection, wanted: Budget):
    BUDGET.create(connection, an_attempt(), wanted)
    (live,) = BUDGET.observe(connection)
    assert not live.differences(wanted)
    other = replace(wanted, amount_usd=Decimal("12.5"), thresholds=(0.9,))
    BUDGET.update(connection, an_attempt(), live, other)
    (changed,) = BUDGET.observe(connection)
    assert not changed.differences(other)
    BUDGET.delete(connection, an_attempt(), changed)
    BUDGET.delete(connection, an_attempt(), changed)
    assert list(BUDGET.observe(connection)) == []


def test_a_create_whose_answer_was_lost_makes_no_second_budget(connection: Connection, wanted: Budget, in_the_cloud: EmbeddedCloud):
    method = "billingbudgets.billingAccounts.budgets.create"
    in_the_cloud.tell("faults", {"type": "lost_response", "method": method, "times": 1})
    with pytest.raises(TransientError):
        BUDGET.create(connection, an_attempt(), wanted)
    BUDGET.create(connection, an_attempt(), wanted)
    assert len(list(BUDGET.observe(connection))) == 1


def test_of_two_with_our_name_one_keeps_it_and_the_other_is_deleted(connection: Connection, wanted: Budget):
    BUDGET.create(connection, an_attempt(), wanted)
    (first,) = BUDGET.observe(connection)
    client = connection.client(budgets_v1.BudgetServiceClient)
    client.create_budget(parent=wanted.scope, budget={**twin(client, first), "amount": {"specified_amount": {"units": 1}}})
    plan = diff(desired(PROFILE, PROFILE.baseline), observe(connection).live, owner=PROFILE.name)
    deletes = [change.address for change in plan if change.address.kind == "budget" and change.action == "delete"]
    assert len(deletes) == 1
    assert deletes[0].name != wanted.name


def twin(client: budgets_v1.BudgetServiceClient, first: Budget) -> dict[str, object]:
    return {"display_name": client.get_budget(name=first.server_name).display_name}


def viewer_only(cloud: EmbeddedCloud, role: str = "roles/billing.user") -> None:
    """Takes the caller's right to change budgets, on the billing account itself."""
    policy = {"policy": {"bindings": [{"role": role, "members": ["user:owner@example.com"]}]}}
    httpx.post(f"http://{cloud.rest}/v1/billingAccounts/{ACCOUNT}:setIamPolicy", json=policy).raise_for_status()


def test_without_the_role_on_the_billing_account_preflight_says_which_permissions_and_what_would_do(
    flows_here: EmbeddedCloud, small_profile: Path
):
    small_profile.write_text(small_profile.read_text() + f"billing_account: {ACCOUNT}\n")
    provision(str(small_profile))
    kinds = {kind for kind, _, _ in flows_here.inventory()}
    assert {"billingbudgets.budgets", "pubsub.topics", "pubsub.subscriptions", "storage.buckets"} <= kinds
    viewer_only(flows_here)
    with pytest.raises(PreflightError, match=r"lacks billing.budgets.create, .*roles/billing.costsManager.*take `billing_account` out"):
        provision(str(small_profile))
    with pytest.raises(UnfinishedError, match="budget/billingAccounts/012345-6789AB-CDEF01/unknown, because it may not be listed"):
        teardown(str(small_profile), confirm=load_profile(str(small_profile)).name)
    flows_here.reset()


def test_another_account_than_the_projects_is_refused(flows_here: EmbeddedCloud, small_profile: Path):
    small_profile.write_text(small_profile.read_text() + "billing_account: AAAAAA-BBBBBB-CCCCCC\n")
    with pytest.raises(PreflightError, match=rf"billed to {ACCOUNT}. Write `billing_account: {ACCOUNT}`"):
        provision(str(small_profile))
    assert not any("compute" in each["method"] for each in flows_here.writes())
