"""Observers of requests, such as metrics."""

from __future__ import annotations

from typing import Protocol


class Observer(Protocol):
    """A function that is called after each request, from the thread that sends.

    `status` is that of the response, or None if there was none. `seconds` is its duration.
    """

    def __call__(self, target: str, method: str, status: int | None, seconds: float) -> None: ...


def ignore(target: str, method: str, status: int | None, seconds: float) -> None:
    """Observe nothing."""
