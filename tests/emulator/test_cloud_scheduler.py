"""Cloud Scheduler through Google's own client: jobs are really fired at their cron times, in their time zone, with the token of their account."""

from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from discovery_schemas import check
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import scheduler_v1

PARIS = ZoneInfo("Europe/Paris")
PARENT = "projects/test-project/locations/us-central1"
JOB = f"{PARENT}/jobs/stop"
ACCOUNT = "stopper@test-project.iam.gserviceaccount.com"
GROUP = "https://compute.googleapis.com/compute/v1/projects/test-project/zones/us-central1-c/instanceGroupManagers/group"


def check_answer(response, **_options):
    check(response.request.method, urlsplit(response.request.url).path, response.status_code, response.text)


@pytest.fixture
def cloud(stepped):
    stepped.enable("cloudscheduler", "compute", "iam", "cloudresourcemanager")
    stepped.ask("POST", "/v1/projects/test-project/serviceAccounts", {"accountId": "stopper"})
    stepped.advance(30)  # until the account can be read
    binding = {"role": "roles/compute.instanceAdmin.v1", "members": [f"serviceAccount:{ACCOUNT}"]}
    stepped.ask("POST", "/v3/projects/test-project:setIamPolicy", {"policy": {"bindings": [binding]}})
    return stepped


@pytest.fixture
def client(cloud):
    transport = scheduler_v1.CloudSchedulerClient.get_transport_class("rest")(
        host=f"127.0.0.1:{cloud.port}", url_scheme="http", credentials=AnonymousCredentials()
    )
    transport._session.hooks["response"].append(check_answer)
    yield scheduler_v1.CloudSchedulerClient(transport=transport)
    transport.close()


def job(uri=f"{GROUP}/resize?size=0", schedule="0 20 * * *", zone="Europe/Paris", **fields):
    target = {"uri": uri, "http_method": "POST"}
    if "googleapis" in uri:
        target["oauth_token"] = {"service_account_email": ACCOUNT}
    return {"name": JOB, "schedule": schedule, "time_zone": zone, "http_target": target, **fields}


def now(cloud):
    return datetime.fromisoformat(cloud.now())


def until(cloud, moment):
    cloud.admin("POST", "clock/advance", {"until": moment.isoformat()})


def a_group(cloud, size=2):
    cloud.network()
    cloud.template()
    return cloud.group(size)


def evening(cloud):
    """20:00 in Paris, the next time."""
    here = now(cloud).astimezone(PARIS)
    today = here.replace(hour=20, minute=0, second=0, microsecond=0)
    return (today if today > here else tomorrow(today)).astimezone(UTC)


def tomorrow(moment):
    """The same time of day in Paris, a day on."""
    return moment.astimezone(PARIS) + timedelta(days=1)


def test_a_job_really_empties_a_group_at_its_time_in_its_zone(client, cloud):
    manager = a_group(cloud)
    assert client.create_job(parent=PARENT, job=job()).schedule_time is None
    cloud.advance(3)
    moment = evening(cloud)
    assert client.get_job(name=JOB).schedule_time == moment
    until(cloud, moment - timedelta(seconds=1))
    assert cloud.ask("GET", manager)["targetSize"] == 2
    until(cloud, moment)
    assert cloud.ask("GET", manager)["targetSize"] == 0
    done = client.get_job(name=JOB)
    assert (done.last_attempt_time, done.status.code, done.schedule_time) == (moment, 0, tomorrow(moment))
    (resize,) = [each for each in cloud.admin("GET", "requests")["requests"] if each["method"].endswith("resize")]
    assert (resize["user_agent"], resize["status"]) == ("Google-Cloud-Scheduler", 200)
    cloud.advance(3600)
    assert cloud.admin("GET", "bill")["usd_per_hour"] == "0"


def test_a_job_goes_on_after_the_group_is_gone_and_says_why_it_failed(client, cloud):
    client.create_job(parent=PARENT, job=job())
    until(cloud, evening(cloud))
    assert client.get_job(name=JOB).status.code == 5


def test_a_paused_job_is_not_fired_and_a_run_by_hand_is_at_once(client, cloud):
    manager = a_group(cloud)
    client.create_job(parent=PARENT, job=job())
    assert client.pause_job(name=JOB).state == scheduler_v1.Job.State.PAUSED
    with pytest.raises(exceptions.BadRequest, match="must be ENABLED"):
        client.pause_job(name=JOB)
    until(cloud, evening(cloud) + timedelta(hours=1))
    assert cloud.ask("GET", manager)["targetSize"] == 2
    assert client.resume_job(name=JOB).schedule_time == evening(cloud)
    client.run_job(name=JOB)
    cloud.advance(0)
    assert cloud.ask("GET", manager)["targetSize"] == 0


def test_failures_are_retried_with_growing_pauses_then_left_to_the_next_time(client, cloud):
    manager = a_group(cloud)
    cloud.admin("POST", "faults", {"type": "error", "method": "compute.instanceGroupManagers.resize", "status": 503, "times": 3})
    retries = {"retry_count": 5, "min_backoff_duration": {"seconds": 10}, "max_doublings": 1}
    client.create_job(parent=PARENT, job=job(retry_config=retries))
    moment = evening(cloud)
    until(cloud, moment + timedelta(seconds=29))
    assert client.get_job(name=JOB).status.code == 14
    assert cloud.ask("GET", manager)["targetSize"] == 2
    until(cloud, moment + timedelta(seconds=10 + 20 + 40))
    assert cloud.ask("GET", manager)["targetSize"] == 0
    attempts = [each for each in cloud.admin("GET", "requests")["requests"] if each["method"].endswith("resize")]
    since = [datetime.fromisoformat(each["at"]) - moment for each in attempts]
    assert [each.total_seconds() for each in since] == [0, 10, 30, 70]
    assert client.get_job(name=JOB).schedule_time == tomorrow(moment)


