"""Several operations in one request, and the result of each (RFC 7644 section 3.7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from scimsync.jsontext import json_text
from scimsync.scim.attributes import read
from scimsync.scim.error_body import Redact, error_status, error_texts
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse

ENDPOINT: Final = "/Bulk"

_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"

_METHODS = ("POST", "PUT", "PATCH", "DELETE")

_EXCERPT = 120
"""The number of characters shown of an error without `detail`."""


def can_be_in_bulk(request: ScimRequest) -> bool:
    """Return whether a bulk request can hold `request`.

    A path in a bulk has no query. Service providers differ in whether they decode it, so that it
    may hold nothing that is percent-encoded.
    """
    return request.method in _METHODS and not request.query and "%" not in request.path


def bulk_operation(request: ScimRequest, bulk_id: str) -> dict[str, Any]:
    """Return `request` as an operation of a bulk request."""
    operation: dict[str, Any] = {"method": request.method, "bulkId": bulk_id, "path": request.path}
    if request.if_match is not None:
        operation["version"] = request.if_match
    if request.body is not None:
        operation["data"] = request.body
    return operation


def bulk_request(operations: Sequence[Mapping[str, Any]]) -> ScimRequest:
    """Return the request that carries out `operations`, each whatever becomes of the others.

    That is so without `failOnErrors`.
    """
    return ScimRequest("POST", ENDPOINT, {"schemas": [_SCHEMA], "Operations": operations})


def bulk_results(
    sent: Mapping[str, ScimRequest], response: ScimResponse, redact: Redact
) -> dict[str, ScimResponse | ErrorResponse]:
    """Return the result of each request of a bulk that has one, by `bulkId`.

    `sent` are the requests by `bulkId`. A request without a result, with two, or with one that
    cannot be read, is not in the dictionary: its outcome is unknown.
    """
    listed = read(response.body or {}, "Operations")
    found = [
        (bulk_id, _outcome(sent[bulk_id], result, response, redact))
        for result in (listed if isinstance(listed, list) else ())
        if isinstance(result, Mapping) and (bulk_id := _bulk_id(result, sent)) is not None
    ]
    times = Counter(bulk_id for bulk_id, _ in found)
    return {
        bulk_id: outcome
        for bulk_id, outcome in found
        if outcome is not None and times[bulk_id] == 1
    }


def _bulk_id(result: Mapping[str, Any], sent: Mapping[str, ScimRequest]) -> str | None:
    """Return the `bulkId` of the request that `result` is about, or None if that is uncertain.

    Only the result of a POST has to repeat it. `location` identifies other requests.
    """
    method, bulk_id = read(result, "method"), read(result, "bulkId")
    if bulk_id is None:
        bulk_id = _id_by_location(str(method).upper(), read(result, "location"), sent)
    request = sent.get(str(bulk_id))
    if request is None or (method is not None and str(method).upper() != request.method):
        return None
    return str(bulk_id)


def _id_by_location(method: str, location: object, sent: Mapping[str, ScimRequest]) -> str | None:
    if method == "POST" or not isinstance(location, str):
        return None
    try:
        segments = urlsplit(location).path.rstrip("/").split("/")
    except ValueError:
        return None
    path = "/" + "/".join(segments[-2:])
    ids = [
        bulk_id
        for bulk_id, request in sent.items()
        if request.method == method and request.path == path
    ]
    return ids[0] if len(ids) == 1 else None


def _outcome(
    request: ScimRequest, result: Mapping[str, Any], bulk: ScimResponse, redact: Redact
) -> ScimResponse | ErrorResponse | None:
    """Return the response that `request` would have had alone, or None for an unknown status."""
    status = _status(read(result, "status"))
    response = read(result, "response")
    body = response if isinstance(response, dict) else None
    if status is None or not (200 <= status < 300 or 400 <= status < 600):
        return None
    refusal = error_status(status, body)
    if refusal is not None:
        scim_type, detail = error_texts(body or {}, redact)
        return ErrorResponse(
            refusal,
            scim_type=scim_type,
            detail=detail,
            excerpt=redact(json_text(body), _EXCERPT) if body and detail is None else "",
            request=str(request),
            with_success=status < 400,
        )
    version, location = read(result, "version"), read(result, "location")
    return ScimResponse(
        status,
        body,
        version if isinstance(version, str) else None,
        location if isinstance(location, str) else None,
        date=bulk.date,
    )


def _status(value: object) -> int | None:
    """Return a status, which is text; drafts of the RFC had a number, or an object with `code`."""
    if isinstance(value, Mapping):
        value = read(value, "code")
    text = str(value)
    return int(text) if text.isdecimal() and len(text) == 3 else None
