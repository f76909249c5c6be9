"""What all ways to a receiver have in common: how a message is sent, and what it is when it cannot
be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from scimsync.daemon.notify.model import Message

T = TypeVar("T")


class Undeliverable(Exception):
    """A receiver did not get a message. `why` holds no secret and no URL.

    `retry_after_s` is what the receiver asks to wait. With `of_message` it is this message that was
    refused, and others may be taken.
    """

    def __init__(
        self, why: str, *, retry_after_s: float | None = None, of_message: bool = False
    ) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after_s = retry_after_s
        self.of_message = of_message


class Way(Protocol):
    """How a receiver is told."""

    async def send(self, notice_id: str, message: Message, now: datetime) -> None:
        """Sends `message` once. Raises Undeliverable."""

    async def aclose(self) -> None:
        """Ends connections."""


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` comes to, which may block. It runs in a thread that nobody waits for when time is
    up or the process ends."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(how: Callable[[], None]) -> None:
        if not future.done():
            how()

    def tell(how: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, how)

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            tell(partial(future.set_exception, error))
        else:
            tell(partial(future.set_result, result))

    threading.Thread(target=run, name="scimsync notify", daemon=True).start()
    return await future
