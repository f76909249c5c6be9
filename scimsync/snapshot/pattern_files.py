"""Find files of a pattern that are missing together with their records.

A file that is replaced by one of another name, as with exports whose name has a date, takes hardly
any records with it. A file that is lost takes most of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scimsync.model.records import PatternFile
from scimsync.snapshot.compare import Comparison


@dataclass(frozen=True, slots=True)
class LostFile:
    """A file that had `records`, of which about `gone` are in no file now.

    `is_there` is whether the file itself still exists, without any record. `records` is None if it
    is unknown.
    """

    name: str
    records: int | None
    gone: int
    is_there: bool

    def __str__(self) -> str:
        state = "has no record" if self.is_there else "is missing"
        if self.records is None:
            return f"{self.name} {state}"
        return f"{self.name} {state}, and {self.gone:,} of its {self.records:,} records with it"


def lost_files(before: Mapping[str, PatternFile], comparison: Comparison) -> list[LostFile]:
    """Return the files that are missing or came empty, and whose records are mostly gone.

    `before` are the files of the pattern at the last ingest.
    """
    if not comparison.gone:
        return []
    now = comparison.files
    found = []
    for name, file in before.items():
        if not file.records or not file.keys or (name in now and now[name].records != 0):
            continue
        gone = comparison.gone_among(file.keys)
        if 2 * gone > len(file.keys):
            number = round(file.records * gone / len(file.keys))
            found.append(LostFile(name, file.records, number, name in now))
    return found or _fewer_files(before, now)


def _fewer_files(
    before: Mapping[str, PatternFile], now: Mapping[str, PatternFile]
) -> list[LostFile]:
    """Return the missing files of a query, which no new files replaced."""
    missing = [name for name, file in before.items() if name not in now and file.records is None]
    if len(missing) <= len(now.keys() - before.keys()):
        return []
    return [LostFile(name, None, 0, is_there=False) for name in missing]
