"""Jobs: a query is one, and its answer is read for a day.

1. ``jobs.query`` answers the first page at once, ``jobs.insert`` the job; both have run it when they answer. 2. A job is known by its id; a second one of
the id is a 409.
"""

from __future__ import annotations

from typing import Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import assumed
from emulator.services.bigquery import queries
from emulator.services.bigquery.names import duplicate, full, invalid, not_found, own_project
from emulator.services.bigquery.types import shown_row

Json = dict[str, Any]
TAB = "bigquery jobs"
KEPT = 200
PAGE = 10_000
assumed(
    "bigquery-jobs-at-once",
    "A query is done when its job is; its result is kept with the job, without a table to hold it. The last 200 are.",
)
assumed("bigquery-query-jobs-only", "Only query jobs run: load, extract and copy are refused with 400.")


def query(call: Call) -> Json:
    """Run a query and answer its first page."""
    own_project(call)
    body = call.values.get("resource") or {}
    if body.get("useLegacySql") is not False:
        raise invalid("Legacy SQL is not emulated; send useLegacySql false.")
    default = (body.get("defaultDataset") or {}).get("datasetId", "")
    job = _run(call, body, default, str(body.get("location") or ""), body.get("requestId") or call.world.identity.uuid())
    if body.get("dryRun"):
        out = _page(call, job, 0, 0, micros=False)
        return {"kind": "bigquery#queryResponse", **{key: value for key, value in out.items() if key not in {"rows", "kind"}}}
    micros = bool((body.get("formatOptions") or {}).get("useInt64Timestamp"))
    return {**_page(call, job, 0, int(body.get("maxResults") or PAGE), micros=micros), "kind": "bigquery#queryResponse"}


def insert(call: Call) -> Json:
    """Start a query job; it is done when this answers."""
    own_project(call)
    body = call.values.get("resource") or {}
    configuration = (body.get("configuration") or {}).get("query")
    if not configuration:
        raise invalid("Only query jobs are emulated.")
    if configuration.get("useLegacySql") is not False:
        raise invalid("Legacy SQL is not emulated; send useLegacySql false.")
    reference = body.get("jobReference") or {}
    name = str(reference.get("jobId") or call.world.identity.uuid())
    if call.world.store.get(TAB, name):
        raise duplicate("Job", full(call.world, name))
    default = (configuration.get("defaultDataset") or {}).get("datasetId", "")
    job = _run(call, configuration, default, str(reference.get("location") or ""), name)
    return _view(call, job)


def _run(call: Call, body: Json, default: str, location: str, name: str) -> Json:
    sql = str(body.get("query") or "")
    most = int(body.get("maximumBytesBilled") or 0)
    parameters = body.get("queryParameters") or []
    found = queries.run(call, sql, parameters=parameters, default=default, location=location, most_bytes=most)
    world = call.world
    fields = found.fields
    job = {
        "id": name,
        "location": found.location,
        "created": call.now,
        "caller": call.caller.partition(":")[2],
        "query": {"query": sql, "useLegacySql": False, **({"queryParameters": parameters} if parameters else {})},
        "fields": fields,
        "rows": {kind: [shown_row(each, fields, micros=kind == "micros") for each in found.rows] for kind in ("micros", "seconds")},
        "processed": found.processed,
        "billed": found.billed,
    }
    if not body.get("dryRun"):
        world.store.put(TAB, name, job)
        if world.store.count(TAB) > KEPT:
            oldest = next(world.store.items(TAB))[0]
            world.store.delete(TAB, oldest)
    return job


def get(call: Call) -> Json:
    """Read a job."""
    own_project(call)
    return _view(call, _find(call))


def list_(call: Call) -> Json:
    """The jobs that are kept, newest first."""
    own_project(call)
    found = [_view(call, job) for _, job in call.world.store.items(TAB)][::-1]
    keys = ("kind", "id", "jobReference", "configuration", "statistics", "status", "user_email")
    return {"kind": "bigquery#jobList", "etag": "jobs", "jobs": [{key: each[key] for key in keys} for each in found]}


def results(call: Call) -> Json:
    """A page of a query's answer."""
    own_project(call)
    job = _find(call)
    token, most = call.values.get("pageToken"), call.values.get("maxResults")
    start = int(token) if token else int(call.values.get("startIndex") or 0)
    micros = str((call.values.get("formatOptions") or {}).get("useInt64Timestamp", "")).lower() == "true"
    return {
        **_page(call, job, start, PAGE if most is None else int(most), micros=micros),
        "kind": "bigquery#getQueryResultsResponse",
        "etag": job["id"],
    }


def _find(call: Call) -> Json:
    name = call.text("jobId")
    job = call.world.store.get(TAB, name)
    location = call.values.get("location")
    if job is None or (location and str(location).lower() != job["location"].lower()):
        raise not_found("Job", full(call.world, name))
    return job


def _reference(call: Call, job: Json) -> Json:
    return {"projectId": call.world.project, "jobId": job["id"], "location": job["location"]}


def _page(call: Call, job: Json, start: int, most: int, *, micros: bool) -> Json:
    found = job["rows"]["micros" if micros else "seconds"]
    if start < 0 or most < 0:
        raise ApiError(400, "Invalid page", reason="invalid")
    chosen = list(queries.pages(found, start, most))
    following = start + len(chosen)
    return {
        "schema": {"fields": job["fields"]},
        "jobReference": _reference(call, job),
        "totalRows": str(len(found)),
        **({"rows": chosen} if chosen else {}),
        **({"pageToken": str(following)} if chosen and following < len(found) else {}),
        "totalBytesProcessed": str(job["processed"]),
        "jobComplete": True,
        "cacheHit": False,
    }


def _view(call: Call, job: Json) -> Json:
    moment = str(job["created"] // 1000)
    reads = {"totalBytesProcessed": str(job["processed"]), "totalBytesBilled": str(job["billed"])}
    return {
        "kind": "bigquery#job",
        "etag": job["id"],
        "id": f"{call.world.project}:{job['location']}.{job['id']}",
        "selfLink": f"https://bigquery.googleapis.com/bigquery/v2/projects/{call.world.project}/jobs/{job['id']}?location={job['location']}",
        "jobReference": _reference(call, job),
        "user_email": job["caller"],
        "configuration": {"jobType": "QUERY", "query": job["query"]},
        "status": {"state": "DONE"},
        "statistics": {
            "creationTime": moment,
            "startTime": moment,
            "endTime": moment,
            "totalBytesProcessed": reads["totalBytesProcessed"],
            "query": {**reads, "cacheHit": False, "statementType": "SELECT", "schema": {"fields": job["fields"]}},
        },
    }
