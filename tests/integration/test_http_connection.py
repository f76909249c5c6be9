"""One request over HTTP: what is sent, what is read, and what each failure says."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import pytest

from scimsync.transport.auth import Authenticator
from scimsync.transport.auth.bearer import BearerAuthenticator
from scimsync.transport.http import HttpConnection, HttpResponse
from scimsync.transport.request_errors import (
    BaseUrlError,
    InvalidResponse,
    NoResponse,
    RequestError,
)
from tests.servers.raw import raw_response, running_raw_server

TOKEN = "s3cr3t-t0ken"


def send(
    *responses: bytes,
    method: str = "GET",
    target: str = "/Users/1",
    authenticator: Callable[[str], Authenticator] | None = None,
    content: bytes | None = None,
    **options: Any,
) -> tuple[HttpResponse | RequestError, list[str]]:
    """Return the outcome of one request to a server with `responses`, and the requests it saw."""

    async def scenario() -> tuple[HttpResponse | RequestError, list[str]]:
        async with running_raw_server(*responses) as server:
            connection = HttpConnection(
                server.url,
                authenticator(server.url) if authenticator else None,
                user_agent="scimsync/1.0",
                **options,
            )
            outcome: HttpResponse | RequestError
            try:
                outcome = await connection.send(
                    method, target, headers={"X-Extra": "1"}, content=content
                )
            except RequestError as error:
                outcome = error
            await connection.aclose()
            return outcome, server.requests

    return asyncio.run(scenario())


def bearer(url: str) -> Authenticator:
    return BearerAuthenticator(TOKEN, url)


def headers_of(request: str) -> dict[str, str]:
    lines = request.partition("\r\n\r\n")[0].split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def failing_with(error: Exception) -> NoResponse:
    """Return what a request fails with where the HTTP library raises `error`."""

    def fail(request: httpx2.Request) -> httpx2.Response:
        raise error

    async def scenario() -> NoResponse:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(fail)) as client:
            connection = HttpConnection("https://hr.example.com", user_agent="x", client=client)
            with pytest.raises(NoResponse) as caught:
                await connection.send("GET", "/people", headers={})
            await connection.aclose()
            assert not client.is_closed, "it belongs to the caller"
            return caught.value

    return asyncio.run(scenario())


def test_a_request_on_the_wire() -> None:
    _, requests = send(
        raw_response("204 No Content"),
        method="PATCH",
        target="/Users/a%2Fb?filter=userName%20eq%20%22a%2Bb%22",
        authenticator=bearer,
        content=b"{}",
    )

    assert len(requests) == 1
    assert requests[0].startswith(
        "PATCH /v2/Users/a%2Fb?filter=userName%20eq%20%22a%2Bb%22 HTTP/1.1\r\n"
    )
    assert requests[0].endswith("\r\n\r\n{}")
    headers = headers_of(requests[0])
    assert headers.pop("host").startswith("127.0.0.1:")
    assert headers == {
        "user-agent": "scimsync/1.0",
        "accept-encoding": "gzip, deflate",
        "x-extra": "1",
        "content-length": "2",
        "authorization": f"Bearer {TOKEN}",
    }


def test_a_connection_without_an_authenticator_sends_no_credentials() -> None:
    _, requests = send(raw_response("200 OK"))

    assert "authorization" not in headers_of(requests[0])


def test_a_base_url_may_end_with_a_slash() -> None:
    async def scenario() -> str:
        async with running_raw_server(raw_response("200 OK")) as server:
            connection = HttpConnection(server.url + "/", user_agent="x")
            await connection.send("GET", "/people", headers={})
            await connection.aclose()
            return server.requests[0]

    assert asyncio.run(scenario()).startswith("GET /v2/people HTTP/1.1")


@pytest.mark.parametrize(
    ("raw", "status", "content", "retry_after"),
    [
        (raw_response("200 OK", b"abc"), 200, b"abc", None),
        (raw_response("204 No Content"), 204, b"", None),
        (raw_response("429 X", b"", "Retry-After: 3"), 429, b"", 3.0),
        (raw_response("429 X", b"", "Retry-After: soon"), 429, b"", None),
        (
            raw_response("200 OK", gzip.compress(b"abc", mtime=0), "Content-Encoding: gzip"),
            200,
            b"abc",
            None,
        ),
        # an error status counts, whatever its body is
        (raw_response("503 X", b"x" * 3000, "Retry-After: 7"), 503, b"x" * 2000, 7.0),
    ],
    ids=["body", "no body", "Retry-After", "odd Retry-After", "gzip", "long error"],
)
def test_a_response_is_read(
    raw: bytes, status: int, content: bytes, retry_after: float | None
) -> None:
    response, _ = send(raw, max_response_bytes=2000)

    assert isinstance(response, HttpResponse)
    assert (response.status, response.content) == (status, content)
    assert response.retry_after == retry_after
    assert response.request == "GET /Users/1"


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("https://Ann@SSO.example.com:8443/ann?filter=ann#ann", "https://sso.example.com:8443"),
        ("/Users?filter=ann", "another path"),
        ("https://sso.example.com:ann/", "an unknown place"),
        ("", "an unknown place"),
    ],
)
def test_a_redirect_is_named_without_what_may_name_a_user(location: str, place: str) -> None:
    error, _ = send(raw_response("302 Found", b"", f"Location: {location}"))

    assert isinstance(error, InvalidResponse)
    assert f"redirects to {place}, and redirects are not followed" in error.brief
    assert location in str(error)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (
            raw_response("302 Found", b"", "Location: https://sso.example.com/login"),
            "redirects to https://sso.example.com/login, and redirects are not followed (status"
            " 302, no content type)",
        ),
        (
            raw_response("304 Not Modified"),
            "not modified, but no condition was sent (status 304, no content type)",
        ),
        (
            raw_response("200 OK", b"not gzip", "Content-Encoding: gzip"),
            "the response cannot be decompressed: Error -3 while decompressing data: incorrect"
            " header check (status 200, no content type)",
        ),
        (
            raw_response("200 OK", b" " * 2001),
            "the response is longer than 2000 bytes (status 200, no content type)",
        ),
        (
            raw_response(
                "200 OK", gzip.compress(b" " * 3_000_000, mtime=0), "Content-Encoding: gzip"
            ),
            "the response is longer than 2000 bytes (status 200, no content type)",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"400\r\n"
            + b" " * 1024
            + b"\r\n400\r\n"
            + b" " * 1024
            + b"\r\n",
            "the response is longer than 2000 bytes (status 200, no content type)",
        ),
    ],
    ids=["redirect", "not modified", "not gzip", "long", "long when decompressed", "endless"],
)
def test_a_response_that_cannot_be_used(raw: bytes, problem: str) -> None:
    error, requests = send(raw, target="/Users/1?filter=x", max_response_bytes=2000)

    assert isinstance(error, InvalidResponse)
    assert str(error) == f"GET /Users/1: {problem}"
    assert len(requests) == 1


class Renewing:
    """An authenticator whose token is replaced when it is rejected, as long as there are others."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    async def headers(self, url: str) -> Mapping[str, str]:
        return {"Authorization": self.tokens[0]}

    async def refresh(self, rejected: Mapping[str, str], /) -> bool:
        if rejected == {"Authorization": self.tokens[0]} and len(self.tokens) > 1:
            del self.tokens[0]
            return True
        return rejected != {"Authorization": self.tokens[0]}

    def redact(self, text: str) -> str:
        return text


