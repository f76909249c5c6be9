"""Get OAuth 2.0 access tokens, and get new ones before they expire.

authlib shapes and signs the requests (RFC 6749, RFC 7523, RFC 8414). They are sent as all requests
are: to https or loopback only, without redirects, and with bounded responses.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlsplit
from weakref import WeakKeyDictionary

from scimsync.formatting import one_line
from scimsync.jsontext import received_object
from scimsync.transport.auth.authenticator import check_origin, origin_of
from scimsync.transport.connection_options import ConnectionOptions
from scimsync.transport.redaction import MAX_DETAIL, redacted, secret_pattern
from scimsync.transport.request_errors import (
    BaseUrlError,
    InvalidResponse,
    NoResponse,
    RequestError,
    TokenRefused,
)

if TYPE_CHECKING:
    from scimsync.transport.auth.oauth2 import OAuth2Settings
    from scimsync.transport.http import HttpResponse

_FORM = "application/x-www-form-urlencoded;charset=UTF-8"
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_PROOFS = ("assertion", "client_assertion", "client_secret", "refresh_token")
_GRANT_IS_LOST = (
    "the refresh token was replaced, withdrawn, or has expired: get a new one, and put it where"
    " auth.refresh_token refers to"
)
_MARGIN_S = 60.0
"""A token is replaced this long before it expires, or earlier if it is short-lived."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token. `lifetime` is in seconds, None if the server does not say."""

    text: str
    lifetime: float | None
    refresh_token: str | None = None


class TokenSource(Protocol):
    """Where access tokens come from."""

    @property
    def secrets(self) -> list[str]:
        """The texts that messages must not show."""

    async def fetch(self) -> AccessToken:
        """Request a token.

        Raise TokenRefused if the server refuses it, and NoResponse if it cannot be asked.
        """


