"""Pub/Sub and Billing Budgets through Google's own clients: messages are handed out until acknowledged; a budget really says what is spent."""

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import grpc
import pytest
from discovery_schemas import check
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import billing_v1
from google.cloud.billing import budgets_v1
from google.cloud.billing.budgets_v1.services.budget_service.transports import BudgetServiceGrpcTransport
from google.pubsub_v1 import PublisherClient, SubscriberClient

ACCOUNT = "billingAccounts/012345-6789AB-CDEF01"
TOPIC, INBOX = "projects/test-project/topics/alerts", "projects/test-project/subscriptions/inbox"


def check_answer(response, **_options):
    check(response.request.method, urlsplit(response.request.url).path, response.status_code, response.text)


@pytest.fixture
def cloud(stepped):
    stepped.enable("pubsub", "billingbudgets", "cloudbilling")
    return stepped


@pytest.fixture
def client(cloud):
    made = []

    def build(kind):
        transport = kind.get_transport_class("rest")(host=f"127.0.0.1:{cloud.port}", url_scheme="http", credentials=AnonymousCredentials())
        transport._session.hooks["response"].append(check_answer)
        made.append(kind(transport=transport))
        return made[-1]

    yield build
    for each in made:
        each.transport.close()


@pytest.fixture
def inbox(client, cloud):
    client(PublisherClient).create_topic(name=TOPIC)
    subscriber = client(SubscriberClient)
    subscriber.create_subscription(name=INBOX, topic=TOPIC)
    cloud.advance(1)
    return subscriber


def pulled(subscriber, most=100):
    answer = subscriber.pull(subscription=INBOX, max_messages=most)
    return list(answer.received_messages)


def test_a_message_is_handed_out_until_it_is_acknowledged(client, inbox, cloud):
    publisher = client(PublisherClient)
    answer = publisher.publish(topic=TOPIC, messages=[{"data": b"one"}, {"attributes": {"a": "b"}}])
    first = pulled(inbox)
    assert [each.message.message_id for each in first] == list(answer.message_ids)
    assert (first[0].message.data, dict(first[1].message.attributes)) == (b"one", {"a": "b"})
    assert pulled(inbox) == []
    inbox.acknowledge(subscription=INBOX, ack_ids=[first[0].ack_id])
    cloud.advance(10)
    assert [each.message.message_id for each in pulled(inbox)] == [answer.message_ids[1]]
    cloud.advance(604_800)
    assert pulled(inbox) == []


def test_names_that_are_wrong_taken_or_unknown_are_refused(client, inbox):
    publisher = client(PublisherClient)
    with pytest.raises(exceptions.Conflict, match=r"Resource already exists in the project \(resource=alerts\)"):
        publisher.create_topic(name=TOPIC)
    with pytest.raises(exceptions.BadRequest, match=r"Invalid \[topics\] name"):
        publisher.create_topic(name="projects/test-project/topics/google-thing")
    with pytest.raises(exceptions.NotFound, match=r"Resource not found \(resource=nothing\)"):
        publisher.get_topic(topic="projects/test-project/topics/nothing")
    with pytest.raises(exceptions.NotFound, match=r"resource=nothing"):
        inbox.create_subscription(name=f"{INBOX}2", topic="projects/test-project/topics/nothing")
    with pytest.raises(exceptions.BadRequest, match="empty"):
        publisher.publish(topic=TOPIC, messages=[{"data": b""}])


def test_a_deleted_topic_leaves_its_subscription_behind(client, inbox):
    publisher = client(PublisherClient)
    publisher.update_topic(topic={"name": TOPIC, "labels": {"a": "b"}}, update_mask={"paths": ["labels"]})
    assert dict(publisher.get_topic(topic=TOPIC).labels) == {"a": "b"}
    publisher.delete_topic(topic=TOPIC)
    assert inbox.get_subscription(subscription=INBOX).topic == "_deleted-topic_"
    assert [each.name for each in inbox.list_subscriptions(project="projects/test-project")] == [INBOX]
    inbox.delete_subscription(subscription=INBOX)
    assert list(publisher.list_topics(project="projects/test-project")) == []


def budget(**fields):
    return {
        "display_name": "month",
        "amount": {"specified_amount": {"units": 100}},
        "budget_filter": {"projects": ["projects/test-project"]},
        "threshold_rules": [{"threshold_percent": 0.5}, {"threshold_percent": 0.9}],
        **fields,
    }


def test_a_budget_is_made_read_changed_and_deleted(client, cloud):
    budgets = client(budgets_v1.BudgetServiceClient)
    made = budgets.create_budget(parent=ACCOUNT, budget=budget())
    twin = budgets.create_budget(parent=ACCOUNT, budget=budget())
    assert made.name != twin.name
    assert list(made.budget_filter.projects) == ["projects/123456789012"]
    assert made.amount.specified_amount.currency_code == "USD"
    changed = budgets.update_budget(
        budget={"name": made.name, "amount": {"specified_amount": {"units": 7}}, "etag": made.etag}, update_mask={"paths": ["amount"]}
    )
    assert (changed.amount.specified_amount.units, changed.display_name) == (7, "month")
    with pytest.raises(exceptions.Conflict):
        budgets.update_budget(budget={"name": made.name, "display_name": "x", "etag": made.etag}, update_mask={"paths": ["display_name"]})
    with grpc.insecure_channel(f"127.0.0.1:{cloud.grpc_port}") as channel:
        over_grpc = budgets_v1.BudgetServiceClient(transport=BudgetServiceGrpcTransport(channel=channel))
        assert [each.name for each in over_grpc.list_budgets(parent=ACCOUNT)] == [made.name, twin.name]
    budgets.delete_budget(name=made.name)
    with pytest.raises(exceptions.NotFound, match=f'budget "{made.name}" not found'):
        budgets.get_budget(name=made.name)


