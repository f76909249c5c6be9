"""Echoes: attributes that a target shows otherwise than they were sent."""

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
    """The number of resources of a kind that show the attribute at `path` otherwise than sent.

    `key` and `echo` are those of one of them.
    """

    kind: Kind
    count: int
    key: str
    echo: Echo
