"""Look at files without reading them: which there are, whether they changed or are being written.

A source names the files that it is made of; see `SourceSpec.watch`.
"""

from __future__ import annotations

import fcntl
import glob
import os
import signal
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scimsync.errors import ScimsyncError
from scimsync.sources.base import SourceSpec

Signature = tuple[int, ...]
"""Device, inode, size in bytes, and the times of the last change of the bytes and of anything about
the file, in nanoseconds."""

_LATEST_S = 250_000_000_000
"""Some years before the latest time that Python can hold, in seconds after 1970."""


def matches(base_dir: Path, pattern: str) -> list[Path]:
    """Return the paths that `pattern` (a path or a glob, relative to `base_dir`) means, sorted.

    A path need not exist.
    """
    base = base_dir.absolute()
    if not is_glob(base, pattern):
        return [Path(os.path.normpath(base / pattern))]
    found = glob.glob(pattern, root_dir=base, recursive=True)  # noqa: PTH207 - absolute ones too
    return [
        path
        for path in map(Path, sorted(str(base / match) for match in found))
        if not path.is_dir()
    ]


def is_glob(base_dir: Path, pattern: str) -> bool:
    """Return whether `pattern` is a glob, and not the name of a file that looks like one."""
    whole = os.path.normpath(base_dir.absolute() / pattern)
    return glob.has_magic(pattern) and not os.path.lexists(whole)


def signature(status: os.stat_result) -> Signature:
    """Return what changes when a file is written or replaced."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def signatures(base_dir: Path, patterns: Sequence[str]) -> Mapping[Path, Signature]:
    """Return the files that exist of `patterns`, each with its signature."""
    found: dict[Path, Signature] = {}
    for pattern in patterns:
        for path in matches(base_dir, pattern):
            try:
                found[path] = signature(path.stat())
            except OSError:
                continue
    return found


def changed_at(spec: SourceSpec[Any]) -> datetime | None:
    """Return when the newest file of a source was last changed, None if there is no file."""
    return newest(_files(spec))


def newest(found: Mapping[Path, Signature]) -> datetime | None:
    """Return when the newest of some files was last changed, according to its timestamp."""
    return _moment(max(one[3] for one in found.values())) if found else None


def touched_since(spec: SourceSpec[Any], moment: datetime) -> bool:
    """Return whether a file of a source was written, replaced or moved after `moment`.

    Timestamps that were copied with a file do not matter.
    """
    return any(_moment(one[4]) > moment for one in _files(spec).values())


def _files(spec: SourceSpec[Any]) -> Mapping[Path, Signature]:
    try:
        return signatures(spec.base_dir, spec.watch())
    except ScimsyncError:  # a wrong query, which the next run reports
        return {}


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(min(max(nanoseconds / 1e9, 0), _LATEST_S), UTC)


def has_writer(path: Path) -> bool:
    """Return whether a process has the file open for writing, as far as the system shows it.

    Linux grants a lease for reading only on a file that no process has open for writing (fcntl(2),
    F_SETLEASE), only to its owner or to root, and not on network file systems. Where no lease can
    be had the answer is False.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # a process that opens the file for writing meanwhile has to wait, and this one gets a
        # signal: choose one that does nothing by default
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False
