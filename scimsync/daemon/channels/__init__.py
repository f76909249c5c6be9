"""Notification channels, by the key that chooses one in `[notify.to.NAME]`.

A new channel is a module with its settings model and its `Channel` (see `base`), and one line in
`CHANNELS`.
"""

from __future__ import annotations

from typing import Final

from scimsync.daemon.channels.channel import ChannelSettings
from scimsync.registry import Imported, Registry

CHANNELS: Final[Registry[type[ChannelSettings]]] = Registry(
    "notification channel",
    Imported(
        {
            "apprise": "scimsync.daemon.channels.apprise_services:AppriseReceiver",
            "webhook": "scimsync.daemon.channels.webhook:WebhookReceiver",
        }
    ),
)
