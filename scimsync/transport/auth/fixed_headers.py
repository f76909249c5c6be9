"""Credentials that are the same headers in every request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scimsync.transport.auth.authenticator import check_origin, origin_of
from scimsync.transport.redaction import redacted, secret_pattern
from scimsync.transport.request_errors import BaseUrlError


class FixedHeaders:
    """The authenticator that sends `headers` to the origin of `base_url`, and to no other.

    `secrets` are the texts that messages must not show. `what` names the credentials in messages.
    Raise BaseUrlError for a value that a header cannot carry, such as one that ends with a line
    break.
    """

    def __init__(
        self, headers: Mapping[str, str], secrets: Sequence[str], base_url: str, what: str
    ) -> None:
        for value in headers.values():
            if not value.strip() or not all(" " <= character <= "~" for character in value):
                raise BaseUrlError(
                    f"{what} is empty or contains line breaks or characters outside ASCII"
                )
        self._headers = headers
        self._patterns = [secret_pattern(secret) for secret in secrets if secret]
        self._origin = origin_of(base_url)

    def __repr__(self) -> str:
        scheme, host, port = self._origin
        return f"{type(self).__name__}('***', '{scheme}://{host}{f':{port}' if port else ''}')"

    async def headers(self, url: str) -> Mapping[str, str]:
        """Return the headers. Raise ForeignOriginError for another origin."""
        check_origin(url, self._origin)
        return self._headers

    async def refresh(self, _rejected: Mapping[str, str], /) -> bool:
        """Return False: credentials that were rejected stay rejected."""
        return False

    def redact(self, text: str) -> str:
        """Return `text` with `***` instead of each secret."""
        return redacted(text, self._patterns)
