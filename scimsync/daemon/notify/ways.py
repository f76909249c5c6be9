"""From a receiver of sync.toml to the way in which it is told: secrets are read, URLs looked at,
nothing is sent."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import SecretStr

from scimsync.config.models import Config
from scimsync.config.secrets import resolve
from scimsync.daemon.notify.model import Message
from scimsync.daemon.notify.way import Undeliverable, Way, in_thread
from scimsync.errors import ConfigError

if TYPE_CHECKING:
    import apprise

TIMEOUT_S = 10.0
"""The longest that one message may take."""


class _Service:
    def __init__(self, found: apprise.Apprise) -> None:
        self._found = found

    async def send(self, notice_id: str, message: Message, now: datetime) -> None:  # noqa: ARG002 - services know no ids
        from scimsync.daemon.notify.services import tell

        await in_thread(lambda: tell(self._found, message))

    async def aclose(self) -> None:
        pass


def open_way(config: Config, name: str) -> Way:
    """The way to the receiver called `name`. May block for as long as a secret takes (`cmd:`).
    Raises Undeliverable."""
    receiver = config.notify.to[name]
    if receiver.webhook is not None and receiver.secret is not None:
        from scimsync.daemon.notify.webhook import Webhook

        return Webhook(
            _url(config, receiver.webhook), _resolved(config, receiver.secret, "secret"), TIMEOUT_S
        )
    if receiver.apprise is None:
        raise Undeliverable("it has neither apprise nor webhook and secret")
    url = _resolved(config, receiver.apprise, "apprise")
    try:
        from scimsync.daemon.notify.services import service
    except ImportError:
        raise Undeliverable(
            "apprise is not installed; pip install 'scimsync[notify]' brings it"
        ) from None
    return _Service(service(url))


def check_receivers(config: Config) -> list[tuple[str, str | None]]:
    """Each receiver of sync.toml, and what keeps it from being told: a secret that is missing, a
    URL that cannot be used; None where nothing is known. Nothing is sent."""
    return [(name, _trouble(config, name)) for name in config.notify.to]


def _trouble(config: Config, name: str) -> str | None:
    try:
        open_way(config, name)
    except Undeliverable as error:
        return error.why
    return None


def _url(config: Config, webhook: SecretStr) -> str:
    written = webhook.get_secret_value()
    return (
        written
        if written.startswith(("http:", "https:"))
        else _resolved(config, webhook, "webhook")
    )


def _resolved(config: Config, reference: SecretStr, what: str) -> str:
    try:
        return resolve(reference, config.base_dir, what)
    except ConfigError as error:
        raise Undeliverable(error.message) from None
