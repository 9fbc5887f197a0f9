"""Jobs as resources.

1. A job's id is the client's. 2. A paused job is not fired; only an enabled one can be paused, only a paused one resumed. 3. A new job, and one whose
schedule changes, counts from now.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed, documented, recorded
from emulator.services.cloudscheduler import times
from emulator.services.compute.catalog import REGIONS
from emulator.services.compute.pages import page
from emulator.services.pubsub.names import TOPICS
from emulator.times import SECOND, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB, SPANS = "jobs", "jobs_span"
SETTABLE = ("description", "httpTarget", "pubsubTarget", "schedule", "timeZone", "retryConfig", "attemptDeadline")
TEXT = 500
UNKNOWN = -1
"""An instant before all others: by then no next time is known."""
DEADLINE = (15, 1800)
LOCATIONS = (*REGIONS, "us-west2")
recorded("job-not-found", "A job that is not there is a 404 'Job not found.'.")
documented(
    "job-names",
    "A job's id has up to 500 of [A-Za-z0-9_-]; a description at most 500 characters; an HTTP target's deadline is 15 s to 30 min.",
)
documented(
    "job-state", "pause needs a job that is ENABLED, resume one that is PAUSED; a paused one shows no scheduleTime that comes about."
)
documented("oauth-google-only", "An oauthToken is for hosts below googleapis.com; anything else takes an oidcToken.")
recorded("job-schedule-time", "The answer to a create or patch shows no scheduleTime; reads show it, after a create only a while later.")
recorded("job-pubsub-view", "A job with a Pub/Sub target shows neither retryConfig nor attemptDeadline where none was given.")
documented("oidc-audience", "An oidcToken without an audience is for the target's URI.")
assumed("job-targets", "App Engine targets are refused with 501; an HTTP target's token account must be of the project.")
assumed("job-locations", "Jobs can be in the emulator's regions and in us-west2.")


def _parent(call: Call, name: str) -> str:
    """``projects/P/locations/L`` of a name; raises 403 or 400."""
    settings = call.world.settings
    match = re.match(r"projects/([^/]+)/locations/([^/]+)", name)
    if match is None or match[1] not in {settings.project, settings.project_number}:
        raise ApiError(
            403, "The principal (user or service account) lacks IAM permission for the resource (or the resource may not exist)."
        )
    if match[2] not in LOCATIONS:
        raise ApiError(400, f"Location '{match[2]}' is not a valid location. Use ListLocations to list valid locations.")
    return f"projects/{settings.project}/locations/{match[2]}"


def find(call: Call, name: str) -> Json:
    """The record of a job; raises 404 [recorded]."""
    parent = _parent(call, name)
    row = call.world.store.get(TAB, f"{parent}/jobs/{name.rpartition('/')[2]}")
    if row is None:
        raise ApiError(404, "Job not found.")
    return row


def view(row: Json, visible: int) -> Json:
    """The job as clients see it; its next time only if that is known by the instant ``visible``."""
    whole_second = row["updated"] - row["updated"] % SECOND
    out = {"name": row["name"], **row["job"], "state": row["state"], "userUpdateTime": utc(whole_second).replace(".000000", "")}
    if row["due"] is not None and row["known"] <= visible:
        out["scheduleTime"] = utc(row["due"])
    if row["last"] is not None:
        out |= {"lastAttemptTime": utc(row["last"]), "status": row["status"]}
    return out


def create(call: Call) -> Json:
    """Make a job."""
    world = call.world
    parent = _parent(call, call.text("parent"))
    given = call.values.get("job") or {}
    name = given.get("name") or f"{parent}/jobs/{world.identity.letters(20)}"
    identifier = name.rpartition("/")[2]
    if not name.startswith(f"{parent}/jobs/") or not re.fullmatch(r"[A-Za-z0-9_-]{1,500}", identifier):
        raise ApiError(400, f'Job name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/jobs/<JOB_ID>". Got: {name}')
    if world.store.get(TAB, name):
        raise ApiError(409, f"Job {name} already exists.")
    job = _checked(world, {key: given[key] for key in SETTABLE if given.get(key)})
    row = {
        "name": name,
        "job": job,
        "state": "ENABLED",
        "created": call.now,
        "updated": call.now,
        "due": times.next_time(job, call.now),
        "last": None,
        "status": {},
        "retry": 0,
        "known": call.now + world.durations.of("scheduler.schedule_known"),
    }
    world.store.put(TAB, name, row)
    _span(world, name, call.now, None)
    world.changed()
    return view(row, UNKNOWN)


def _checked(world: World, job: Json) -> Json:
    """A job with Google's defaults; raises 400."""
    if len(job.get("description", "")) > TEXT:
        raise ApiError(400, f"Job.description must be at most {TEXT} characters.")
    times.check_retries(job)
    times.next_time(job, 0)
    if "pubsubTarget" in job:
        if world.store.get(TOPICS, job["pubsubTarget"].get("topicName", "")) is None:
            raise ApiError(404, "PubsubTarget.topic_name: the topic was not found.")
        return {"timeZone": "UTC", **job}
    return {"timeZone": "UTC", "attemptDeadline": "180s", **job, **_http(world, job)}


