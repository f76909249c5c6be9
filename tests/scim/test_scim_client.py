"""One request over HTTP: what is sent, what is understood, and what each failure says."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from scimsync.scim.client import ScimClient
from scimsync.scim.errors import (
    ErrorKind,
    ErrorResponse,
    InvalidResponse,
    NoResponse,
    ScimError,
    parse_retry_after,
    printable,
)
from scimsync.scim.messages import ScimRequest, ScimResponse, resource_path
from scimsync.transport.auth.bearer import BearerAuth
from scimsync.transport.errors import BaseUrlError, ForeignOriginError

TOKEN = "s3cr3t-t0ken"
READ = ScimRequest("GET", "/Users/1")


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    """A raw HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def ask(
    loopback: Any, request: ScimRequest, *answers: bytes, **options: Any
) -> tuple[ScimResponse | ScimError, str]:
    """What one request gets from a server with these answers, and the raw request that it saw."""

    async def scenario() -> tuple[ScimResponse | ScimError, str]:
        async with loopback(*answers) as server:
            auth = BearerAuth(TOKEN, server.url)
            async with ScimClient(server.url, auth, user_agent="scimsync/1.0", **options) as client:
                try:
                    outcome: ScimResponse | ScimError = await client.send(request)
                except ScimError as error:
                    outcome = error
            assert len(server.requests) == 1, "one attempt only"
            return outcome, server.requests[0]

    return asyncio.run(scenario())


def test_a_request_on_the_wire(loopback: Callable[..., Any]) -> None:
    request = ScimRequest(
        "PATCH",
        resource_path("/Users", "a/b ø"),
        {"Operations": [{"op": "remove", "path": "title"}]},
        (("filter", 'userName eq "a+b&c=d/e"'), ("count", "2")),
        if_match='W/"1"',
    )

    _, seen = ask(loopback, request, http("204 No Content"))

    head, _, body = seen.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert (
        first
        == "PATCH /v2/Users/a%2Fb%20%C3%B8?filter=userName%20eq%20%22a%2Bb%26c%3Dd%2Fe%22&count=2"
        " HTTP/1.1"
    )
    assert headers.pop("host").startswith("127.0.0.1:")
    assert headers == {
        "user-agent": "scimsync/1.0",
        "accept": "application/scim+json, application/json",
        "accept-encoding": "gzip, deflate",
        "content-type": "application/scim+json",
        "if-match": 'W/"1"',
        "content-length": "47",
        "authorization": f"Bearer {TOKEN}",
    }
    assert body == '{"Operations":[{"op":"remove","path":"title"}]}'


def test_a_base_url_may_end_with_a_slash(loopback: Callable[..., Any]) -> None:
    async def scenario() -> str:
        async with loopback(http("200 OK", b"{}")) as server:
            async with ScimClient(server.url + "/", user_agent="x") as client:
                await client.send(READ)
            return str(server.requests[0])

    seen = asyncio.run(scenario())
    assert seen.startswith("GET /v2/Users/1 HTTP/1.1")
    assert "authorization" not in seen.lower()
    assert "content-type" not in seen.lower()


def test_an_answer_is_understood(loopback: Callable[..., Any]) -> None:
    headers = ('ETag: W/"7"', "Location: https://wiki.example.com/Users/1", "Retry-After: 3")

    answer, _ = ask(
        loopback, READ, http("201 Created", b'\xef\xbb\xbf{"ID": 42, "x": "\xc3\xb8"}', *headers)
    )

    assert answer == ScimResponse(
        201, {"ID": 42, "x": "ø"}, 'W/"7"', "https://wiki.example.com/Users/1", 3.0
    )
    assert isinstance(answer, ScimResponse)
    assert answer.resource_id == "42"
    assert answer.version == 'W/"7"'


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
    "raw", [http("204 No Content"), http("200 OK"), http("200 OK", b" \r\n"), http("202 Accepted")]
)
def test_an_answer_may_have_no_body(loopback: Callable[..., Any], raw: bytes) -> None:
    answer, _ = ask(loopback, ScimRequest("DELETE", "/Users/1"), raw)

    assert isinstance(answer, ScimResponse)
    assert (answer.body, answer.resource_id, answer.version) == (None, None, None)


