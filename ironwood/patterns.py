"""The forms a value may have, each with the words an error tells it in."""

from __future__ import annotations

from collections.abc import Mapping

PROFILE_NAME = r"^[a-z][-a-z0-9]{0,30}$"
PROJECT_ID = r"^[a-z][-a-z0-9]{4,28}[a-z0-9]$"
REGION = r"^[a-z]+-[a-z]+[0-9]+$"
ZONE = r"^[a-z]+-[a-z]+[0-9]+-[a-z0-9]+$"
TIER = r"^(small|medium|large)(-[a-z]+-[a-z]+[0-9]+)?$"
NAME_PREFIX = r"^([a-z][-a-z0-9]*-)?$"
MODEL_NAME = r"^[a-z0-9-]+$"
MODEL_SOURCE = r"^(gs|hf)://.+$"
URL_PATH = r"^/.*$"
ROUTE_PREFIX = r"^[a-z0-9][-a-z0-9]*$"
RESOURCE_NAME = r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$"
BILLING_ACCOUNT = r"^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$"
DOMAIN = r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z][-a-z0-9]{0,61}$"
NAME_SERVER = r"^([0-9.]+(:[0-9]+)?)?$"
LABEL_KEY = r"^[a-z][-_a-z0-9]{0,62}$"
LABEL_VALUE = r"^[-_a-z0-9]{0,63}$"
WINDOW_NAME = r"^[a-z0-9][-a-z0-9]{0,39}$"
DATA_LOCATION = r"^(US|EU|[a-z]+-[a-z]+[0-9]+)$"
DATASET = r"^[a-z][a-z0-9_]{0,99}$"
BIGQUERY_DATASET = r"^([a-z][-a-z0-9]{4,28}[a-z0-9]\.)?[A-Za-z0-9_]{1,1024}$"
SECRET_ID = r"^[A-Za-z0-9_-]{1,255}$"  # noqa: S105  # a form, not a secret
DEPLOYMENT_ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
METRIC_TYPE = r"^[a-z]+\.googleapis\.com/[A-Za-z0-9_./-]{1,150}$"
SERVICE_ACCOUNT = r"^[a-z0-9][-a-z0-9]*@[-a-z0-9.]+\.gserviceaccount\.com$"
HTTPS_ADDRESS = r"^https://[^\s/?#@]+(/[^\s?#]*)?$"
FILE_PATH = r"^(/|~/).+$"
EMAIL = r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$"

WORDS: Mapping[str, str] = {
    PROFILE_NAME: "a profile's name: up to 31 lower-case letters, digits and dashes, beginning with a letter",
    PROJECT_ID: "a project id: 6 to 30 lower-case letters, digits and dashes, beginning with a letter",
    REGION: "a region, such as us-central1",
    ZONE: "a zone, such as us-central1-c",
    TIER: "one of small, medium, large, or such a tier of a further region, such as small-europe-west4",
    NAME_PREFIX: "a prefix: lower-case letters, digits and dashes, ending in a dash, such as team-",
    MODEL_NAME: "a model name: lower-case letters, digits and dashes, such as llama-70b",
    MODEL_SOURCE: "a place models are read from, such as gs://bucket/model or hf://owner/model",
    URL_PATH: "a path; begin it with a slash",
    ROUTE_PREFIX: "a path prefix: lower-case letters, digits and dashes, without slashes, such as simple",
    RESOURCE_NAME: "a resource's name: up to 63 lower-case letters, digits and dashes, beginning with a letter and not ending in a dash",
    BILLING_ACCOUNT: "a billing account's id, such as 012345-6789AB-CDEF01 (`gcloud billing accounts list` tells it)",
    DOMAIN: "a domain name in small letters without a wildcard, such as inference.example.com",
    NAME_SERVER: "a name server's address, such as 8.8.8.8 or 127.0.0.1:5353",
    LABEL_KEY: "a label key: up to 63 lower-case letters, digits, dashes and underscores, beginning with a letter",
    LABEL_VALUE: "a label value: up to 63 lower-case letters, digits, dashes and underscores",
    WINDOW_NAME: "a name: up to 40 lower-case letters, digits and dashes, such as office-hours",
    DATA_LOCATION: "a place BigQuery keeps data in: US, EU or a region such as us-central1",
    DATASET: "a dataset's name: up to 100 small letters, digits and underscores, beginning with a letter",
    BIGQUERY_DATASET: "a BigQuery dataset, such as billing_export or other-project.billing_export",
    SECRET_ID: "the id of a secret: up to 255 letters, digits, dashes and underscores, such as hf-token",
    DEPLOYMENT_ID: "the id of a deployment on the Prefect server (`python -m deployments.drive` tells them)",
    METRIC_TYPE: "a metric type of Cloud Monitoring, such as custom.googleapis.com/queue_depth",
    SERVICE_ACCOUNT: "a service account's address, such as ironwood@your-project.iam.gserviceaccount.com",
    HTTPS_ADDRESS: "an HTTPS address without name or question, such as https://compute-corp.p.googleapis.com; tokens are sent there",
    FILE_PATH: "the path of a file that begins with / or ~/",
    EMAIL: "an e-mail address, such as oncall@example.com, or empty for none",
}
