"""Sends a message over one of the services that Apprise knows. Imported where it is used: it needs
the extra `notify`."""

from __future__ import annotations

import logging

import apprise

from scimsync import __version__
from scimsync.config.notifications import Event
from scimsync.daemon.notify.model import Message
from scimsync.daemon.notify.way import Undeliverable

# what it says repeats parts of URLs, which are secrets
logging.getLogger("apprise").disabled = True


class _Asset(apprise.AppriseAsset):
    """How scimsync calls itself. Nothing is kept on disk (no `storage_path`), and nothing runs in
    threads of Apprise's own: these would be waited for at the end of the process."""

    app_id = "scimsync"
    app_desc = f"scimsync {__version__}"
    app_url = ""
    async_mode = False
    _service_timeout = 0.0


def service(url: str) -> apprise.Apprise:
    """The services at `url`, as Apprise writes it. Raises Undeliverable."""
    found = apprise.Apprise(asset=_Asset())
    if not found.add(url) or not len(found):
        raise Undeliverable(
            "apprise: this is not a URL that Apprise understands, or a package for it is missing"
            " (it is not shown here)"
        )
    return found


def tell(found: apprise.Apprise, message: Message) -> None:
    """Sends `message`, which may take long. Raises Undeliverable."""
    kind = apprise.NotifyType.SUCCESS if message.began is False else apprise.NotifyType.INFO
    if message.began:
        kind = (
            apprise.NotifyType.FAILURE
            if message.event is Event.ERROR
            else apprise.NotifyType.WARNING
        )
    if not found.notify(
        title=message.title,
        body=message.body,
        notify_type=kind,
        body_format=apprise.NotifyFormat.TEXT,
        interpret_escapes=False,
    ):
        names = sorted({str(one.service_name) for one in found})
        raise Undeliverable(f"{', '.join(names)} did not take it")
