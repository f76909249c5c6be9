"""Which result of a bulk response belongs to which request, and what it says."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.scim.bulk import bulk_operation, bulk_results, can_be_in_bulk
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse

POST = ScimRequest("POST", "/Users", {"userName": "ann"})
PATCH = ScimRequest("PATCH", "/Users/7", {"Operations": []}, if_match='W/"3"')
DELETE = ScimRequest("DELETE", "/Users/7")
OTHER = ScimRequest("DELETE", "/Users/8")
SENT = {"1": POST, "2": PATCH, "3": DELETE, "4": OTHER}
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


def redact(text: str, limit: int = 500, /) -> str:
    return text.replace("sesame", "***")[:limit]


def results(*operations: Any) -> dict[str, ScimResponse | ErrorResponse]:
    return bulk_results(SENT, ScimResponse(200, {"Operations": list(operations)}), redact)


def test_an_operation_holds_the_whole_request() -> None:
    assert bulk_operation(PATCH, "2") == {
        "method": "PATCH",
        "bulkId": "2",
        "path": "/Users/7",
        "version": 'W/"3"',
        "data": {"Operations": []},
    }


@pytest.mark.parametrize(
    ("request_", "fits"),
    [
        (POST, True),
        (DELETE, True),
        (ScimRequest("GET", "/Users/7"), False),
        (ScimRequest("PATCH", "/Users/a%2Fb", {}), False),  # decoded by some servers only
        (ScimRequest("PATCH", "/Users/7", {}, (("attributes", "id"),)), False),  # a path only
    ],
)
def test_a_bulk_holds_writes_with_a_plain_path(request_: ScimRequest, fits: bool) -> None:
    assert can_be_in_bulk(request_) is fits


@pytest.mark.parametrize(
    "status",
    ["201", 201, {"code": "201"}],  # RFC 7644; a number; its draft 02
)
def test_a_success_is_the_response_of_its_request(status: object) -> None:
    result = {"method": "POST", "bulkId": "1", "status": status, "location": "u/Users/9"}

    found = results(result | {"version": 'W/"1"', "response": {"id": "9"}})

    assert found == {"1": ScimResponse(201, {"id": "9"}, 'W/"1"', "u/Users/9")}


def test_an_error_keeps_what_the_server_says_without_secrets() -> None:
    body = {"schemas": [ERROR], "scimType": "uniqueness", "detail": "sesame exists"}

    error = results({"method": "POST", "bulkId": "1", "status": "409", "response": body})["1"]

    assert isinstance(error, ErrorResponse)
    assert str(error) == "POST /Users: 409 uniqueness: *** exists"


def test_an_error_with_a_status_of_success_is_an_error() -> None:
    body = {"schemas": [ERROR], "status": "400", "detail": "no"}

    error = results({"method": "POST", "bulkId": "1", "status": "200", "response": body})["1"]

    assert isinstance(error, ErrorResponse)
    assert (error.status, error.with_success) == (400, True)


def test_results_without_bulk_id_are_known_by_their_location() -> None:
    found = results(
        {"method": "DELETE", "location": "https://example.com/v2/Users/8", "status": "204"},
        {"method": "patch", "location": "/Users/7", "status": "200"},
    )

    assert found.keys() == {"4", "2"}


@pytest.mark.parametrize(
    "operations",
    [
        pytest.param([{"method": "POST", "status": "201", "location": "/Users/7"}], id="no id"),
        pytest.param([{"method": "POST", "bulkId": "9", "status": "201"}], id="another id"),
        pytest.param([{"method": "DELETE", "bulkId": "1", "status": "204"}], id="another method"),
        pytest.param([{"method": "POST", "bulkId": "1"}], id="no status"),
        pytest.param([{"method": "POST", "bulkId": "1", "status": "302"}], id="no result"),
        pytest.param([{"method": "POST", "bulkId": "1", "status": "later"}], id="no number"),
        pytest.param(
            [{"method": "POST", "bulkId": "1", "status": code} for code in ("201", "409")],
            id="two results",
        ),
        pytest.param(["created"], id="no object"),
    ],
)
def test_what_proves_nothing_is_no_result(operations: list[Any]) -> None:
    assert results(*operations) == {}


def test_two_requests_for_one_resource_cannot_be_told_apart_by_location() -> None:
    sent = {"1": DELETE, "2": ScimRequest("DELETE", "/Users/7")}
    body = {"Operations": [{"method": "DELETE", "location": "/Users/7", "status": "204"}]}

    assert bulk_results(sent, ScimResponse(200, body), redact) == {}
