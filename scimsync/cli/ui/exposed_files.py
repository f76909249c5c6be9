"""Find files with personal data that other users of this machine may read."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from scimsync.config.models import Config
from scimsync.snapshot.index import index_path
from scimsync.sources.kept_read import BEGINNING
from scimsync.state.sqlite import file_of

_MOST_FILES = 1000
"""The number of files in a folder that are checked by their first bytes."""

_BEGINNINGS = (
    b'{"format":"scimsync-state"',  # scimsync state export
    b'{"saved": {"scimsync_plan"',  # scimsync plan --out
    b'{"operations": [',  # scimsync journal --json
    BEGINNING,
)

_READABLE = stat.S_IRGRP | stat.S_IROTH


def exposed_files(config: Config) -> list[Path]:
    """Return the files of the state that their group or all users may read, in order.

    They are the database with its logs and copies, the index files, and exports, journals, saved
    plans, and kept reads in the folders of sync.toml and of the state.
    """
    found = {path: None for path in _candidates(config) if _is_readable_by_others(path)}
    return sorted(found)


def exposure_text(files: Sequence[Path]) -> str:
    """Return what is wrong with exposed files, in one line."""
    names = ", ".join(str(path) for path in files)
    return f"readable by other users, and may contain personal data: {names}"


def exposure_hint(files: Sequence[Path]) -> str:
    """Return the command that makes exposed files private."""
    from shlex import quote

    return f"run chmod 600 {' '.join(quote(str(path)) for path in files)}"


def _candidates(config: Config) -> Iterator[Path]:
    if config.state_url.startswith("sqlite:"):
        database = file_of(config.state_url, config.base_dir)
        # scimsync.db, scimsync.db-wal, scimsync.db.0005.backup, and copies that users make
        yield from database.parent.glob(f"{glob.escape(database.name)}*")
    for name in config.sources:
        yield index_path(config.state_dir, name)
    for folder in {config.base_dir.absolute(), config.state_dir.absolute()}:
        for path in _readable_files(folder):
            if _begins_like_ours(path):
                yield path


def _readable_files(folder: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            for entry in islice(entries, _MOST_FILES):
                if _is_readable_by_others(Path(entry.path)):
                    yield Path(entry.path)
    except OSError:
        return


def _is_readable_by_others(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & _READABLE)


def _begins_like_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(max(map(len, _BEGINNINGS))).startswith(_BEGINNINGS)
    except OSError:
        return False
