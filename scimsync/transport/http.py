"""HTTP to one server: one request, one bounded response, no redirects, no environment proxies."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx2

from scimsync.formatting import one_line
from scimsync.settings.urls import https_problem
from scimsync.transport.auth import Authenticator
from scimsync.transport.redaction import EXCERPT_BYTES, MAX_DETAIL, safe_line
from scimsync.transport.request_errors import (
    BaseUrlError,
    InvalidRequest,
    InvalidResponse,
    NoResponse,
)
from scimsync.transport.retry_after import parse_retry_after

MAX_RESPONSE_BYTES: Final = 10 * 1024 * 1024

_REMAINING = ("X-RateLimit-Remaining", "X-Rate-Limit-Remaining", "RateLimit-Remaining")

_NEVER_CONNECTED = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
)
_NEVER_VALID = (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)
_NOT_MODIFIED = 304
_CONDITIONS = frozenset({"If-None-Match", "If-Modified-Since"})
"""The headers that ask for status 304."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response with its whole body, decompressed.

    `request` names the request in messages, without its query. `problem` says why the body is
    incomplete ("" if it is whole); the status is 400 or more in that case.
    """

    request: str
    status: int
    headers: Mapping[str, str]
    content: bytes
    problem: str = ""

    @property
    def retry_after(self) -> float | None:
        """The wait that Retry-After requests, in seconds; None if it is missing or invalid."""
        if "Retry-After" not in self.headers:
            return None
        return parse_retry_after(self.headers["Retry-After"], self.headers.get("Date"))

    @property
    def limited(self) -> bool:
        """Whether a header says that the rate limit is used up."""
        return any(self.headers.get(name, "").strip() == "0" for name in _REMAINING)


class HttpConnection:
    """The connection to one server: a base URL, an authenticator, and a pool of connections.

    `timeout` is the longest silence in seconds (to connect, write, or read), `total_timeout` the
    longest time in seconds for one request. `verify` replaces the default context of TLS, and
    `proxy` is the URL of an HTTP proxy. `max_response_bytes` bounds each response after
    decompression. `client` replaces the connections; the caller then closes it. Raises BaseUrlError
    for a URL that is not https (http is allowed to loopback), or that contains a password, a query
    or a fragment.
    """

    def __init__(
        self,
        base_url: str,
        authenticator: Authenticator | None = None,
        *,
        user_agent: str,
        timeout: float = 30.0,
        verify: ssl.SSLContext | None = None,
        proxy: str | None = None,
        total_timeout: float = 300.0,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        max_connections: int = 8,
        client: httpx2.AsyncClient | None = None,
    ) -> None:
        url = checked_base_url(base_url)
        self._base = str(url).rstrip("/")
        self._host = url.host
        self._authenticator = authenticator
        self._timeout = httpx2.Timeout(timeout).as_dict()
        self._total_timeout = total_timeout
        self._max_response_bytes = max_response_bytes
        self._headers = [
            (b"Host", url.netloc),
            (b"User-Agent", user_agent.encode("ascii")),
            (b"Accept-Encoding", b"gzip, deflate"),
        ]
        self._owns_client = client is None
        self._client = client or _open_client(url, max_connections, verify, proxy)

    async def aclose(self) -> None:
        """Close the connections, unless the caller made them."""
        if self._owns_client:
            await self._client.aclose()

    async def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> HttpResponse:
        """Send one request, and once more only if its credentials were rejected and replaced.

        `target` is path and query below the base URL, percent-encoded. Return responses with error
        statuses (400 and above) too, and status 304 if a condition was sent. Raise NoResponse if no
        whole response arrived, InvalidResponse for a redirect or an unreadable body, and
        InvalidRequest or ForeignOriginError for a request that cannot be sent.
        """
        label = f"{method} {target.partition('?')[0]}"
        try:
            url = httpx2.URL(self._base + target)
        except httpx2.InvalidURL as error:
            raise InvalidRequest(f"{label}: {error}") from error
        if self._authenticator is None:
            return await self._send_once(label, method, url, headers, content)
        credentials = await self._authenticator.headers(str(url))
        response = await self._send_once(label, method, url, {**headers, **credentials}, content)
        if response.status == 401 and await self._authenticator.refresh(credentials):
            credentials = await self._authenticator.headers(str(url))
            return await self._send_once(label, method, url, {**headers, **credentials}, content)
        return response

    def redacted(self, text: str, limit: int = MAX_DETAIL) -> str:
        """Return text of the server for messages: printable, without secrets, at most `limit` long.

        `limit` counts characters.
        """
        redact = None if self._authenticator is None else self._authenticator.redact
        return safe_line(text, limit, redact)

    def excerpt(self, content: bytes) -> str:
        """Return the start of a body for people: printable, in one line, without secrets."""
        # redact before cutting, so that half of a secret does not remain, and as latin-1, in which
        # no byte is invalid
        if self._authenticator is not None:
            text = self._authenticator.redact(content.decode("latin-1"))
            content = text.encode("latin-1")
        return one_line(content[: EXCERPT_BYTES * 2].decode("utf-8", "replace"), EXCERPT_BYTES)

    def invalid(
        self, response: HttpResponse, problem: str, brief: str | None = None
    ) -> InvalidResponse:
        """Return the error for an unexpected `response`; see `InvalidResponse` for `brief`."""
        return InvalidResponse(
            f"{response.request}: {problem}",
            status=response.status,
            content_type=self.redacted(response.headers.get("Content-Type", ""), 80),
            excerpt=self.excerpt(response.content),
            brief=None if brief is None else f"{response.request}: {brief}",
        )

    async def _send_once(
        self,
        label: str,
        method: str,
        url: httpx2.URL,
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> HttpResponse:
        request = httpx2.Request(
            method,
            url,
            headers=[*self._headers, *((k.encode(), v.encode()) for k, v in headers.items())],
            content=content,
            extensions={"timeout": self._timeout},
        )
        try:
            async with asyncio.timeout(self._total_timeout):
                response = await self._client.send(
                    request, auth=None, stream=True, follow_redirects=False
                )
                try:
                    body, problem = await self._read(response)
                finally:
                    await response.aclose()
        except httpx2.RequestError as error:
            raise self._failure(label, error) from error
        except TimeoutError as error:
            raise NoResponse(
                f"{label}: no complete response from {self._host} after {self._total_timeout:g} s",
                may_have_had_effect=True,
            ) from error
        except OSError as error:  # a TLS error that httpx2 does not wrap once it is connected
            raise NoResponse(
                f"{label}: no complete response from {self._host}: {self.redacted(str(error))}",
                may_have_had_effect=True,
            ) from error
        received = HttpResponse(label, response.status_code, response.headers, body, problem)
        if problem and received.status < 400:
            raise self.invalid(received, problem)
        if received.status == _NOT_MODIFIED:
            if _CONDITIONS.isdisjoint(headers):
                raise self.invalid(received, "not modified, but no condition was sent")
        elif 300 <= received.status < 400:
            location = self.redacted(received.headers.get("Location", ""))
            raise self.invalid(
                received, _redirects(location or "an unknown place"), _redirects(_place(location))
            )
        return received

    async def _read(self, response: httpx2.Response) -> tuple[bytes, str]:
        """Return the decompressed body, and any problem with it ("" for none).

        Read at most one piece beyond the limit.
        """
        limit = self._max_response_bytes
        length = response.headers.get("Content-Length", "")
        if (
            length.isdecimal()
            and int(length) <= limit
            and "Content-Encoding" not in response.headers
        ):
            return await response.aread(), ""
        body = bytearray()
        try:
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > limit:
                    return bytes(body[:limit]), f"the response is longer than {limit} bytes"
        except httpx2.DecodingError as error:
            return bytes(body), f"the response cannot be decompressed: {error}"
        return bytes(body), ""

    def _failure(self, label: str, error: httpx2.RequestError) -> NoResponse:
        if isinstance(error, _NEVER_VALID):
            what = "cannot be sent"
        elif isinstance(error, _NEVER_CONNECTED):
            what = f"cannot connect to {self._host}"
        else:
            what = f"no complete response from {self._host}"
        never_sent = isinstance(error, (*_NEVER_CONNECTED, *_NEVER_VALID))
        return NoResponse(
            f"{label}: {what}: {self._cause(error)}", may_have_had_effect=not never_sent
        )

    def _cause(self, error: httpx2.RequestError) -> str:
        """Return what the operating system reported, or else what the HTTP library reported.

        The operating system is more precise than "connection failed".
        """
        if isinstance(error, httpx2.TimeoutException):
            return f"nothing for {self._timeout['read']:g} s"
        reason, cause = str(error) or type(error).__name__, error.__cause__
        while cause is not None:
            if isinstance(cause, ConnectionError) and cause.errno:
                # asyncio's message names the call instead of what happened
                reason = os.strerror(cause.errno)
            elif isinstance(cause, OSError) and str(cause):
                reason = str(cause)
            cause = cause.__cause__ or cause.__context__
        return self.redacted(reason)


def checked_base_url(base_url: str) -> httpx2.URL:
    """Return the base URL of a server, parsed. Raise BaseUrlError if it is not safe to use."""
    if (problem := https_problem(base_url)) is not None:
        raise BaseUrlError(problem)
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL:  # its message repeats the URL, which may contain a secret
        raise BaseUrlError("this is not a URL") from None
    if "<" in base_url:
        raise BaseUrlError("replace the placeholders in <…> with your own values")
    if url.userinfo or url.query or url.fragment:
        raise BaseUrlError("a base URL has no user, no password, no query and no fragment")
    return url


def _open_client(
    url: httpx2.URL, max_connections: int, verify: ssl.SSLContext | None, proxy: str | None
) -> httpx2.AsyncClient:
    limits = httpx2.Limits(
        max_connections=max_connections, max_keepalive_connections=max_connections
    )
    # http to loopback needs no certificates, so read none and trust none
    if verify is None and url.scheme != "https":
        verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx2.AsyncClient(
        limits=limits,
        verify=verify or True,
        proxy=proxy,
        trust_env=False,
        follow_redirects=False,
    )


def _redirects(place: str) -> str:
    return f"redirects to {place}, and redirects are not followed"


def _place(location: str) -> str:
    """Return the server that a redirect leads to. The rest of a URL may name a user."""
    try:
        parts = urlsplit(location)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return "an unknown place"
    if not parts.hostname:
        return "another path" if location else "an unknown place"
    return f"{parts.scheme}://{parts.hostname}{port}"
