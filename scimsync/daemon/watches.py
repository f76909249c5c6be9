"""The files that the daemon watches: those of the sources, and sync.toml."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from scimsync.config.models import Config
from scimsync.config.notifications import Event
from scimsync.daemon.file_watch import FileWatch
from scimsync.daemon.notify import Finding, stale_findings
from scimsync.errors import ScimsyncError
from scimsync.run.compile import source_spec

_LOG = logging.getLogger("scimsync")

MISSING_AFTER = timedelta(minutes=1)
"""How long a file may be missing before an alert fires."""

_MISSING = ("The file is missing.", None, "Restore it; no account is removed until then.")


class Watches:
    """The watches of the sources of `settings`, and of the sync.toml at `path`.

    The files of sources that are `unchanged` are known to the state.
    """

    def __init__(self, settings: Config, path: Path, unchanged: Mapping[str, bool]) -> None:
        self._settings = settings
        self._path = path
        self.sources = _watch_sources(settings, unchanged)
        self.config = _watch_config(settings, path)

    def watch_config_again(self) -> None:
        """Take sync.toml as it is now for known."""
        self.config = _watch_config(self._settings, self._path)

    def continue_from(self, earlier: Watches) -> None:
        """Keep the observations of `earlier` watches for the same files."""
        self.sources.continue_from(earlier.sources)
        self.config.continue_from(earlier.config)

    def next_look(self, now: datetime) -> datetime | None:
        """Return when to look again before the usual interval is over."""
        looks = (self.config.next_look(now), self.sources.next_look(now))
        return min((at for at in looks if at is not None), default=None)

    def incomplete(self, now: datetime, longest: timedelta) -> set[str]:
        """Return the sources whose files are being written, for less than `longest`."""
        return {
            name
            for name in self._settings.sources
            if (since := self.sources.incomplete_since(name)) is not None and now - since < longest
        }

    def findings(self, now: datetime) -> list[Finding]:
        """Return findings about files that are missing, or have not changed for too long."""
        missing = [
            *(
                Finding(Event.SOURCE, name, *_MISSING)
                for name in self.sources.missing(now, MISSING_AFTER)
            ),
            *(
                Finding(Event.CONFIG, name, *_MISSING)
                for name in self.config.missing(now, MISSING_AFTER)
            ),
        ]
        return [*missing, *stale_findings(self._settings, self.sources.changed_at(), now)]


def _watch_sources(settings: Config, unchanged: Mapping[str, bool]) -> FileWatch:
    watch = FileWatch(settings.schedule.quiet)
    for name in settings.sources:
        spec = source_spec(settings, name)
        try:
            some = spec.watch()
        except ScimsyncError as error:
            _LOG.warning("%s: cannot watch its files: %s [SYNC-0802]", name, error.message)
            continue
        watch.add(name, spec.base_dir, some, known=unchanged.get(name, False))
    return watch


def _watch_config(settings: Config, path: Path) -> FileWatch:
    watch = FileWatch(settings.schedule.quiet)
    watch.add(path.name, path.parent, [path.name], known=True)
    return watch
