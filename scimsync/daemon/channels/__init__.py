"""Notification channels, by the key that chooses one in `[notify.to.NAME]`.

A new channel is a module with its settings model and its `Channel` (see `base`), and one line in
`CHANNELS`.
"""

from __future__ import annotations

from typing import Final

from scimsync.daemon.channels.apprise_services import AppriseReceiver
from scimsync.daemon.channels.channel import ChannelSettings
from scimsync.daemon.channels.webhook import WebhookReceiver
from scimsync.registry import Registry

CHANNELS: Final[Registry[type[ChannelSettings]]] = Registry(
    "notification channel",
    {
        "apprise": AppriseReceiver,
        "webhook": WebhookReceiver,
    },
)
