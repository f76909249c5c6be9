"""Delivers over a service that Apprise knows. Needs the extra `notify`."""

from __future__ import annotations

import logging
from datetime import datetime

import apprise

from scimsync import __version__
from scimsync.config.notifications import Event
from scimsync.daemon.notify.alerting import Notification
from scimsync.daemon.notify.channel import DeliveryFailed, run_in_thread

# it logs parts of URLs, which are secrets
logging.getLogger("apprise").disabled = True


class _Asset(apprise.AppriseAsset):
    """Stores nothing on disk (no `storage_path`), and starts no threads, because the process would
    wait for them at its end."""

    app_id = "scimsync"
    app_desc = f"scimsync {__version__}"
    app_url = ""
    async_mode = False
    _service_timeout = 0.0


class AppriseChannel:
    """The services at `url`, in the syntax of Apprise. Raises DeliveryFailed."""

    def __init__(self, url: str) -> None:
        self._services = apprise.Apprise(asset=_Asset())
        if not self._services.add(url) or not len(self._services):
            raise DeliveryFailed(
                "apprise: Apprise does not understand the URL (not shown here), or a package for"
                " it is missing"
            )

    async def send(self, notification_id: str, notification: Notification, now: datetime) -> None:  # noqa: ARG002 - services know no ids
        """Send once. Raises DeliveryFailed."""
        await run_in_thread(lambda: self._send(notification))

    async def aclose(self) -> None:
        """There is nothing to close."""

    def _send(self, notification: Notification) -> None:
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
