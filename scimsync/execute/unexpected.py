"""Errors that nobody foresaw: they are bugs, and one person's or one target's trouble, not
everybody's."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

from scimsync.errors import ScimsyncError, innermost

_LOG = logging.getLogger("scimsync")
_PACKAGE = Path(__file__).parents[1]


def report_unexpected(target: str, error: Exception) -> ScimsyncError:
    """What people are told of `error`, which came up at `target`; raises it again where it is meant
    for them as it is.

    Neither says what the error says: that may name people. The log at the level of --verbose has
    the whole way to it."""
    error = innermost(error)
    if isinstance(error, ScimsyncError):
        raise error
    for line in traceback.format_tb(error.__traceback__):
        for one in line.splitlines():
            _LOG.debug("%s", one)
    return ScimsyncError(
        f"{target}: unexpected error: {type(error).__name__}{_place(error)}; this is a bug in"
        " scimsync",
        hint=(
            "please report it; what went well before it is kept, the next push tries the rest again"
        ),
    )


def _place(error: Exception) -> str:
    """The line of scimsync that the error came from, or through."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if _PACKAGE in Path(frame.filename).parents
    ]
    return (
        f" in {Path(ours[-1].filename).relative_to(_PACKAGE.parent)}, line {ours[-1].lineno}"
        if ours
        else ""
    )
