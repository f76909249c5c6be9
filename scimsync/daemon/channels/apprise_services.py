"""Deliver over a service that Apprise knows. Needs the extra `notify`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import Field

from scimsync import __version__
from scimsync.config.notifications import Event
from scimsync.daemon.channels.channel import (
    Channel,
    ChannelSettings,
    DeliveryFailed,
    run_in_thread,
)
from scimsync.settings import SecretReference

if TYPE_CHECKING:
    from scimsync.daemon.notify.alerting import Notification


class AppriseReceiver(ChannelSettings):
    """`[notify.to.NAME]`: a receiver that gets messages over a service that Apprise knows."""

    apprise: SecretReference = Field(
        description=(
            "Where the URL of a service is found, in the syntax of Apprise (mailto://…, slack://…):"
            " env:OPS_URL"
        ),
        examples=["env:OPS_URL"],
    )

    def open(self, secret: Callable[[str], str]) -> Channel:
        """Return the channel to the service."""
        return AppriseChannel(secret("apprise"))


class AppriseChannel:
    """The services at `url`, in the syntax of Apprise. Raises DeliveryFailed."""

    def __init__(self, url: str) -> None:
        try:
            import apprise
        except ImportError:
            raise DeliveryFailed(
                "apprise is not installed; install it with: pip install 'scimsync[notify]'"
            ) from None

        logging.getLogger("apprise").disabled = True  # it logs parts of URLs, which are secrets

        class Asset(apprise.AppriseAsset):
            """An asset that stores nothing on disk (no `storage_path`) and starts no threads.

            The process would wait for threads when it ends.
            """

            app_id = "scimsync"
            app_desc = f"scimsync {__version__}"
            app_url = ""
            async_mode = False
            _service_timeout = 0.0

        self._services = apprise.Apprise(asset=Asset())
        if not self._services.add(url) or not len(self._services):
            raise DeliveryFailed(
                "apprise: Apprise does not understand the URL (not shown here), or a package for"
                " it is missing"
            )

    async def send(self, notification_id: str, notification: Notification, now: datetime) -> None:  # noqa: ARG002 - services know no ids
        """Send once. Raise DeliveryFailed."""
        await run_in_thread(lambda: self._send(notification))

    async def aclose(self) -> None:
        """There is nothing to close."""

    def _send(self, notification: Notification) -> None:
        import apprise

        if notification.began is None:
            kind = apprise.NotifyType.INFO
        elif not notification.began:
            kind = apprise.NotifyType.SUCCESS
        elif notification.event is Event.ERROR:
            kind = apprise.NotifyType.FAILURE
        else:
            kind = apprise.NotifyType.WARNING
        if not self._services.notify(
            title=notification.title,
            body=notification.body,
            notify_type=kind,
            body_format=apprise.NotifyFormat.TEXT,
            interpret_escapes=False,
        ):
            names = sorted({str(one.service_name) for one in self._services})
            raise DeliveryFailed(f"{', '.join(names)} did not accept it")
