"""The interface of notification channels.

The registry imports the modules of all channels, so these import libraries that take long to load
inside of functions.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from scimsync.config.notifications import Receiver

if TYPE_CHECKING:
    from scimsync.daemon.notify.alerting import Notification

TIMEOUT_S = 10.0
"""The longest that the delivery of one notification may take."""

T = TypeVar("T")


class DeliveryFailed(Exception):
    """A receiver did not get a notification. `why` contains no secret and no URL.

    `retry_after_s` is the delay that the receiver requests. With `of_message`, the receiver refused
    this notification, and may accept others.
    """

    def __init__(
        self, why: str, *, retry_after_s: float | None = None, of_message: bool = False
    ) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after_s = retry_after_s
        self.of_message = of_message


class Channel(Protocol):
    """Delivers to one receiver."""

    async def send(self, notification_id: str, notification: Notification, now: datetime) -> None:
        """Send once; `notification_id` is the same for all attempts. Raise DeliveryFailed."""

    async def aclose(self) -> None:
        """Close connections."""


class ChannelSettings(Receiver):
    """The base class of the settings models of `[notify.to.NAME]`, one for each channel.

    A subclass has a field with the name of its channel.
    """

    @abstractmethod
    def open(self, secret: Callable[[str], str]) -> Channel:
        """Return the channel; send nothing.

        `secret` returns the value that the reference under an option refers to, and raises
        DeliveryFailed for one that is missing. Raise DeliveryFailed for a channel that cannot be
        used.
        """


async def run_in_thread(work: Callable[[], T]) -> T:
    """Return the result of `work`, which may block.

    Its thread is abandoned if the caller is cancelled or the process ends.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def resolve(setter: Callable[[], None]) -> None:
        if not future.done():
            setter()

    def call_in_loop(setter: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(resolve, setter)

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            call_in_loop(partial(future.set_exception, error))
        else:
            call_in_loop(partial(future.set_result, result))

    threading.Thread(target=run, name="scimsync notify", daemon=True).start()
    return await future
