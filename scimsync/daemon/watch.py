"""Which sources have brought something new: files that changed and are complete.

Files are looked at again and again (`stat`), which also works where they come over a network. A file is complete when it has
stayed as it is for a while and, where the system can tell, nobody has it open for writing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from scimsync.sources import has_writer, newest, signatures
from scimsync.sources.files import Signature

_Files = Mapping[Path, Signature]


@dataclass(slots=True)
class _Watched:
    base_dir: Path
    patterns: Sequence[str]
    told: _Files | None = None
    seen: _Files | None = None
    since: datetime | None = None


class Watch:
    """The files of some sources. `quiet` is how long they have to stay as they are."""

    def __init__(self, quiet: timedelta, is_written: Callable[[Path], bool] = has_writer) -> None:
        self._quiet = quiet
        self._is_written = is_written
        self._sources: dict[str, _Watched] = {}

    def add(self, name: str, base_dir: Path, patterns: Sequence[str], *, known: bool) -> None:
        """Watches a source. Where its files are `known`, only what changes from now on counts."""
        watched = _Watched(base_dir, patterns)
        if known:
            watched.told = signatures(base_dir, patterns)
        self._sources[name] = watched

    def look(self, now: datetime) -> list[str]:
        """The sources that have changed since they were last told, and are complete."""
        return [name for name, watched in self._sources.items() if self._is_complete(watched, now)]

    def _is_complete(self, watched: _Watched, now: datetime) -> bool:
        found = signatures(watched.base_dir, watched.patterns)
        if found != watched.seen or watched.since is None or watched.since > now:
            watched.seen, watched.since = found, now
        if not found or found == watched.told or now - watched.since < self._quiet:
            return False
        if any(self._is_written(path) for path in found):
            return False
        watched.told = found
        return True

    def unsettled_since(self, name: str) -> datetime | None:
        """Since when the files of a source are as they are, where they have changed and are not complete yet."""
        watched = self._sources.get(name)
        if watched is None or not watched.seen or watched.seen == watched.told:
            return None
        return watched.since

    def settles_at(self) -> datetime | None:
        """When the first source may be complete."""
        times = [since + self._quiet for name in self._sources if (since := self.unsettled_since(name)) is not None]
        return min(times, default=None)

    def changed_at(self) -> dict[str, datetime]:
        """Source -> when the newest of its files was last changed, as far as it has been looked at."""
        return {name: at for name, watched in self._sources.items() if (at := newest(watched.seen or {})) is not None}
