"""The interface of destinations that take Security Event Tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class EventToken:
    """A signed token about an operation; `jti` is the same for each attempt."""

    operation_id: int
    jti: str
    compact: bytes


@dataclass(slots=True)
class Delivery:
    """What became of some tokens, by their operations.

    `refused` maps those that the destination does not take, though it may take others, to the
    reason. `failure` is why it takes none now. The reasons contain no secret and no personal data.
    `retry_after_s` is the delay in seconds that it asks for.
    """

    delivered: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    failure: str | None = None
    retry_after_s: float | None = None


class Destination(Protocol):
    """Takes tokens. `batch` is how many it takes at a time, and `keeps_order` whether in order."""

    batch: int
    keeps_order: bool

    def deliver(self, tokens: Sequence[EventToken]) -> Delivery:
        """Deliver tokens, and return what became of them."""

    def close(self) -> None:
        """Close connections."""
