"""Sends one SCIM request over HTTP and reads its answer; never twice, and never more than it
should."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import ssl
from types import TracebackType
from typing import Any, Final, Self

import httpx2
import orjson

from scimsync.scim.attributes import read
from scimsync.scim.errors import (
    MAX_DETAIL,
    ErrorResponse,
    InvalidResponse,
    NoResponse,
    ScimError,
    excerpt_of,
    parse_retry_after,
    printable,
)
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.transport.auth.bearer import BearerAuth
from scimsync.transport.errors import BaseUrlError

MEDIA_TYPE: Final = "application/scim+json"  # RFC 7644 section 3.1
MAX_RESPONSE_BYTES: Final = 10 * 1024 * 1024

_NEVER_CONNECTED = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
)
_NEVER_VALID = (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)


class ScimClient:
    """A service provider's base URL, how to prove who asks, and a pool of connections.

    `timeout` is the longest silence in seconds (to connect, write, or read), `total_timeout` the
    longest a request may take. `max_response_bytes` bounds each answer, after decompression.
    Redirects are not followed and the environment's proxies not used. `http` replaces the
    connections, and is then closed by whoever made it. Raises BaseUrlError for a URL that is not
    https (loopback may be http), or that holds a password, a query or a fragment.
    """

    def __init__(
        self,
        base_url: str,
        auth: BearerAuth | None = None,
        *,
        user_agent: str,
        timeout: float = 30.0,
        total_timeout: float = 300.0,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        max_connections: int = 8,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        url = checked_base_url(base_url)
        self._base = str(url).rstrip("/")
        self._host = url.host
        self._auth = auth
        self._timeout = httpx2.Timeout(timeout).as_dict()
        self._total_timeout = total_timeout
        self._max_response_bytes = max_response_bytes
        self._headers = [
            (b"Host", url.netloc),
            (b"User-Agent", user_agent.encode("ascii")),
            (b"Accept", f"{MEDIA_TYPE}, application/json".encode()),
            (b"Accept-Encoding", b"gzip, deflate"),
        ]
        self._owns_http = http is None
        limits = httpx2.Limits(
            max_connections=max_connections, max_keepalive_connections=max_connections
        )
        # on loopback there may be no TLS; then no certificates are read, and none would be trusted
        verify = True if url.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = http or httpx2.AsyncClient(
            limits=limits, verify=verify, trust_env=False, follow_redirects=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections that this client made."""
        if self._owns_http:
            await self._http.aclose()

    async def send(self, request: ScimRequest) -> ScimResponse:
        """Send `request` once.

        Raises ErrorResponse for an error status, InvalidResponse for what is not SCIM,
        NoResponse where no whole answer came.
        """
        http_request = self._prepare(request)
        try:
            async with asyncio.timeout(self._total_timeout):
                response = await self._http.send(
                    http_request, auth=self._auth, stream=True, follow_redirects=False
                )
                try:
                    content, problem = await self._read(response)
                finally:
                    await response.aclose()
        except httpx2.RequestError as error:
            raise self._failure(request, error) from error
        except TimeoutError as error:
            message = (
                f"{request}: no whole answer from {self._host} after {self._total_timeout:g} s"
            )
            raise NoResponse(message, may_have_had_effect=True) from error
        except (
            OSError
        ) as error:  # of TLS, which the HTTP library lets through once a connection is there
            message = (
                f"{request}: no whole answer from {self._host}:"
                f" {self._shown(str(error), MAX_DETAIL)}"
            )
            raise NoResponse(message, may_have_had_effect=True) from error
        if problem and response.status_code < 400:
            raise self._unexpected(request, problem, response, content)
        return self._understand(request, response, content)

    def _prepare(self, request: ScimRequest) -> httpx2.Request:
        headers = self._headers.copy()
        content = None
        if request.body is not None:
            try:
                content = orjson.dumps(request.body)
            except TypeError as error:
                raise ScimError(
                    f"{request}: the body cannot be written as JSON: {error}"
                ) from error
            headers.append((b"Content-Type", MEDIA_TYPE.encode()))
        if request.if_match is not None:
            headers.append((b"If-Match", request.if_match.encode()))
        try:
            url = httpx2.URL(self._base + request.target)
        except httpx2.InvalidURL as error:
            raise ScimError(f"{request}: {error}") from error
        return httpx2.Request(
            request.method,
            url,
            headers=headers,
            content=content,
            extensions={"timeout": self._timeout},
        )

    async def _read(self, response: httpx2.Response) -> tuple[bytes, str]:
        """The decompressed body, and what is wrong with it ("" for nothing). Reads one piece beyond
        the limit at most."""
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
                    return bytes(body[:limit]), f"the answer is longer than {limit} bytes"
        except httpx2.DecodingError as error:
            return bytes(body), f"the answer cannot be decompressed: {error}"
        return bytes(body), ""

    def _understand(
        self, request: ScimRequest, response: httpx2.Response, content: bytes
    ) -> ScimResponse:
        status, headers = response.status_code, response.headers
        if 300 <= status < 400:
            where = self._shown(headers.get("Location", "an unknown place"), MAX_DETAIL)
            raise self._unexpected(
                request, f"redirects to {where}, and redirects are not followed", response, content
            )
        body = _json_object(content)
        retry_after = None
        if "Retry-After" in headers:
            retry_after = parse_retry_after(headers["Retry-After"], headers.get("Date"))
        if status >= 400:
            # of a router, perhaps, and not of the service behind it
            if status == 404 and body is None and content.strip():
                page = content.lstrip()[:1] == b"<"
                what = "there is a web page and no SCIM here" if page else "there is no SCIM here"
                raise self._unexpected(request, what, response, content)
            raise self._protocol_error(request, status, body, content, retry_after)
        if body is None and content.strip():
            raise self._unexpected(request, "the answer is no JSON object", response, content)
        return ScimResponse(status, body, headers.get("ETag"), headers.get("Location"), retry_after)

    def _protocol_error(
        self,
        request: ScimRequest,
        status: int,
        body: dict[str, Any] | None,
        content: bytes,
        retry_after: float | None,
    ) -> ErrorResponse:
        """RFC 7644 section 3.12; members of other forms of JSON error bodies show in the
        excerpt."""
        scim_type, detail = (read(body or {}, name) for name in ("scimType", "detail"))
        return ErrorResponse(
            status,
            scim_type=self._shown(scim_type, 60) if isinstance(scim_type, str) else None,
            detail=self._shown(detail, MAX_DETAIL) if isinstance(detail, str) else None,
            excerpt="" if isinstance(detail, str) else self._excerpt(content),
            retry_after=retry_after,
            request=str(request),
        )

    def _unexpected(
        self, request: ScimRequest, problem: str, response: httpx2.Response, content: bytes = b""
    ) -> InvalidResponse:
        content_type = self._shown(response.headers.get("Content-Type", ""), 80)
        excerpt = self._excerpt(content)
        return InvalidResponse(
            f"{request}: {problem}",
            status=response.status_code,
            content_type=content_type,
            excerpt=excerpt,
        )

    def _failure(self, request: ScimRequest, error: httpx2.RequestError) -> NoResponse:
        never_sent = isinstance(error, (*_NEVER_CONNECTED, *_NEVER_VALID))
        where = f"no whole answer from {self._host}"
        if never_sent:
            where = (
                "cannot be sent"
                if isinstance(error, _NEVER_VALID)
                else f"cannot connect to {self._host}"
            )
        return NoResponse(
            f"{request}: {where}: {self._cause(error)}", may_have_had_effect=not never_sent
        )

    def _cause(self, error: httpx2.RequestError) -> str:
        """What the operating system said, which says more than "connection failed"; else what the
        HTTP library says."""
        if isinstance(error, httpx2.TimeoutException):
            return f"nothing for {self._timeout['read']:g} s"
        said, cause = str(error) or type(error).__name__, error.__cause__
        while cause is not None:
            if isinstance(cause, ConnectionError) and cause.errno:
                # asyncio's own words name the call and not what happened
                said = os.strerror(cause.errno)
            elif isinstance(cause, OSError) and str(cause):
                said = str(cause)
            cause = cause.__cause__ or cause.__context__
        return self._shown(said, MAX_DETAIL)

    def _excerpt(self, content: bytes) -> str:
        return excerpt_of(
            content
            if self._auth is None
            else self._auth.redact(content.decode("latin-1")).encode("latin-1")
        )

    def _shown(self, text: str, limit: int) -> str:
        return printable(text if self._auth is None else self._auth.redact(text), limit)


def checked_base_url(base_url: str) -> httpx2.URL:
    """The base URL of a service provider, parsed. Raises BaseUrlError where it could not be used
    safely."""
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL as error:
        raise BaseUrlError("no valid URL" + (f": {error}" if "@" not in base_url else "")) from None
    if url.userinfo:
        raise BaseUrlError(
            f"the URL of {url.host} holds a user name or password; give the token through auth"
            " instead"
        )
    if url.scheme not in ("http", "https") or not url.host:
        raise BaseUrlError(f"{base_url} is no https URL")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise BaseUrlError(f"{base_url} is not https; only loopback addresses may do without")
    if url.query or url.fragment:
        raise BaseUrlError(f"{base_url}: a base URL has no query and no fragment")
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _json_object(content: bytes) -> dict[str, Any] | None:
    """The JSON object in `content` (RFC 8259), a byte order mark tolerated; None for anything
    else."""
    try:
        body = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None