def test_rejected_credentials_are_replaced_once_and_the_request_is_sent_again() -> None:
    response, requests = send(
        raw_response("401 X"),
        raw_response("200 OK", b"ann"),
        method="POST",
        content=b"{}",
        authenticator=lambda _: Renewing("old", "new"),
    )

    assert isinstance(response, HttpResponse)
    assert (response.status, response.content) == (200, b"ann")
    assert [headers_of(one)["authorization"] for one in requests] == ["old", "new"]


@pytest.mark.parametrize(("tokens", "attempts"), [(["old"], 1), (["old", "new", "newer"], 2)])
def test_a_second_rejection_is_the_response(tokens: list[str], attempts: int) -> None:
    response, requests = send(raw_response("401 X"), authenticator=lambda _: Renewing(*tokens))

    assert isinstance(response, HttpResponse)
    assert response.status == 401
    assert len(requests) == attempts


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"])
def test_a_broken_connection_may_have_had_an_effect(raw: bytes) -> None:
    error, _ = send(raw, method="POST", target="/Users")

    assert isinstance(error, NoResponse)
    assert error.may_have_had_effect
    assert str(error).startswith("POST /Users: no complete response from 127.0.0.1: ")


def test_a_refused_connection_had_no_effect() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nothing can connect

        async def scenario() -> None:
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            connection = HttpConnection(url, user_agent="x")
            try:
                await connection.send("POST", "/Users", headers={})
            finally:
                await connection.aclose()

        with pytest.raises(
            NoResponse, match=r"^POST /Users: cannot connect to 127\.0\.0\.1: Connection refused$"
        ) as caught:
            asyncio.run(scenario())
        assert not caught.value.may_have_had_effect