def test_gclouds_older_version_sees_the_same_budgets(client, cloud):
    client(PublisherClient).create_topic(name=TOPIC)
    rule = {"pubsubTopic": TOPIC, "schemaVersion": "1.0"}
    body = {"budget": {"displayName": "old", "amount": {"specifiedAmount": {"units": "3"}}, "allUpdatesRule": rule}}
    made = cloud.ask("POST", f"/v1beta1/{ACCOUNT}/budgets", body)
    assert made["allUpdatesRule"] == rule
    assert client(budgets_v1.BudgetServiceClient).get_budget(name=made["name"]).notifications_rule.pubsub_topic == TOPIC
    assert [each["displayName"] for each in cloud.ask("GET", f"/v1beta1/{ACCOUNT}/budgets")["budgets"]] == ["old"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"amount": {}}, "budget.amount is required"),
        ({"display_name": "x" * 61}, "at most 60"),
        ({"threshold_rules": [{"threshold_percent": -1}]}, "threshold_percent"),
        ({"budget_filter": {"projects": ["projects/somebody-elses"]}}, "not billed to this account"),
        ({"notifications_rule": {"pubsub_topic": TOPIC}}, "schema_version must be 1.0"),
        ({"notifications_rule": {"pubsub_topic": TOPIC, "schema_version": "1.0"}}, "does not exist"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(client, wrong, told):
    with pytest.raises(exceptions.BadRequest, match=told):
        client(budgets_v1.BudgetServiceClient).create_budget(parent=ACCOUNT, budget=budget(**wrong))


def test_another_account_or_one_without_the_role_is_refused(client):
    budgets, billing = client(budgets_v1.BudgetServiceClient), client(billing_v1.CloudBillingClient)
    with pytest.raises(exceptions.Forbidden, match="The caller does not have permission"):
        budgets.list_budgets(parent="billingAccounts/AAAAAA-AAAAAA-AAAAAA")
    asked = ["billing.budgets.create", "billing.budgets.list", "billing.nonsense"]
    assert list(billing.test_iam_permissions(resource=ACCOUNT, permissions=asked).permissions) == asked[:2]
    viewer = {"bindings": [{"role": "roles/billing.viewer", "members": ["user:owner@example.com"]}]}
    billing.set_iam_policy(request={"resource": ACCOUNT, "policy": viewer})
    assert list(billing.test_iam_permissions(resource=ACCOUNT, permissions=asked).permissions) == asked[1:2]
    with pytest.raises(exceptions.Forbidden):
        budgets.create_budget(parent=ACCOUNT, budget=budget())
    info = billing.get_project_billing_info(name="projects/test-project")
    assert (info.billing_account_name, info.billing_enabled) == (ACCOUNT, True)


def messages(inbox):
    found = pulled(inbox)
    inbox.acknowledge(subscription=INBOX, ack_ids=[each.ack_id for each in found])
    return [(json.loads(each.message.data), dict(each.message.attributes)) for each in found]


def test_a_budget_tells_spending_and_the_threshold_it_passed(client, inbox, cloud):
    cloud.admin("PUT", "durations", {"budget.lag": 3600})
    here = datetime.fromisoformat(cloud.now()).astimezone(ZoneInfo("America/Los_Angeles"))
    if (here + timedelta(hours=12)).month != here.month:
        cloud.advance(86_400)  # not over the end of a month
    month = datetime.fromisoformat(cloud.now()).astimezone(here.tzinfo).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    cloud.network()
    cloud.template()
    cloud.group(1)
    rule = {"pubsub_topic": TOPIC, "schema_version": "1.0"}
    made = client(budgets_v1.BudgetServiceClient).create_budget(parent=ACCOUNT, budget=budget(notifications_rule=rule))
    cloud.advance(3600 + 1800)
    early = messages(inbox)
    assert all("alertThresholdExceeded" not in said for said, _ in early)
    cloud.advance(3600)
    said, attributes = messages(inbox)[-1]
    bill = float(cloud.admin("GET", f"bill?until={hours_ago(cloud, 1)}")["total_usd"])
    assert 50 < said["costAmount"] <= bill < 100
    assert attributes == {"billingAccountId": ACCOUNT.partition("/")[2], "budgetId": made.name.rpartition("/")[2], "schemaVersion": "1.0"}
    assert {key: said[key] for key in said if key not in {"costAmount"}} == {
        "budgetDisplayName": "month",
        "alertThresholdExceeded": 0.5,
        "costIntervalStart": month.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "budgetAmount": 100.0,
        "budgetAmountType": "SPECIFIED_AMOUNT",
        "currencyCode": "USD",
    }
    cloud.advance(3600)
    assert messages(inbox)[-1][0]["alertThresholdExceeded"] == 0.9


def hours_ago(cloud, hours):
    return (datetime.fromisoformat(cloud.now()) - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def test_data_over_rest_is_base64(cloud, client):
    client(PublisherClient).create_topic(name=TOPIC)
    client(SubscriberClient).create_subscription(name=INBOX, topic=TOPIC)
    cloud.ask("POST", f"/v1/{TOPIC}:publish", {"messages": [{"data": base64.b64encode(b"x").decode()}]})
    (only,) = cloud.ask("POST", f"/v1/{INBOX}:pull", {"maxMessages": 1})["receivedMessages"]
    assert base64.b64decode(only["message"]["data"]) == b"x"
