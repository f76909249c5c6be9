"""Open the connection to a target, as sync.toml describes it."""

from __future__ import annotations

from datetime import date

from scimsync.config.models import Config
from scimsync.config.secrets import SecretReader
from scimsync.errors import ConfigError
from scimsync.scim.messages import Client, ScimRequest, ScimResponse
from scimsync.transport.auth import Authenticator
from scimsync.transport.auth.connecting import connection_options
from scimsync.transport.auth.expiry import expiry_of
from scimsync.transport.connection_options import ConnectionOptions
from scimsync.transport.request_errors import BaseUrlError


def open_authenticator(config: Config, target: str) -> tuple[Authenticator, date | None]:
    """Return the authenticator of a target, after reading its secrets, and the day they expire.

    Raise SecretError if a secret is missing or cannot be used.
    """
    settings = config.targets[target]
    secret = SecretReader(config, settings.auth, "targets", target, "auth")
    options = options_of(config, target)
    try:
        authenticator = settings.auth.authenticator(settings.url, secret, options)
    except BaseUrlError as error:
        raise ConfigError(f"{config.where('targets', target)}: {error}", code="SYNC-0120") from None
    return authenticator, expiry_of(settings.auth, secret.read)


def options_of(config: Config, target: str) -> ConnectionOptions:
    """Return how the server of a target is reached."""
    settings = config.targets[target]
    return connection_options(settings.auth, config.base_dir, settings.timeout)


def open_client(
    config: Config, target: str, authenticator: Authenticator | None, max_connections: int
) -> Client:
    """Return a client for a target. Raise ConfigError for a URL that is not safe to use."""
    from scimsync.transport.http import HttpConnection

    options, settings = options_of(config, target), config.targets[target]
    try:
        connection = HttpConnection(
            settings.url,
            authenticator,
            user_agent=options.user_agent,
            timeout=options.timeout,
            verify=options.ssl_context(),
            proxy=options.proxy,
            max_connections=max_connections,
        )
    except ValueError as error:
        raise ConfigError(f"{config.where('targets', target)}: {error}", code="SYNC-0120") from None
    rate = settings.rate or config.registries.profiles[settings.profile]().rate
    return config.registries.target_types[settings.type].open(connection, rate)


class LazySender:
    """A `Sender` that connects with the first request, because most runs send none.

    Without an `authenticator` requests carry no secrets.
    """

    def __init__(
        self,
        config: Config,
        target: str,
        authenticator: Authenticator | None,
        max_connections: int,
    ) -> None:
        self._config = config
        self._target = target
        self._max_connections = max_connections
        self._authenticator = authenticator
        self._client: Client | None = None

    async def send(self, request: ScimRequest) -> ScimResponse:
        """Send `request` once; see `ScimClient.send`."""
        if self._client is None:
            self._client = open_client(
                self._config, self._target, self._authenticator, self._max_connections
            )
        return await self._client.send(request)

    async def aclose(self) -> None:
        """Close the connection, if there is one."""
        if self._client is not None:
            await self._client.aclose()
