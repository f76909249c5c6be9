"""How a request proves who sends it: a bearer token (RFC 6750), given to one origin only."""

from __future__ import annotations

from collections.abc import Generator

import httpx2

from scimsync.scim.errors import BaseUrlError, ScimError


def origin_of(url: httpx2.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port, the default port as None (RFC 6454)."""
    return url.scheme, url.host, url.port


class BearerAuth(httpx2.Auth):
    """Sends `Authorization: Bearer TOKEN` to the origin of `base_url` and nowhere else; shows the token to nobody.

    Raises BaseUrlError for a token that no header can carry, such as one with a line break at its end.
    """

    def __init__(self, token: str, base_url: str) -> None:
        if not token or not all("!" <= character <= "~" for character in token):
            raise BaseUrlError("the bearer token is empty or holds spaces, line breaks or characters outside ASCII")
        self._token = token
        self._header = f"Bearer {token}"
        self._origin = origin_of(httpx2.URL(base_url))

    def __repr__(self) -> str:
        scheme, host, port = self._origin
        return f"BearerAuth('***', '{scheme}://{host}{f':{port}' if port else ''}')"

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Add the header. Raises ScimError for a request to another origin."""
        if origin_of(request.url) != self._origin:
            raise ScimError(f"the token is not meant for {request.url.host}")
        request.headers["Authorization"] = self._header
        yield request

    def redact(self, text: str) -> str:
        """`text` without the token, which a service provider may repeat in what it answers."""
        return text.replace(self._token, "***")
