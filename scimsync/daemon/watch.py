"""Which sources have brought something new: files that changed and are complete.

Files are looked at again and again (`stat`), which also works where they come over a network. A
file is complete when it has stayed as it is for a while and, where the system can tell, nobody has
it open for writing.
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
    """`told` are the files that were last complete, `seen` those of the last look, the same `since`
    then; `changed` is when they first differed from `told`, `missing` since when there are none."""

    base_dir: Path
    patterns: Sequence[str]
    told: _Files | None = None
    seen: _Files | None = None
    since: datetime | None = None
    changed: datetime | None = None
    missing: datetime | None = None


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

    def take_over(self, before: Watch) -> None:
        """What another watch has seen of the same files counts on."""
        for name, watched in self._sources.items():
            old = before._sources.get(name)
            if old is not None and (old.base_dir, old.patterns) == (
                watched.base_dir,
                watched.patterns,
            ):
                self._sources[name] = old

    def look(self, now: datetime) -> list[str]:
        """The sources that have changed since they were last told, and are complete."""
        return [name for name, watched in self._sources.items() if self._is_complete(watched, now)]

    def _is_complete(self, watched: _Watched, now: datetime) -> bool:
        found = signatures(watched.base_dir, watched.patterns)
        if found != watched.seen or watched.since is None or watched.since > now:
            watched.seen, watched.since = found, now
        watched.missing = None if found else watched.missing or now
        if not found or found == watched.told:
            watched.changed = None
            return False
        watched.changed = min(watched.changed or now, now)
        if now - watched.since < self._quiet or any(self._is_written(path) for path in found):
            return False
        watched.told, watched.changed = found, None
        return True

    def unsettled_since(self, name: str) -> datetime | None:
        """Since when the files of a source have been others than those last told, without being
        complete."""
        watched = self._sources.get(name)
        return None if watched is None else watched.changed

    def missing(self, now: datetime, patience: timedelta) -> list[str]:
        """Sources that have had no file for longer than `patience`."""
        return [
            name
            for name, watched in self._sources.items()
            if watched.missing is not None and now - watched.missing > patience
        ]

    def settles_at(self, now: datetime) -> datetime | None:
        """When, after `now`, the first source may be complete; those that somebody writes are
        looked at as usual."""
        times = [
            one.since + self._quiet
            for one in self._sources.values()
            if one.changed is not None and one.since is not None
        ]
        return min((at for at in times if at > now), default=None)

    def changed_at(self) -> dict[str, datetime]:
        """Source -> when the newest of its files was last changed, as far as it has been looked
        at."""
        return {
            name: at
            for name, one in list(self._sources.items())
            if (at := newest(one.seen or {})) is not None
        }