def _http(world: World, job: Json) -> Json:
    """An HTTP target and its retries with Google's defaults; raises 400."""
    target = job.get("httpTarget")
    if target is None:
        raise ApiError(501, "Only HTTP and Pub/Sub targets are emulated.")
    parts = urlsplit(target.get("uri", ""))
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ApiError(400, f"HttpTarget.uri must be a valid URL, beginning with http:// or https://: {target.get('uri', '')!r}")
    token = target.get("oauthToken")
    if token and not (parts.hostname or "").endswith(".googleapis.com"):
        raise ApiError(400, "HttpTarget.oauth_token can only be used with a *.googleapis.com URI.")
    if token and not token.get("serviceAccountEmail", "").endswith(
        (f"@{world.project}.iam.gserviceaccount.com", "@developer.gserviceaccount.com")
    ):
        raise ApiError(400, "HttpTarget.oauth_token.service_account_email must be a service account of the job's project.")
    if target.get("oidcToken"):
        target = {**target, "oidcToken": _identity(world, target)}
    seconds = times.duration(job.get("attemptDeadline", "180s")) / 1_000_000
    if not DEADLINE[0] <= seconds <= DEADLINE[1]:
        raise ApiError(400, "Job.attempt_deadline must be between 15s and 1800s for HTTP targets.")
    retries = {
        "maxRetryDuration": "0s",
        "minBackoffDuration": "5s",
        "maxBackoffDuration": "3600s",
        "maxDoublings": 5,
        **job.get("retryConfig", {}),
    }
    if token:
        token = {"scope": "https://www.googleapis.com/auth/cloud-platform", **token}
        target = {**target, "oauthToken": token}
    target = {"httpMethod": "POST", **target}
    return {"httpTarget": target, "retryConfig": retries}


def _identity(world: World, target: Json) -> Json:
    """The identity token a request brings, for the target's own address where no audience is told; raises 400."""
    token: Json = target["oidcToken"]
    if target.get("oauthToken"):
        raise ApiError(400, "HttpTarget takes one of oauth_token and oidc_token.")
    if not token.get("serviceAccountEmail", "").endswith(f"@{world.project}.iam.gserviceaccount.com"):
        raise ApiError(400, "HttpTarget.oidc_token.service_account_email must be a service account of the job's project.")
    return {"audience": target["uri"], **token}


def get(call: Call) -> Json:
    """Read a job."""
    return view(find(call, call.text("name")), call.now)


def list_(call: Call) -> Json:
    """The jobs of a location."""
    head = _parent(call, call.text("parent")) + "/"
    values = {"max_results": min(int(call.values.get("pageSize") or 500), 500), "page_token": call.values.get("pageToken")}
    chosen, token = page(values, [view(row, call.now) for name, row in call.world.store.items(TAB) if name.startswith(head)])
    return {**({"jobs": chosen} if chosen else {}), **({"nextPageToken": token} if token else {})}


def patch(call: Call) -> Json:
    """Change what the mask names; without a mask all that is given."""
    given = call.values.get("job") or {}
    row = find(call, given.get("name", ""))
    mask = [field.strip().partition(".")[0] for field in (call.values.get("updateMask") or "").split(",") if field.strip()]
    fields = mask or [key for key in given if key in SETTABLE]
    merged = {
        **{key: value for key, value in row["job"].items() if key not in fields},
        **{key: given[key] for key in fields if key in given},
    }
    job = _checked(call.world, {key: merged[key] for key in SETTABLE if key in merged})
    changed = {**row, "job": job, "updated": call.now, "due": times.next_time(job, call.now), "retry": 0}
    _keep(call, changed)
    return view(changed, UNKNOWN)


def pause(call: Call) -> Json:
    """Stop firing it."""
    row = find(call, call.text("name"))
    if row["state"] != "ENABLED":
        raise ApiError(400, "Job must be ENABLED to be paused.", status_name="FAILED_PRECONDITION")
    return _keep(call, {**row, "state": "PAUSED", "retry": 0})


def resume(call: Call) -> Json:
    """Fire it again."""
    row = find(call, call.text("name"))
    if row["state"] != "PAUSED":
        raise ApiError(400, "Job must be PAUSED to be resumed.", status_name="FAILED_PRECONDITION")
    return _keep(call, {**row, "state": "ENABLED", "due": times.next_time(row["job"], call.now)})


def _keep(call: Call, row: Json) -> Json:
    call.world.store.put(TAB, row["name"], row)
    call.world.changed()
    return view(row, call.now)


def delete(call: Call) -> Json:
    """Delete a job."""
    row = find(call, call.text("name"))
    call.world.store.delete(TAB, row["name"])
    _span(call.world, row["name"], row["created"], call.now)
    return {}


def _span(world: World, name: str, start: int, end: int | None) -> None:
    world.store.put(SPANS, f"{name} {start}", {"start": start, "end": end})


def locations(call: Call) -> Json:
    """Where jobs can be."""
    project = call.world.project
    return {"locations": [{"name": f"projects/{project}/locations/{region}", "locationId": region} for region in LOCATIONS]}