def test_compressed_answers_are_read(loopback: Callable[..., Any]) -> None:
    answer, _ = ask(
        loopback, READ, http("200 OK", gzip.compress(b'{"id": "1"}'), "Content-Encoding: gzip")
    )

    assert isinstance(answer, ScimResponse)
    assert answer.body == {"id": "1"}


@pytest.mark.parametrize(
    ("status", "body", "kind", "scim_type", "said"),
    [
        (401, b"", ErrorKind.UNAUTHORISED, None, "401"),
        (403, b'{"detail": "not yours"}', ErrorKind.UNAUTHORISED, None, "403: not yours"),
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
            '400: {"error": "no\ufffd\ufffd"}',
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
def test_error_statuses(
    loopback: Callable[..., Any],
    status: int,
    body: bytes,
    kind: ErrorKind,
    scim_type: str | None,
    said: str,
) -> None:
    error, _ = ask(loopback, READ, http(f"{status} X", body))

    assert isinstance(error, ErrorResponse)
    assert (error.status, error.kind, error.scim_type) == (status, kind, scim_type)
    assert str(error) == f"GET /Users/1: {said}"


def test_an_error_says_how_long_to_wait(loopback: Callable[..., Any]) -> None:
    headers = ("Retry-After: Wed, 21 Oct 2026 07:28:30 GMT", "Date: Wed, 21 Oct 2026 07:28:00 GMT")

    error, _ = ask(loopback, READ, http("429 X", b"", *headers))

    assert isinstance(error, ErrorResponse)
    assert error.retry_after == 30.0


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("120", None, 120.0),
        (" 1.5 ", None, 1.5),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:27:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 08:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None, None),
        ("Wed, 21 Oct 2026 07:28:00 -0000", "Wed, 21 Oct 2026 07:27:30 GMT", None),
        ("soon", "Wed, 21 Oct 2026 07:27:30 GMT", None),
        ("-5", None, None),
        ("9" * 400, None, None),
        ("nan", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_retry_after(value: str | None, date: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, date) == seconds


PAGE = b"<!doctype html>\n<title>Sign in</title>"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            http("200 OK", PAGE, "Content-Type: text/html"),
            (
                "the answer is no JSON object (status 200, text/html): <!doctype html> <title>Sign"
                " in</title>"
            ),
        ),
        (
            http("404 Not Found", PAGE, "Content-Type: text/html"),
            (
                "there is a web page and no SCIM here (status 404, text/html): <!doctype html>"
                " <title>Sign in</title>"
            ),
        ),
        (http("200 OK", b"[1]"), "the answer is no JSON object (status 200, no content type): [1]"),
        (
            http("200 OK", b'{"a": "\xff"}'),
            'the answer is no JSON object (status 200, no content type): {"a": "\ufffd"}',
        ),
        (
            http("302 Found", b"", "Location: https://sso.example.com/login"),
            (
                "redirects to https://sso.example.com/login, and redirects are not followed (status"
                " 302, no content type)"
            ),
        ),
        (
            http("304 Not Modified"),
            (
                "redirects to an unknown place, and redirects are not followed (status 304, no"
                " content type)"
            ),
        ),
        (
            http("200 OK", b"not gzip", "Content-Encoding: gzip"),
            (
                "the answer cannot be decompressed: Error -3 while decompressing data: incorrect"
                " header check (status 200, no content type)"
            ),
        ),
        (
            http("200 OK", b" " * 2001),
            "the answer is longer than 2000 bytes (status 200, no content type)",
        ),
        (
            http("200 OK", gzip.compress(b" " * 3_000_000), "Content-Encoding: gzip"),
            "the answer is longer than 2000 bytes (status 200, no content type)",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"400\r\n"
            + b" " * 1024
            + b"\r\n400\r\n"
            + b" " * 1024
            + b"\r\n",
            "the answer is longer than 2000 bytes (status 200, no content type)",
        ),
    ],
)
def test_what_is_no_scim_is_shown(loopback: Callable[..., Any], raw: bytes, said: str) -> None:
    error, _ = ask(loopback, READ, raw, max_response_bytes=2000)

    assert isinstance(error, InvalidResponse)
    assert str(error) == f"GET /Users/1: {said}"


