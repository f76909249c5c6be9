"""SCIM over HTTP: what a request carries, and what a response means."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import Any

import pytest

from scimsync.scim.client import ScimClient
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse, resource_path
from scimsync.transport.auth.bearer import BearerAuthenticator
from scimsync.transport.http import HttpConnection
from scimsync.transport.request_errors import InvalidRequest, InvalidResponse, RequestError
from tests.servers.raw import raw_response, running_raw_server

TOKEN = "s3cr3t-t0ken"
READ = ScimRequest("GET", "/Users/1")
PAGE = b"<!doctype html>\n<title>Sign in</title>"


def send(request: ScimRequest, response: bytes) -> tuple[ScimResponse | RequestError, str]:
    """Return the outcome of one request to a server that sends `response`, and the raw request."""

    async def scenario() -> tuple[ScimResponse | RequestError, str]:
        async with running_raw_server(response) as server:
            authenticator = BearerAuthenticator(TOKEN, server.url)
            connection = HttpConnection(server.url, authenticator, user_agent="x")
            async with aclosing(ScimClient(connection)) as client:
                try:
                    outcome: ScimResponse | RequestError = await client.send(request)
                except RequestError as error:
                    outcome = error
            assert len(server.requests) == 1, "one attempt only"
            return outcome, server.requests[0]

    return asyncio.run(scenario())


def test_a_request_on_the_wire() -> None:
    request = ScimRequest(
        "PATCH",
        resource_path("/Users", "a/b ø"),
        {"Operations": [{"op": "remove", "path": "title"}]},
        (("filter", 'userName eq "a+b&c=d/e"'), ("count", "2")),
        if_match='W/"1"',
    )

    _, seen = send(request, raw_response("204 No Content"))

    head, _, body = seen.partition("\r\n\r\n")
    assert head.split("\r\n")[0] == (
        "PATCH /v2/Users/a%2Fb%20%C3%B8?filter=userName%20eq%20%22a%2Bb%26c%3Dd%2Fe%22&count=2"
        " HTTP/1.1"
    )
    assert {
        "Accept: application/scim+json, application/json",
        "Content-Type: application/scim+json",
        'If-Match: W/"1"',
    } < set(head.split("\r\n"))
    assert body == '{"Operations":[{"op":"remove","path":"title"}]}'


def test_a_request_without_a_body_has_no_content_type() -> None:
    _, seen = send(READ, raw_response("200 OK", b"{}"))

    assert "content-type" not in seen.lower()


def test_a_response_is_understood() -> None:
    headers = (
        'ETag: W/"7"',
        "Location: https://wiki.example.com/Users/1",
        "Retry-After: 3",
        "Set-Txn: 5\x1b7",
    )
    body = b'\xef\xbb\xbf{"ID": 42, "x": "\xc3\xb8"}'

    response, _ = send(READ, raw_response("201 Created", body, *headers))

    assert response == ScimResponse(
        201,
        {"ID": 42, "x": "ø"},
        'W/"7"',
        "https://wiki.example.com/Users/1",
        3.0,
        transaction=r"5\x1b7",
    )


@pytest.mark.parametrize(
    ("body", "version"),
    [
        (None, None),
        ({}, None),
        ({"Meta": {"Version": 'W/"2"'}}, 'W/"2"'),
        ({"meta": "x"}, None),
        ({"meta": {"version": 2}}, None),
    ],
)
def test_the_version_of_a_resource_is_in_its_meta_where_no_header_says_it(
    body: Any, version: str | None
) -> None:
    assert ScimResponse(200, body).version == version


@pytest.mark.parametrize(
    "raw",
    [
        raw_response("204 No Content"),
        raw_response("200 OK"),
        raw_response("200 OK", b" \r\n"),
        raw_response("202 Accepted"),
    ],
    ids=["204", "200", "white space", "202"],
)
def test_a_response_may_have_no_body(raw: bytes) -> None:
    response, _ = send(ScimRequest("DELETE", "/Users/1"), raw)

    assert isinstance(response, ScimResponse)
    assert (response.body, response.resource_id, response.version) == (None, None, None)


@pytest.mark.parametrize(
    ("status", "body", "kind", "scim_type", "said"),
    [
        (401, b"", ErrorKind.UNAUTHORISED, None, "401"),
        (403, b'{"detail": "not yours"}', ErrorKind.FORBIDDEN, None, "403: not yours"),
        (404, b'{"Detail": "gone", "status": "404"}', ErrorKind.NOT_FOUND, None, "404: gone"),
        (404, b"", ErrorKind.NOT_FOUND, None, "404"),
        (409, b"", ErrorKind.CONFLICT, None, "409"),
        (
            400,
            b'{"SCIMTYPE": "Uniqueness", "detail": "taken"}',
            ErrorKind.CONFLICT,
            "Uniqueness",
            "400 Uniqueness: taken",
        ),
        (
            400,
            b'{"scimType": "noTarget"}',
            ErrorKind.REFUSED,
            "noTarget",
            '400 noTarget: {"scimType": "noTarget"}',
        ),
        (
            400,
            b'{"error": "no\xff\x00"}',
            ErrorKind.REFUSED,
            None,
            '400: {"error": "no\ufffd\\x00"}',
        ),
        (400, b'{"detail": ["x"]}', ErrorKind.REFUSED, None, '400: {"detail": ["x"]}'),
        (408, b"", ErrorKind.SERVER, None, "408"),
        (412, b"", ErrorKind.PRECONDITION, None, "412"),
        (413, b"", ErrorKind.REFUSED, None, "413"),
        (429, b"", ErrorKind.TOO_MANY, None, "429"),
        (500, b"<html>\n <b>oops</b>", ErrorKind.SERVER, None, "500: <html> <b>oops</b>"),
        (503, b"x" * 1000, ErrorKind.SERVER, None, "503: " + "x" * 119 + "…"),
    ],
)
def test_error_responses(
    status: int, body: bytes, kind: ErrorKind, scim_type: str | None, said: str
) -> None:
    error, _ = send(READ, raw_response(f"{status} X", body))

    assert isinstance(error, ErrorResponse)
    assert (error.status, error.kind, error.scim_type) == (status, kind, scim_type)
    assert str(error) == f"GET /Users/1: {said}"


def test_an_error_says_how_long_to_wait() -> None:
    headers = ("Retry-After: Wed, 21 Oct 2026 07:28:30 GMT", "Date: Wed, 21 Oct 2026 07:28:00 GMT")

    error, _ = send(READ, raw_response("429 X", b"", *headers))

    assert isinstance(error, ErrorResponse)
    assert error.retry_after == 30.0


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            raw_response("200 OK", PAGE, "Content-Type: text/html"),
            "the response is not a JSON object (status 200, text/html): <!doctype html> <title>Sign"
            " in</title>",
        ),
        (
            raw_response("404 Not Found", PAGE, "Content-Type: text/html"),
            "this is a web page, not SCIM (status 404, text/html): <!doctype html>"
            " <title>Sign in</title>",
        ),
        (
            raw_response("404 Not Found", b"404 page not found"),
            "there is no SCIM here (status 404, no content type): 404 page not found",
        ),
        (
            raw_response("200 OK", b"[1]"),
            "the response is not a JSON object (status 200, no content type): [1]",
        ),
        (
            raw_response("200 OK", b'{"a": "\xff"}'),
            'the response is not a JSON object (status 200, no content type): {"a": "\ufffd"}',
        ),
    ],
)
def test_a_response_that_is_not_scim_is_shown(raw: bytes, said: str) -> None:
    error, _ = send(READ, raw)

    assert isinstance(error, InvalidResponse)
    assert str(error) == f"GET /Users/1: {said}"


@pytest.mark.parametrize(
    "raw",
    [
        raw_response(
            "401 X", f'{{"detail": "no such token: {TOKEN}", "scimType": "{TOKEN}"}}'.encode()
        ),
        raw_response("401 X", f"Authorization: Bearer {TOKEN}".encode()),
        raw_response("200 OK", f"<p>{TOKEN}".encode(), f"Content-Type: {TOKEN}"),
        raw_response("302 Found", b"", f"Location: https://evil.example.com/?{TOKEN}"),
    ],
)
def test_a_token_in_a_response_is_not_shown(raw: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    error, _ = send(READ, raw)

    assert isinstance(error, RequestError)
    assert "***" in str(error)
    assert TOKEN not in repr(vars(error)) + str(error) + caplog.text


@pytest.mark.parametrize("remote_id", ["", " ", ".", ".."])
def test_an_id_that_addresses_something_else_is_refused(remote_id: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be the id of a resource"):
        resource_path("/Users", remote_id)


def test_a_path_begins_with_a_slash() -> None:
    with pytest.raises(InvalidRequest, match="begins with '/'"):
        ScimRequest("GET", "Users")


@pytest.mark.parametrize("value", [object(), "\ud800", 2**70])
def test_a_body_that_json_cannot_hold_is_refused(value: Any) -> None:
    async def scenario() -> None:
        connection = HttpConnection("https://wiki.example.com", user_agent="x")
        async with aclosing(ScimClient(connection)) as client:
            await client.send(ScimRequest("POST", "/Users", {"x": value}))

    with pytest.raises(InvalidRequest, match=r"^POST /Users: the body cannot be written as JSON"):
        asyncio.run(scenario())
