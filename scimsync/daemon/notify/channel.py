"""A channel delivers notifications to one receiver."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from scimsync.daemon.notify.alerting import Notification

T = TypeVar("T")


class DeliveryFailed(Exception):
    """A receiver did not get a notification. `why` contains no secret and no URL.

    `retry_after_s` is the delay that the receiver asks for. With `of_message`, the receiver refused
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
    """Override both methods in a new kind of channel, and add it to `channels.CHANNELS`."""

    async def send(self, notification_id: str, notification: Notification, now: datetime) -> None:
        """Send once; `notification_id` is the same for all attempts. Raises DeliveryFailed."""

    async def aclose(self) -> None:
        """Close connections."""


async def run_in_thread(work: Callable[[], T]) -> T:
    """Return the result of `work`, which may block. Its thread is abandoned if the caller is
    cancelled or the process ends."""
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
