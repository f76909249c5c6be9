"""Whether sync.toml has changed since it was read."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from scimsync.sources import signatures


class ConfigFile:
    """The file at `path`. One that is being written, or is missing for a moment, has not changed
    yet."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.look()

    def look(self) -> None:
        """It is read now: only what changes after this counts."""
        self._known = self._seen = signatures(self.path.parent, [self.path.name])
        self._since: datetime | None = None

    def has_changed(self, now: datetime, quiet: timedelta) -> bool:
        """Whether it is another than the one read, and has been so for `quiet`."""
        found = signatures(self.path.parent, [self.path.name])
        if found != self._seen or (self._since is not None and self._since > now):
            self._seen, self._since = found, now
        if not found or found == self._known:
            return False
        return self._since is not None and now - self._since >= quiet

    def is_missing(self, now: datetime, patience: timedelta) -> bool:
        """Whether it has not been there for longer than `patience`."""
        return not self._seen and self._since is not None and now - self._since > patience

    def settles_at(self, now: datetime, quiet: timedelta) -> datetime | None:
        """When it may be read anew, after `now`; None where it has not changed."""
        if self._since is None or self._seen == self._known or self._since + quiet <= now:
            return None
        return self._since + quiet
