"""Looking at the files of a source without reading them: which there are, whether they changed,
whether somebody writes one."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from scimsync.errors import ScimsyncError
from scimsync.sources.duck import Workspace
from scimsync.sources.files import Signature, matches, signature
from scimsync.sources.query import parse
from scimsync.sources.spec import FileSpec

_LATEST_S = 250_000_000_000
"""Seconds after 1970 of the latest time that Python has; some years are left."""


def patterns(spec: FileSpec) -> tuple[str, ...]:
    """The paths and globs of which a source is made. Raises SourceFormatError for a query that is
    none."""
    if spec.query is None:
        return (spec.path,)
    with Workspace() as workspace:
        return tuple(parse(spec, workspace)[1])


def signatures(base_dir: Path, some: Sequence[str]) -> Mapping[Path, Signature]:
    """The files that there are of some patterns, each with what changes when it is written or
    replaced."""
    found: dict[Path, Signature] = {}
    for pattern in some:
        for path in matches(base_dir, pattern):
            try:
                found[path] = signature(path.stat())
            except OSError:
                continue
    return found


def changed_at(spec: FileSpec) -> datetime | None:
    """When the newest file of a source was last changed; None where there is none."""
    try:
        found = signatures(spec.base_dir, patterns(spec))
    except ScimsyncError:
        return None
    return newest(found)


def newest(found: Mapping[Path, Signature]) -> datetime | None:
    """When the newest of some files was last changed; a file may bear any time."""
    return _moment(max(one[3] for one in found.values())) if found else None


def touched_since(spec: FileSpec, moment: datetime) -> bool:
    """Whether a file of a source was written, replaced, or renamed into place after `moment`,
    whatever time it bears."""
    try:
        found = signatures(spec.base_dir, patterns(spec))
    except ScimsyncError:
        return False
    return any(_moment(one[4]) > moment for one in found.values())


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(min(max(nanoseconds / 1e9, 0), _LATEST_S), UTC)


def has_writer(path: Path) -> bool:
    """Whether some process has the file open for writing, as far as the system tells.

    Linux grants a lease for reading only on a file that nobody has open for writing (fcntl(2),
    F_SETLEASE), only to its owner or to root, and not on network file systems. Where it cannot be
    asked the answer is no.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # who opens the file for writing meanwhile waits, and this process gets a signal: one that
        # does nothing by default
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
