"""Connections to targets: the token is read at once, the HTTP library only when there is something
to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scimsync import __version__
from scimsync.config import secrets
from scimsync.config.models import Config
from scimsync.errors import ConfigError
from scimsync.execute.settings import TargetSetup
from scimsync.scim.errors import BaseUrlError
from scimsync.scim.messages import Answer, Request

if TYPE_CHECKING:
    from scimsync.scim.client import ScimClient


def read_token(config: Config, target: TargetSetup) -> str:
    """The token of a target. Raises ConfigError where it is missing."""
    where = config.where("targets", target.name, "auth", "token")
    return secrets.resolve(target.config.auth.token, config.base_dir, where)


def open_client(config: Config, target: TargetSetup, token: str | None) -> ScimClient:
    """The client of a target. Raises ConfigError for a token or a URL that is not safe to use."""
    from scimsync.scim.auth import BearerAuth
    from scimsync.scim.client import ScimClient

    try:
        return ScimClient(
            target.config.url,
            None if token is None else BearerAuth(token, target.config.url),
            user_agent=f"scimsync/{__version__}",
            timeout=target.config.timeout,
            max_connections=target.concurrency,
        )
    except BaseUrlError as error:
        raise ConfigError(f"{config.where('targets', target.name)}: {error}") from None


class LateClient:
    """A `Sender` that opens its client with the first request: most runs have nothing to send.

    Raises ConfigError at once where the token is missing. Without `read_secret` it sends none.
    """

    def __init__(self, config: Config, target: TargetSetup, *, read_secret: bool) -> None:
        self._config = config
        self._target = target
        self._token = read_token(config, target) if read_secret else None
        self._client: ScimClient | None = None

    async def send(self, request: Request) -> Answer:
        """Sends `request` once; see `ScimClient.send`."""
        if self._client is None:
            self._client = open_client(self._config, self._target, self._token)
        return await self._client.send(request)

    async def aclose(self) -> None:
        """Ends the connections, if there are any."""
        if self._client is not None:
            await self._client.aclose()
