"""Credentials that a server must refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from scimsync.transport.auth import Authenticator

_WRONG: Final = "scimsync-probe-wrong-token"


class WrongCredentials:
    """An authenticator that sends the headers of `right` with a wrong secret in each."""

    def __init__(self, right: Authenticator) -> None:
        self._right = right

    async def headers(self, url: str) -> Mapping[str, str]:
        """Return the same headers with a secret that is wrong, after the same first word."""
        return {
            name: f"{value.split(' ')[0]} {_WRONG}" if " " in value else _WRONG
            for name, value in (await self._right.headers(url)).items()
        }

    async def refresh(self, _rejected: Mapping[str, str], /) -> bool:
        """Return False: they are to be refused."""
        return False

    def redact(self, text: str) -> str:
        """Return `text` with `***` instead of the right secrets."""
        return self._right.redact(text)
