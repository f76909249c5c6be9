"""Echoes: attributes that a target shows differently from what was sent."""

from __future__ import annotations

from dataclasses import dataclass

from scimsync.model.ids import Kind, Value


@dataclass(frozen=True, slots=True)
class Echo:
    """The target accepted `sent` for the attribute at `path`, and shows `shown`."""

    path: str
    sent: Value
    shown: Value


@dataclass(frozen=True, slots=True)
class EchoCount:
    """The number of resources of a kind that do not show the value that was sent at `path`.

    `key` and `echo` are those of one of them.
    """

    kind: Kind
    count: int
    key: str
    echo: Echo