def test_an_error_status_counts_even_where_the_body_is_too_long(
    loopback: Callable[..., Any],
) -> None:
    error, _ = ask(
        loopback, READ, http("503 X", b"x" * 3000, "Retry-After: 7"), max_response_bytes=2000
    )

    assert isinstance(error, ErrorResponse)
    assert (error.kind, error.retry_after) == (ErrorKind.SERVER, 7.0)


@pytest.mark.parametrize(
    "raw",
    [
        http("401 X", f'{{"detail": "no such token: {TOKEN}", "scimType": "{TOKEN}"}}'.encode()),
        http("401 X", f"Authorization: Bearer {TOKEN}".encode()),
        http("200 OK", f"<p>{TOKEN}".encode(), f"Content-Type: {TOKEN}"),
        http("302 Found", b"", f"Location: https://evil.example.com/?{TOKEN}"),
    ],
)
def test_a_token_that_is_echoed_is_not_shown(
    loopback: Callable[..., Any], raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    error, _ = ask(loopback, READ, raw)

    assert isinstance(error, ScimError)
    assert "***" in str(error)
    assert TOKEN not in repr(vars(error)) + str(error) + caplog.text


def test_a_broken_connection_may_have_had_an_effect(loopback: Callable[..., Any]) -> None:
    for raw in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"):
        error, _ = ask(loopback, ScimRequest("POST", "/Users", {"userName": "ann"}), raw)

        assert isinstance(error, NoResponse)
        assert error.may_have_had_effect
        assert str(error).startswith("POST /Users: no whole answer from 127.0.0.1: ")


def test_a_refused_connection_had_no_effect() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nothing can connect

        async def scenario() -> None:
            async with ScimClient(
                f"http://127.0.0.1:{taken.getsockname()[1]}", user_agent="x"
            ) as client:
                await client.send(ScimRequest("POST", "/Users", {}))

        with pytest.raises(
            NoResponse,
            match=r"^POST /Users: cannot connect to 127\.0\.0\.1: Connection refused$",
        ) as caught:
            asyncio.run(scenario())
        assert not caught.value.may_have_had_effect


@pytest.mark.parametrize("limits", [{"timeout": 0.05}, {"total_timeout": 0.05}])
def test_a_service_provider_that_stays_silent(limits: dict[str, Any]) -> None:
    async def scenario() -> NoResponse:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()  # until the client hangs up
            writer.close()
            gone.set()

        gone = asyncio.Event()
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            async with ScimClient(url, user_agent="x", **limits) as client:
                await client.send(READ)
        except NoResponse as error:
            await gone.wait()
            return error
        finally:
            server.close()
        raise AssertionError("an answer from nowhere")

    error = asyncio.run(scenario())
    assert error.may_have_had_effect
    assert str(error).startswith("GET /Users/1: no whole answer from 127.0.0.1")
    assert str(error).endswith(" 0.05 s")


@pytest.mark.parametrize(
    ("error", "effect"),
    [
        (httpx2.ConnectError, False),
        (httpx2.ConnectTimeout, False),
        (httpx2.PoolTimeout, False),
        (httpx2.LocalProtocolError, False),
        (httpx2.ReadTimeout, True),
        (httpx2.WriteError, True),
        (httpx2.WriteTimeout, True),
        (httpx2.ReadError, True),
        (httpx2.RemoteProtocolError, True),
    ],
)
def test_which_failures_may_have_had_an_effect(
    error: type[httpx2.TransportError], effect: bool
) -> None:
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise error("broken")

    async def scenario() -> None:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(fail)) as connections:
            client = ScimClient("https://wiki.example.com", user_agent="x", http=connections)
            with pytest.raises(NoResponse) as caught:
                await client.send(READ)
            assert caught.value.may_have_had_effect is effect
            await client.aclose()
            assert not connections.is_closed

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (
            "http://wiki.example.com/v2",
            "http://wiki.example.com/v2 is not https; only loopback addresses may do without",
        ),
        ("http://127.0.0.1.example.com", "is not https"),
        ("http://10.0.0.1", "is not https"),
        ("ftp://wiki.example.com", "is no https URL"),
        ("wiki.example.com", "is no https URL"),
        ("https:///v2", "is no https URL"),
        ("https://wiki.example.com:port", "no valid URL"),
        ("https://wiki.example.com/v2?a=1", "has no query"),
        ("https://wiki.example.com/v2#a", "has no query"),
        (
            "https://ann:pa55@wiki.example.com",
            "the URL of wiki.example.com holds a user name or password",
        ),
        ("https://ann:pa55@wiki.example.com:port", "no valid URL"),
    ],
)
def test_a_base_url_that_is_not_safe_is_refused(url: str, problem: str) -> None:
    with pytest.raises(BaseUrlError) as caught:
        ScimClient(url, user_agent="x")

    assert problem in str(caught.value)
    assert "pa55" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["https://wiki.example.com/v2", "http://localhost:1", "http://127.8.0.1", "http://[::1]:8080"],
)
def test_https_and_loopback_are_fine(url: str) -> None:
    async def scenario() -> None:
        async with ScimClient(url, user_agent="x"):
            pass

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "written",
    [
        "canary/7Y+q==",
        r"canary\/7Y+q==",
        r"canary\u002F7Y\u002Bq\u003d=",
        "canary&#x2F;7Y&#43;q&#061;&equals;",
        "canary%2f7Y%2Bq%3D%3D",
    ],
)
def test_a_token_is_not_shown_however_it_is_written(written: str) -> None:
    shown = BearerAuth("canary/7Y+q==", "https://wiki.example.com").redact(
        f"invalid token {written}, says the target"
    )
    assert shown == "invalid token ***, says the target"


