"""Pins: what a revert has restored, and keeps until the sources ask for something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scimsync.model.ids import Key, Kind, Value

PinnedMember = tuple[Key, Kind, Key, bool]
"""Group, kind of the member, member, and whether it stays in the group."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A user or group at one target that stays as a revert has left it.

    `values` are the restored attributes by path, None for one that is absent; the others stay as
    the target acknowledged them. Before the resource is read for a refresh or a repair, they become
    `values` too, because the values read replace those acknowledged. `undone` is the run that was
    reverted. `asked` is the digest of what the sources and sync.toml asked for then: as soon as
    they ask for something else, the pin no longer has an effect. `since` is None until it is
    stored.
    """

    kind: Kind
    key: Key
    undone: int
    values: Mapping[str, Value | None] = field(default_factory=dict, hash=False)
    asked: str = ""
    since: datetime | None = None
