"""The kinds of channels, and opening the channel of a receiver in sync.toml."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import SecretStr

from scimsync.config.models import Config
from scimsync.config.notifications import Receiver
from scimsync.config.secrets import resolve
from scimsync.daemon.notify.channel import Channel, DeliveryFailed
from scimsync.errors import ConfigError
from scimsync.registry import Registry

TIMEOUT_S = 10.0
"""The longest that the delivery of one notification may take."""

Resolve = Callable[[SecretStr, str], str]
"""Returns the secret that a reference names; the second argument is the key in sync.toml."""


def _open_webhook(receiver: Receiver, resolve_secret: Resolve) -> Channel:
    if receiver.webhook is None or receiver.secret is None:
        raise DeliveryFailed("neither apprise nor webhook and secret is set")
    from scimsync.daemon.notify.webhook_channel import WebhookChannel

    url = receiver.webhook.get_secret_value()
    if not url.startswith(("http:", "https:")):
        url = resolve_secret(receiver.webhook, "webhook")
    return WebhookChannel(url, resolve_secret(receiver.secret, "secret"), TIMEOUT_S)


def _open_apprise(receiver: Receiver, resolve_secret: Resolve) -> Channel:
    if receiver.apprise is None:
        raise DeliveryFailed("neither apprise nor webhook and secret is set")
    url = resolve_secret(receiver.apprise, "apprise")
    try:
        from scimsync.daemon.notify.apprise_channel import AppriseChannel
    except ImportError:
        raise DeliveryFailed(
            "apprise is not installed; install it with: pip install 'scimsync[notify]'"
        ) from None
    return AppriseChannel(url)


Open = Callable[[Receiver, Resolve], Channel]

CHANNELS: Registry[Open] = Registry(
    "notification channel", {"webhook": _open_webhook, "apprise": _open_apprise}
)
"""The key of `[notify.to.NAME]` that chooses a channel -> what opens it, or raises
DeliveryFailed."""


def open_channel(config: Config, name: str, channels: Registry[Open] = CHANNELS) -> Channel:
    """Return the channel of the receiver `name`; send nothing.

    May block while a secret is read (`cmd:`). Raises DeliveryFailed.
    """
    receiver = config.notify.to[name]

    def resolve_secret(reference: SecretStr, key: str) -> str:
        try:
            return resolve(reference, config.base_dir, key)
        except ConfigError as error:
            raise DeliveryFailed(error.message) from None

    kind = next(kind for kind in channels if getattr(receiver, kind, None) is not None)
    return channels[kind](receiver, resolve_secret)


def check_receivers(config: Config) -> list[tuple[str, str | None]]:
    """Return each receiver with the problem that prevents deliveries, such as a missing secret, or
    None. Nothing is sent."""
    return [(name, _problem(config, name)) for name in config.notify.to]


def _problem(config: Config, name: str) -> str | None:
    try:
        open_channel(config, name)
    except DeliveryFailed as error:
        return error.why
    return None