def test_tls_that_breaks_is_no_whole_answer() -> None:
    def fail(request: httpx2.Request) -> httpx2.Response:
        # past the handshake
        raise ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] certificate required")

    async def scenario() -> None:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(fail)) as connections:
            client = ScimClient("https://wiki.example.com", user_agent="x", http=connections)
            with pytest.raises(NoResponse, match="certificate required") as caught:
                await client.send(READ)
            assert caught.value.may_have_had_effect
            await client.aclose()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "text", ["Mon, 02 Mar 2026 08:00:00 +99999999999999999999", "9" * 400], ids=["zone", "digits"]
)
def test_a_retry_after_that_cannot_be_is_none(text: str) -> None:
    assert parse_retry_after(text, "Mon, 02 Mar 2026 08:00:00 GMT") is None
    assert parse_retry_after("9" * 20, None) == 1e20


@pytest.mark.parametrize("token", ["", "a b", "a\n", "ø", "a\r\nX: y"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(BaseUrlError, match=r"^the bearer token is empty or holds") as caught:
        BearerAuth(token, "https://wiki.example.com")

    assert not token or token not in str(caught.value)


def test_a_token_goes_to_its_origin_only() -> None:
    auth = BearerAuth(TOKEN, "https://wiki.example.com:443/v2")

    for url in (
        "https://wiki.example.com.evil.org/",
        "http://wiki.example.com/",
        "https://wiki.example.com:444/",
    ):
        with pytest.raises(ForeignOriginError, match="the token is not meant for"):
            next(auth.auth_flow(httpx2.Request("GET", url)))
    sent = next(auth.auth_flow(httpx2.Request("GET", "https://WIKI.example.com/other")))
    assert sent.headers["Authorization"] == f"Bearer {TOKEN}"
    assert repr(auth) == "BearerAuth('***', 'https://wiki.example.com')"


@pytest.mark.parametrize("remote_id", ["", " ", ".", ".."])
def test_an_id_that_names_something_else_is_refused(remote_id: str) -> None:
    with pytest.raises(ScimError, match="cannot be the id of a resource"):
        resource_path("/Users", remote_id)


def test_a_path_begins_with_a_slash() -> None:
    with pytest.raises(ScimError, match="begins with '/'"):
        ScimRequest("GET", "Users")


@pytest.mark.parametrize("value", [object(), "\ud800", 2**70])
def test_a_body_that_json_cannot_hold_is_refused(value: Any) -> None:
    async def scenario() -> None:
        async with ScimClient("https://wiki.example.com", user_agent="x") as client:
            await client.send(ScimRequest("POST", "/Users", {"x": value}))

    with pytest.raises(ScimError, match=r"^POST /Users: the body cannot be written as JSON"):
        asyncio.run(scenario())


def test_what_does_not_print_is_replaced() -> None:
    assert printable("a\x1b[31m\n\tb\u202e" + "c" * 9, 12) == "a\ufffd[31m b\ufffdcc…"
