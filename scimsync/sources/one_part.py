"""What sources share whose records come from one place and are read once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Generic

from scimsync.errors import GuardStop
from scimsync.sources.base import RowId, RowLocation, S, SourceSpec


class OnePartSource(Generic[S]):
    """The parts of a `Source` that do not depend on how its records are read.

    `selection` is the filter that records have to match, if there is one.
    """

    def __init__(self, spec: SourceSpec[S], label: str, selection: str | None = None) -> None:
        self.spec = spec
        self.label = label
        self._selection = selection

    @property
    def part_labels(self) -> Sequence[str]:
        """There is one part: the source."""
        return (self.label,)

    @property
    def pattern_files(self) -> Sequence[str]:
        """There are no files."""
        return ()

    def fingerprint(self) -> str | None:
        """Return None: only reading all records shows whether they changed."""
        return None

    def locate(self, rows: Collection[RowId]) -> Mapping[RowId, RowLocation]:
        """Return the number of each record in the order in which they arrived."""
        return {(part, row): RowLocation(self.label, None, row) for part, row in rows}

    def ensure_unchanged(self) -> None:
        """Do nothing: the data cannot change."""

    def empty(self) -> GuardStop:
        """Return the error for a source without records."""
        return GuardStop(
            f"{self.label} is empty"
            if self._selection is None
            else f"{self.label} has nothing that matches filter: {self._selection}",
            code="SYNC-0505",
            hint="nothing is sent for an empty source",
        )
