"""Who is told of each request that a run sends: for metrics, which count requests and how long
their answers took."""

from __future__ import annotations

from typing import Protocol


class Observer(Protocol):
    """Called after each request, from the thread that sends. `status` is that of the answer, None
    where none came; `seconds` is how long that took."""

    def __call__(self, target: str, method: str, status: int | None, seconds: float) -> None: ...


def ignore(target: str, method: str, status: int | None, seconds: float) -> None:
    """Looks away."""
