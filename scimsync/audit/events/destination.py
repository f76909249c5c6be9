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
    """The result of a delivery, by operation.

    `refused` maps tokens that the destination refuses, although it may accept others, to the
    reason. `failure` is the reason why it accepts none now. Reasons contain no secrets and no
    personal data. `retry_after_s` is the delay in seconds that the destination requests.
    """

    delivered: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    failure: str | None = None
    retry_after_s: float | None = None


class Destination(Protocol):
    """Accepts up to `batch` tokens at a time; `keeps_order` if it keeps their order."""

    batch: int
    keeps_order: bool

    def deliver(self, tokens: Sequence[EventToken]) -> Delivery:
        """Deliver tokens, and return the result."""

    def close(self) -> None:
        """Close connections."""
