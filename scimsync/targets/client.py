"""Connections to targets: the token is read at once, the HTTP library only when there is something
to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scimsync import __version__
from scimsync.config import secrets
from scimsync.config.models import Config
from scimsync.errors import ConfigError
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.transport.errors import BaseUrlError

if TYPE_CHECKING:
    from scimsync.scim.client import ScimClient


def read_token(config: Config, target: str) -> str:
    """Return the token of a target. Raises ConfigError where it is missing."""
    where = config.where("targets", target, "auth", "token")
    return secrets.resolve(config.targets[target].auth.token, config.base_dir, where)


def open_client(config: Config, target: str, token: str | None, concurrency: int) -> ScimClient:
    """Return a client for a target, with at most `concurrency` connections.

    Raises ConfigError for a token or a URL that is not safe to use.
    """
    from scimsync.scim.client import ScimClient
    from scimsync.transport.auth.bearer import BearerAuth

    settings = config.targets[target]
    try:
        return ScimClient(
            settings.url,
            None if token is None else BearerAuth(token, settings.url),
            user_agent=f"scimsync/{__version__}",
            timeout=settings.timeout,
            max_connections=concurrency,
        )
    except BaseUrlError as error:
        raise ConfigError(f"{config.where('targets', target)}: {error}") from None


class LazySender:
    """A `Sender` that opens its client with the first request: most runs have nothing to send.

    Raises ConfigError at once where the token is missing. Without `read_secret` it sends none.
    """

    def __init__(self, config: Config, target: str, concurrency: int, *, read_secret: bool) -> None:
        self._config = config
        self._target = target
        self._concurrency = concurrency
        self._token = read_token(config, target) if read_secret else None
        self._client: ScimClient | None = None

    async def send(self, request: ScimRequest) -> ScimResponse:
        """Sends `request` once; see `ScimClient.send`."""
        if self._client is None:
            self._client = open_client(self._config, self._target, self._token, self._concurrency)
        return await self._client.send(request)

    async def aclose(self) -> None:
        """Ends the connections, if there are any."""
        if self._client is not None:
            await self._client.aclose()