@pytest.mark.parametrize("limits", [{"timeout": 0.05}, {"total_timeout": 0.05}])
def test_a_server_that_stays_silent(limits: dict[str, Any]) -> None:
    async def scenario() -> NoResponse:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()  # until the client closes the connection
            writer.close()
            closed.set()

        closed = asyncio.Event()
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        connection = HttpConnection(url, user_agent="x", **limits)
        try:
            with pytest.raises(NoResponse) as caught:
                await connection.send("GET", "/Users/1", headers={})
            await connection.aclose()
            await closed.wait()
            return caught.value
        finally:
            server.close()

    error = asyncio.run(scenario())
    assert error.may_have_had_effect
    assert str(error).startswith("GET /Users/1: no complete response from 127.0.0.1")
    assert str(error).endswith(" 0.05 s")


@pytest.mark.parametrize(
    ("error", "effect"),
    [
        (httpx2.ConnectError, False),
        (httpx2.ConnectTimeout, False),
        (httpx2.PoolTimeout, False),
        (httpx2.ProxyError, False),
        (httpx2.LocalProtocolError, False),
        (httpx2.UnsupportedProtocol, False),
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
    assert failing_with(error("broken")).may_have_had_effect is effect


def test_tls_that_breaks_after_the_handshake_is_no_complete_response() -> None:
    error = failing_with(
        ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] certificate required")
    )

    assert "certificate required" in str(error)
    assert error.may_have_had_effect


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://wiki.example.com/v2", "must begin with https://"),
        ("http://127.0.0.1.example.com", "must begin with https://"),
        ("http://10.0.0.1", "must begin with https://"),
        ("ftp://wiki.example.com", "this is not a URL that begins with https://"),
        ("wiki.example.com", "this is not a URL that begins with https://"),
        ("https:///v2", "this is not a URL that begins with https://"),
        ("https://wiki.example.com:port", "this is not a URL"),
        ("https://wiki.example.com/v2?a=1", "a base URL has no"),
        ("https://wiki.example.com/v2#a", "a base URL has no"),
        ("https://ann:pa55@wiki.example.com", "a base URL has no user"),
        ("https://ann:pa55@wiki.example.com:port", "this is not a URL"),
    ],
)
def test_a_base_url_that_is_not_safe_is_refused(url: str, problem: str) -> None:
    with pytest.raises(BaseUrlError) as caught:
        HttpConnection(url, user_agent="x")

    assert str(caught.value).startswith(problem)
    assert "pa55" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["https://wiki.example.com/v2", "http://localhost:1", "http://127.8.0.1", "http://[::1]:8080"],
)
def test_https_and_loopback_are_accepted(url: str) -> None:
    asyncio.run(HttpConnection(url, user_agent="x").aclose())
