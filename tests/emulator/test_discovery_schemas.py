"""The check of every REST answer against Google's discovery documents can fail."""

import json

import pytest
from discovery_schemas import check

PATH = "/compute/v1/projects/p/global/healthChecks/check"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"colour": "red"}, "HealthCheck.colour is unknown"),
        ({"id": 5}, "HealthCheck.id: 5 is no string uint64"),
        ({"checkIntervalSec": "5"}, "HealthCheck.checkIntervalSec: '5' is no integer int32"),
        ({"checkIntervalSec": True}, "HealthCheck.checkIntervalSec: True is no integer int32"),
        ({"type": "PING"}, "HealthCheck.type: 'PING' is none of"),
        ({"httpHealthCheck": {"path": "/"}}, "HealthCheck.httpHealthCheck.path is unknown"),
        ({"sourceRegions": "here"}, "HealthCheck.sourceRegions: 'here' is no list"),
    ],
)
def test_an_answer_that_is_not_what_the_document_says_is_told(body, says):
    with pytest.raises(AssertionError, match="does not match its schema") as told:
        check("GET", PATH, 200, json.dumps(body))
    assert says in str(told.value)


def test_a_method_no_document_has_is_told():
    with pytest.raises(AssertionError, match="no discovery document has"):
        check("GET", "/compute/v1/projects/p/global/wishes", 200, "{}")