class TokenEndpoint:
    """The token endpoint of an authorization server.

    `secrets` are the values of `client_secret`, `private_key` and `refresh_token`, where set, and
    `latest` returns the newest refresh token. Raise BaseUrlError if authlib is not installed, or if
    the private key cannot be used.
    """

    def __init__(
        self,
        settings: OAuth2Settings,
        secrets: Mapping[str, str],
        options: ConnectionOptions,
        latest: Callable[[], str],
    ) -> None:
        try:
            from authlib.oauth2.auth import ClientAuth
            from authlib.oauth2.rfc7523 import PrivateKeyJWT
        except ImportError:
            raise BaseUrlError(
                "OAuth 2.0 needs a package that is not installed: pip install 'scimsync[oauth]'"
            ) from None
        self._settings = settings
        self._secrets = dict(secrets)
        self._options = options
        self._latest = latest
        self._used: list[str] = []
        self._url = settings.token_url
        method: Any = f"client_secret_{settings.client_auth}"
        if "private_key" in secrets:
            self._key = _private_key(secrets["private_key"])
            header = {"kid": settings.key_id} if settings.key_id else None
            method = PrivateKeyJWT(headers=header, alg=settings.algorithm)
        elif "client_secret" not in secrets:
            method = "none"
        proof = self._key if "private_key" in secrets else secrets.get("client_secret")
        self._client_auth = ClientAuth(settings.client_id, proof, method)

    @property
    def secrets(self) -> list[str]:
        """The texts that messages must not show, all refresh tokens among them."""
        given = [value for name, value in self._secrets.items() if name != "private_key"]
        return [*given, *self._used]

    async def fetch(self) -> AccessToken:
        """Request a token.

        Raise TokenRefused if the server refuses it, and NoResponse if it cannot be asked.
        """
        url = self._url or await self._discover()
        headers = {"Accept": "application/json", "Content-Type": _FORM}
        body = await asyncio.to_thread(self._body, url)  # may read a file, or run a command
        if self._settings.grant != "jwt_bearer":
            _, headers, body = self._client_auth.prepare("POST", url, headers, body)
        answer = await self._send("POST", url, headers, body.encode())
        if answer.status >= 400:
            raise TokenRefused(self._refusal(answer, url, _proofs(headers, body)))
        return self._token(answer, url)

    def _body(self, url: str) -> str:
        from authlib.oauth2.rfc6749.parameters import prepare_token_request

        settings = self._settings
        params = {
            "scope": settings.scope,
            "audience": settings.audience,
            "resource": settings.resource,
            **settings.params,
        }
        grant: str = settings.grant_type
        if grant == "jwt_bearer":
            grant = _JWT_BEARER
            params = {**settings.params, "assertion": self._assertion(url)}
        elif grant == "refresh_token":
            params["refresh_token"] = self._newest_refresh_token()
        kept = {name: value for name, value in params.items() if value is not None}
        body: str = prepare_token_request(grant, **kept)
        return body

    def _noted(self, renewed: str) -> str | None:
        """Return a refresh token from now on, or None for one that is in use already."""
        if renewed in self.secrets:
            return None
        self._used.append(renewed)
        return renewed

    def _newest_refresh_token(self) -> str:
        """Return the one that is stored, or one that could not be stored."""
        stored = self._latest()
        if stored not in self.secrets:  # another process replaced it
            self._used.append(stored)
            return stored
        return self._used[-1] if self._used else stored

    def _assertion(self, url: str) -> str:
        """Return the signed JWT that is exchanged for a token (RFC 7523 section 2.1)."""
        from authlib.oauth2.rfc7523 import JWTBearerGrant

        settings = self._settings
        assertion: str = JWTBearerGrant.sign(
            self._key,
            issuer=settings.client_id,
            audience=settings.audience or url,
            subject=settings.subject,
            claims={"scope": settings.scope} if settings.scope else None,
            header={"kid": settings.key_id} if settings.key_id else None,
            alg=settings.algorithm,
        )
        return assertion

    async def _discover(self) -> str:
        """Return the token endpoint that the server's metadata name (RFC 8414 section 3).

        Many servers publish them only where OpenID Connect has them (section 5).
        """
        from authlib.oauth2.rfc8414 import get_well_known_url

        issuer = self._settings.issuer
        assert issuer is not None  # noqa: S101 - the settings have one of both
        answer = await self._send("GET", get_well_known_url(issuer, external=True), {}, None)
        if answer.status == 404:
            url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            answer = await self._send("GET", url, {}, None)
        metadata = received_object(answer.content) or {}
        endpoint = metadata.get("token_endpoint")
        if metadata.get("issuer") != issuer or not isinstance(endpoint, str):
            raise self._unavailable(answer, "its metadata name no token endpoint of this issuer")
        self._url = endpoint
        return endpoint

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> HttpResponse:
        """Send one request to the authorization server."""
        answer = await ask_for_token(self._options, method, url, headers, content)
        if answer.status >= 500 or answer.status in (408, 429):
            raise self._unavailable(answer, "")
        return answer

    def _token(self, answer: HttpResponse, url: str) -> AccessToken:
        body = received_object(answer.content) or {}
        text, kind = body.get("access_token"), body.get("token_type", "Bearer")
        if not isinstance(text, str) or not text or not all("!" <= one <= "~" for one in text):
            raise self._unavailable(answer, "there is no access_token in its answer")
        if not isinstance(kind, str) or kind.lower() not in ("bearer", "n_a"):
            host, named = urlsplit(url).hostname, one_line(str(kind), 40)
            raise TokenRefused(
                f"no token: {host} issues tokens of type {named}, but scimsync sends bearer tokens"
            )
        renewed = body.get("refresh_token")
        if "refresh_token" in self._secrets and isinstance(renewed, str):
            return AccessToken(text, _lifetime(body.get("expires_in")), self._noted(renewed))
        return AccessToken(text, _lifetime(body.get("expires_in")))

    def _refusal(self, answer: HttpResponse, url: str, proofs: Iterable[str]) -> str:
        """Return the server's explanation, without secrets (RFC 6749 section 5.2).

        `proofs` are those that the request contained.
        """
        body = received_object(answer.content) or {}
        said = [body.get("error"), body.get("error_description")]
        text = ": ".join(one for one in said if isinstance(one, str))
        text = redacted(text, map(secret_pattern, (*proofs, *self.secrets)))
        host = urlsplit(url).hostname
        detail = f" {one_line(text, MAX_DETAIL)}" if text else ""
        if body.get("error") == "invalid_grant" and "refresh_token" in self._secrets:
            detail = f"{detail}; {_GRANT_IS_LOST}"
        return f"no token: {host} answers {answer.status}{detail}"

    def _unavailable(self, answer: HttpResponse, what: str) -> NoResponse:
        host = urlsplit(self._url or self._settings.issuer or "").hostname
        why = what or f"it answers {answer.status}"
        return NoResponse(f"no token from {host}: {why}", may_have_had_effect=False)


