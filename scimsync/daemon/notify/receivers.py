"""Open the channels of the receivers in sync.toml."""

from __future__ import annotations

from typing import cast

from scimsync.config.models import Config
from scimsync.config.secrets import resolve
from scimsync.daemon.channels.channel import Channel, ChannelSettings, DeliveryFailed
from scimsync.errors import ConfigError


def open_channel(config: Config, name: str) -> Channel:
    """Return the channel of the receiver `name`; send nothing.

    May block while a secret is read (`cmd:`). Raise DeliveryFailed.
    """
    receiver = cast(ChannelSettings, config.notify.to[name])

    def secret(option: str) -> str:
        try:
            return resolve(getattr(receiver, option), config.base_dir, option)
        except ConfigError as error:
            raise DeliveryFailed(error.message) from None

    return receiver.open(secret)


def check_receivers(config: Config) -> list[tuple[str, str | None]]:
    """Return each receiver with the problem that prevents deliveries, such as a missing secret.

    The problem is None if there is none. Nothing is sent.
    """
    return [(name, _problem(config, name)) for name in config.notify.to]


def _problem(config: Config, name: str) -> str | None:
    try:
        open_channel(config, name)
    except DeliveryFailed as error:
        return error.why
    return None
