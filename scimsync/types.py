"""The words that all stages share: keys, records, documents, problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType

Key = NewType("Key", str)
"""What names a record in its source (`[sources.NAME] key`), always text."""

RemoteId = NewType("RemoteId", str)
"""The `id` that a target gave to a resource (RFC 7643 section 3.1)."""

Seq = NewType("Seq", int)
"""Sequence number of a record's last change; one sequence for all sources of a state database."""

Value = Any
"""A JSON value as SCIM knows them: str, bool, int, float, or a list or dict of these. Never None,
never ""."""

Document = Mapping[str, Value]
"""Managed attributes of a resource: canonical path (`name.givenName`, `emails[type eq
"work"].value`) -> value."""


class Kind(StrEnum):
    """SCIM resource types that scimsync manages."""

    USER = "user"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a source as the snapshot holds it. `data` maps column names to JSON values; it is
    `too_deep` where they are nested so deeply that they cannot be read."""

    source: str
    key: Key
    data: Mapping[str, Any] = field(hash=False)
    seq: Seq = Seq(0)
    removed: bool = False
    too_deep: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a source that needs a person. `line` counts from 1, the header included; None
    where lines mean nothing."""

    source: str
    line: int | None
    key: str | None
    detail: str
