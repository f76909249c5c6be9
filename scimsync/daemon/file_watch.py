"""Detect files that have changed and are complete.

Files are polled with `stat`, which also works on network file systems. A file is complete when it
has not changed for a while and, if the system can tell, no process has it open for writing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from scimsync.sources import has_writer, newest, signatures
from scimsync.sources.watching import Signature

_Files = Mapping[Path, Signature]


@dataclass(slots=True)
class _WatchedFiles:
    """The observed state of the files of a source.

    `complete` are the files when they were last complete. `seen` are the files at the last check,
    which have not changed `since`. `changed` is the time when they first differed from `complete`,
    and `missing` the time since when there are none.
    """

    base_dir: Path
    patterns: Sequence[str]
    complete: _Files | None = None
    seen: _Files | None = None
    since: datetime | None = None
    changed: datetime | None = None
    missing: datetime | None = None


class FileWatch:
    """Watches sets of files by name. `quiet` is how long complete files have not changed."""

    def __init__(self, quiet: timedelta, is_written: Callable[[Path], bool] = has_writer) -> None:
        self._quiet = quiet
        self._is_written = is_written
        self._sets: dict[str, _WatchedFiles] = {}

    def add(self, name: str, base_dir: Path, patterns: Sequence[str], *, known: bool) -> None:
        """Watch files. If their current content is `known`, only later changes count."""
        files = _WatchedFiles(base_dir, patterns)
        if known:
            files.complete = files.seen = signatures(base_dir, patterns)
        self._sets[name] = files

    def continue_from(self, before: FileWatch) -> None:
        """Take over the facts about the same files from `before`."""
        for name, files in self._sets.items():
            old = before._sets.get(name)
            if old is not None and (old.base_dir, old.patterns) == (files.base_dir, files.patterns):
                self._sets[name] = old

    def look(self, now: datetime) -> list[str]:
        """Return the sets that have changed since they were last returned, and are complete."""
        return [name for name, files in self._sets.items() if self._is_complete(files, now)]

    def _is_complete(self, files: _WatchedFiles, now: datetime) -> bool:
        found = signatures(files.base_dir, files.patterns)
        if found != files.seen or files.since is None or files.since > now:
            files.seen, files.since = found, now
        files.missing = None if found else files.missing or now
        if not found or found == files.complete:
            files.changed = None
            return False
        files.changed = min(files.changed or now, now)
        if now - files.since < self._quiet or any(map(self._is_written, found)):
            return False
        files.complete, files.changed = found, None
        return True

    def incomplete_since(self, name: str) -> datetime | None:
        """Return since when the files of a set have changed without being complete, or None."""
        files = self._sets.get(name)
        return None if files is None else files.changed

    def missing(self, now: datetime, patience: timedelta) -> list[str]:
        """Return the sets of files that have been missing for longer than `patience`."""
        return [
            name
            for name, files in self._sets.items()
            if files.missing is not None and now - files.missing > patience
        ]

    def next_look(self, now: datetime) -> datetime | None:
        """Return when, after `now`, the first set may be complete, or None if none has changed."""
        times = [
            files.since + self._quiet
            for files in self._sets.values()
            if files.changed is not None and files.since is not None
        ]
        return min((at for at in times if at > now), default=None)

    def changed_at(self) -> dict[str, datetime]:
        """Return the time of the last change of each set that has files. Thread-safe."""
        return {
            name: at
            for name, files in list(self._sets.items())
            if (at := newest(files.seen or {})) is not None
        }
