"""The interface of a sender that sends several requests together."""

from __future__ import annotations

from typing import Protocol

from scimsync.scim.messages import Sender


class Collector(Sender, Protocol):
    """A sender that collects requests and sends them together (`scimsync.targets.bulk_sender`).

    `unusable` is why later runs should not do so.
    """

    unusable: str | None

    @property
    def capacity(self) -> int | None:
        """The number of requests to have under way, or None if each is sent alone."""