async def ask_for_token(
    options: ConnectionOptions,
    method: str,
    url: str,
    headers: Mapping[str, str],
    content: bytes | None,
) -> HttpResponse:
    """Send one request to a server that issues tokens. Raise NoResponse."""
    from scimsync.transport.http import HttpConnection

    parts = urlsplit(url)
    host = parts.hostname or url
    try:
        connection = HttpConnection(
            f"{parts.scheme}://{parts.netloc}",
            user_agent=options.user_agent,
            timeout=options.timeout,
            verify=options.ssl_context(),
            proxy=options.proxy,
            max_connections=1,
        )
    except ValueError as error:
        raise NoResponse(f"no token: {host}: {error}", may_have_had_effect=False) from None
    target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    try:
        return await connection.send(method, target, headers=headers, content=content)
    except InvalidResponse as error:
        raise NoResponse(
            f"no token from {host}: {error.brief}", may_have_had_effect=False
        ) from error
    except RequestError as error:
        raise NoResponse(f"no token: {error}", may_have_had_effect=False) from error
    finally:
        await connection.aclose()


def _bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


class OAuth2Authenticator:
    """`Authorization: Bearer TOKEN` with a token that is valid now, for one origin only.

    The token is requested when it is first needed, again before it expires, and once after a
    response with status 401; concurrent requests wait for one new token. Once the server refuses
    one, it is not asked again: servers lock clients that come back with wrong credentials. `save`
    keeps a refresh token that the server has replaced. `clock` returns seconds. `header` makes the
    headers of requests from a token.
    """

    def __init__(
        self,
        endpoint: TokenSource,
        base_url: str,
        save: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        header: Callable[[str], Mapping[str, str]] = _bearer,
    ) -> None:
        self._endpoint = endpoint
        self._header = header
        self._origin = origin_of(base_url)
        self._save = save
        self._clock = clock
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]
        self._locks = WeakKeyDictionary()
        self._headers: Mapping[str, str] | None = None
        self._renew_at: float | None = None
        self._issued: list[str] = []
        self._refusal: str | None = None

    def __repr__(self) -> str:
        return "OAuth2Authenticator('***')"

    async def headers(self, url: str) -> Mapping[str, str]:
        """Return the Authorization header.

        Raise ForeignOriginError for another origin, and TokenRefused or NoResponse without a token.
        """
        check_origin(url, self._origin)
        if self._headers is None or self._is_due():
            async with self._lock():
                if self._headers is None or self._is_due():
                    await self._renew()
        assert self._headers is not None  # noqa: S101 - renewed
        return self._headers

    async def refresh(self, rejected: Mapping[str, str], /) -> bool:
        """Get another token to replace the one in `rejected`."""
        async with self._lock():
            if self._headers == rejected:
                await self._renew()
        return self._headers != rejected

    def redact(self, text: str) -> str:
        """Return `text` with `***` instead of each secret and token."""
        return redacted(text, map(secret_pattern, (*self._endpoint.secrets, *self._issued)))

    def _lock(self) -> asyncio.Lock:
        """Return the lock of this event loop: runs of a daemon have one each."""
        return self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    def _is_due(self) -> bool:
        return self._renew_at is not None and self._clock() >= self._renew_at

    async def _renew(self) -> None:
        if self._refusal is not None:
            raise TokenRefused(self._refusal)
        try:
            token = await self._endpoint.fetch()
        except TokenRefused as refused:
            self._refusal = str(refused)
            raise
        if token.refresh_token is not None:  # before anything else: the old one is used up
            await asyncio.to_thread(self._save, token.refresh_token)
        self._issued = [*self._issued[-1:], token.text]
        self._headers = self._header(token.text)
        self._renew_at = None
        if token.lifetime is not None:
            self._renew_at = self._clock() + token.lifetime - min(_MARGIN_S, token.lifetime / 4)


def _proofs(headers: Mapping[str, str], body: str) -> list[str]:
    """Return the proof of identity in a token request, such as a signed JWT."""
    fields = [value for name, value in parse_qsl(body) if name in _PROOFS]
    credentials = headers.get("Authorization", "").rpartition(" ")[2]
    return [*fields, *filter(None, [credentials])]


def _private_key(pem: str) -> Any:
    from authlib.oauth2.rfc7523.auth import ECKey, OKPKey, RSAKey

    for kind in (RSAKey, ECKey, OKPKey):
        try:
            return kind.import_key(pem)
        except Exception:  # noqa: S112 - each kind raises errors of its own
            continue
    raise BaseUrlError("private_key is not a private key in PEM, or it is encrypted")


def _lifetime(value: object) -> float | None:
    """Return `expires_in` in seconds; some servers write it as a text."""
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return seconds if 0 < seconds < 1e9 else None