def test_a_server_on_this_machine_is_called_and_the_rest_of_the_world_is_not_reached(client, cloud):
    seen = []

    class Target(BaseHTTPRequestHandler):
        def do_PUT(self):
            who = self.headers["Authorization"].removeprefix("Bearer embedded-identity-")
            seen.append((self.path, who, self.headers["X-CloudScheduler-JobName"], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            return None

    with HTTPServer(("127.0.0.1", 0), Target) as server:
        Thread(target=server.handle_request, daemon=True).start()
        token = {"service_account_email": ACCOUNT, "audience": "http://127.0.0.1"}
        there = {"uri": f"http://127.0.0.1:{server.server_port}/hook", "http_method": "PUT", "body": b"hello", "oidc_token": token}
        client.create_job(parent=PARENT, job={**job(schedule="* * * * *"), "http_target": there})
        cloud.advance(60)
    assert seen == [("/hook", ACCOUNT, "stop", b"hello")]
    assert client.get_job(name=JOB).status.code == 0
    client.update_job(job={"name": JOB, "http_target": {"uri": "https://example.com/"}}, update_mask={"paths": ["http_target"]})
    cloud.advance(60)
    assert client.get_job(name=JOB).status.code == 14


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"schedule": "every 5 minutes"}, "Schedule or time zone is invalid"),
        ({"schedule": "61 * * * *"}, "Schedule or time zone is invalid"),
        ({"zone": "Mars/Olympus"}, "Time zone is not recognized"),
        ({"retry_config": {"retry_count": 6}}, "retry_count must be between 0 and 5"),
        ({"attempt_deadline": {"seconds": 5}}, "between 15s and 1800s"),
        ({"uri": "compute"}, "must be a valid URL"),
        ({"description": "x" * 501}, "at most 500 characters"),
        ({"name": f"{PARENT}/jobs/a b"}, "Job name must be formatted"),
    ],
)
def test_a_job_that_cannot_be_is_refused(client, wrong, told):
    with pytest.raises(exceptions.BadRequest, match=told):
        client.create_job(parent=PARENT, job=job(**wrong))


def test_a_pubsub_target_is_published(client, cloud):
    cloud.enable("pubsub")
    topic, inbox = "projects/test-project/topics/ticks", "projects/test-project/subscriptions/inbox"
    given = {**job(schedule="* * * * *"), "pubsub_target": {"topic_name": topic, "data": b"tick"}}
    del given["http_target"]
    with pytest.raises(exceptions.NotFound, match="topic was not found"):
        client.create_job(parent=PARENT, job=given)
    cloud.ask("PUT", f"/v1/{topic}", {})
    cloud.ask("PUT", f"/v1/{inbox}", {"topic": topic})
    client.create_job(parent=PARENT, job=given)
    cloud.advance(120)
    assert len(cloud.ask("POST", f"/v1/{inbox}:pull", {"maxMessages": 10})["receivedMessages"]) == 2
    assert client.get_job(name=JOB).status.code == 0


def test_what_is_there_not_there_or_elsewhere(client):
    with pytest.raises(exceptions.NotFound, match=r"Job not found\."):
        client.get_job(name=JOB)
    client.create_job(parent=PARENT, job=job())
    with pytest.raises(exceptions.Conflict, match="already exists"):
        client.create_job(parent=PARENT, job=job())
    with pytest.raises(exceptions.BadRequest, match="is not a valid location"):
        list(client.list_jobs(parent="projects/test-project/locations/us-central9"))
    assert [each.name for each in client.list_jobs(parent=PARENT)] == [JOB]
    assert "us-central1" in [each.location_id for each in client.list_locations(request={"name": "projects/test-project"}).locations]
    client.delete_job(name=JOB)
    assert list(client.list_jobs(parent=PARENT)) == []


def test_jobs_beyond_the_third_bill_by_the_month(client, cloud):
    for number in range(5):
        client.create_job(parent=PARENT, job={**job(schedule="0 0 1 1 *"), "name": f"{JOB}-{number}"})
    start = cloud.now()
    cloud.advance(730 * 3600)
    (line,) = [each for each in cloud.admin("GET", f"bill?from={start}")["lines"] if each["sku"] == "scheduler.job"]
    assert (line["quantity"], line["amount_usd"]) == ("2", "0.200000")
    for number in range(5):
        client.delete_job(name=f"{JOB}-{number}")
    assert cloud.admin("GET", "bill")["usd_per_hour"] == "0"


def test_cron_times_follow_the_zones_clock_changes(client, cloud):
    client.create_job(parent=PARENT, job=job(schedule="30 8 * * *"))
    day = now(cloud).astimezone(PARIS)
    while day.utcoffset() == tomorrow(day).utcoffset():
        day = tomorrow(day)
    for moment in (day, tomorrow(day)):
        until(cloud, moment.replace(hour=6).astimezone(UTC))
        due = client.get_job(name=JOB).schedule_time.astimezone(PARIS)
        assert (due.date(), due.hour, due.minute) == (moment.date(), 8, 30)
