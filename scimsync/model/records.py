"""Records of a source, and the problems found in a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scimsync.model.ids import Key, Seq


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a source, as the snapshot holds it.

    `data` maps column names to JSON values. `removed_at` is when the source no longer had the
    record. `too_deep` is set where these values are nested so
    deeply that they cannot be read.
    """

    source: str
    key: Key
    data: Mapping[str, Any] = field(hash=False)
    seq: Seq = Seq(0)
    removed_at: datetime | None = None
    too_deep: bool = False

    @property
    def removed(self) -> bool:
        """Whether the source no longer has the record."""
        return self.removed_at is not None


@dataclass(frozen=True, slots=True)
class SourceReading:
    """When a source was first read with a change of a record.

    `modified_at` is when the newest file of the source was last modified by then, None for a source
    without files.
    """

    read_at: datetime
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PatternFile:
    """One of the files that a pattern matched.

    `records` is the number of its records, None if it is unknown which records come from the file,
    as in a query. `keys` is a random sample of their keys, or all of them if they are few.
    """

    records: int | None
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnusableKeys:
    """The keys that the unusable rows of a source may be of.

    No usable row has such a key, unless `pick` would choose the unusable one. `whose_unknown`: the
    rows may be of any user that the source does not have.
    """

    keys: frozenset[str] = frozenset()
    whose_unknown: bool = False


NO_UNUSABLE_KEYS = UnusableKeys()
"""What a source without unusable rows has."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a source that an administrator has to correct.

    `line` counts from 1 and includes the header. It is None for formats without lines.
    """

    source: str
    line: int | None
    key: str | None
    detail: str

    @property
    def place(self) -> str:
        """Where in the source it is: `line 4 1003`, or nothing where that is unknown."""
        line = f"line {self.line}" if self.line is not None else ""
        return f"{line} {self.key or ''}".strip()

    @property
    def within_source(self) -> str:
        """`line 4 1003: has 5 fields where the header has 9`."""
        return f"{self.place}: {self.detail}" if self.place else self.detail
