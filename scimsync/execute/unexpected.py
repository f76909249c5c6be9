"""Report unexpected errors: bugs that affect one operation or target, but not the whole run."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

from scimsync.errors import ScimsyncError, innermost

_LOG = logging.getLogger("scimsync")
_PACKAGE = Path(__file__).parents[1]


def report_unexpected(target: str, error: Exception) -> ScimsyncError:
    """Return the error to report for `error`, which occurred at `target`.

    Raise `error` itself if it is meant for people. Leave out the text of any other error, since it
    may name people. Log the traceback at the level of --verbose.
    """
    error = innermost(error)
    if isinstance(error, ScimsyncError):
        raise error
    for entry in traceback.format_tb(error.__traceback__):
        for line in entry.splitlines():
            _LOG.debug("%s", line)
    name = type(error).__name__
    return ScimsyncError(
        f"{target}: unexpected error: {name}{_place(error)}; this is a bug in scimsync",
        hint="please report it; what was done before it is kept, and the next push does the rest",
        code="SYNC-0704",
    )


def _place(error: Exception) -> str:
    """Return the innermost line of scimsync in the traceback."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if _PACKAGE in Path(frame.filename).parents
    ]
    if not ours:
        return ""
    file = Path(ours[-1].filename).relative_to(_PACKAGE.parent)
    return f" in {file}, line {ours[-1].lineno}"
