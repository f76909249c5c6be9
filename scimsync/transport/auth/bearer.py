"""How a request proves who sends it: a bearer token (RFC 6750), given to one origin only."""

from __future__ import annotations

import html.entities
import re
from collections.abc import Generator

import httpx2

from scimsync.transport.errors import BaseUrlError, ForeignOriginError


def origin_of(url: httpx2.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port, the default port as None (RFC 6454)."""
    return url.scheme, url.host, url.port


class BearerAuth(httpx2.Auth):
    """Sends `Authorization: Bearer TOKEN` to the origin of `base_url` and nowhere else; shows the
    token to nobody.

    Raises BaseUrlError for a token that no header can carry, such as one with a line break at its
    end.
    """

    def __init__(self, token: str, base_url: str) -> None:
        if not token or not all("!" <= character <= "~" for character in token):
            raise BaseUrlError(
                "the bearer token is empty or holds spaces, line breaks or characters outside ASCII"
            )
        self._shown_token = _pattern(token)
        self._header = f"Bearer {token}"
        self._origin = origin_of(httpx2.URL(base_url))

    def __repr__(self) -> str:
        scheme, host, port = self._origin
        return f"BearerAuth('***', '{scheme}://{host}{f':{port}' if port else ''}')"

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Add the header. Raises ForeignOriginError for a request to another origin."""
        if origin_of(request.url) != self._origin:
            raise ForeignOriginError(f"the token is not meant for {request.url.host}")
        request.headers["Authorization"] = self._header
        yield request

    def redact(self, text: str) -> str:
        """`text` without the token, which a service provider may repeat in what it answers."""
        return self._shown_token.sub("***", text)


def _pattern(token: str) -> re.Pattern[str]:
    """The token as it is, and as JSON, HTML and URLs may write the characters in it that are
    neither letters nor digits."""
    return re.compile("".join(map(_ways, token)))


def _ways(character: str) -> str:
    """A pattern of all ways to write a character."""
    plain, code = re.escape(character), ord(character)
    if character.isalnum():
        return plain
    named = [f"&{name}" for name, entity in html.entities.html5.items() if entity == character]
    others = [
        rf"\\{plain}",
        rf"\\u{code:04x}",
        f"&#x0*{code:x};",
        f"&#0*{code};",
        f"%{code:02x}",
        *named,
    ]
    return f"(?:{plain}|(?i:{'|'.join(others)}))"
