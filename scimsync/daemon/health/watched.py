"""What the daemon tells about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether something is as it should be, and in which way; `detail` names no people."""

    ok: bool
    detail: str


class Watched(Protocol):
    """The daemon, as its server sees it. `alive` and `ready` are asked in the server's thread and
    have to answer from memory; `metrics` is asked in another, once at a time, and may read the
    state."""

    def alive(self) -> Condition:
        """Whether it still works; where it does not, starting it anew is what helps."""
        ...

    def ready(self) -> Condition:
        """Whether it does what it is there for."""
        ...

    def metrics(self) -> bytes:
        """Its figures in the text format of Prometheus."""
        ...
