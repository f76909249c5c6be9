"""Compare the clock with the time of the last run, and report a doubt."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from scimsync.model.clock import doubt_of_gap
from scimsync.plan import Now

_LOG = logging.getLogger("scimsync")


def checked_clock(now: Now, last_run: datetime | None) -> Now:
    """Return `now`, with a doubt if it is far from the time of the last run."""
    doubt = doubt_of_gap(last_run, now.time)
    if doubt is not None:
        _LOG.warning(
            "%s; if the clock is right, ignore this; this run deletes no account that is due"
            " [SYNC-0420]",
            doubt.why,
        )
    return replace(now, doubt=doubt)
