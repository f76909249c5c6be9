"""Times that options name."""

from __future__ import annotations

from datetime import datetime

import click

from scimsync.cli.ui.combinations import refuse
from scimsync.cli.ui.common_options import CommonOptions
from scimsync.durations import parse_past
from scimsync.errors import coded


def past_period(
    since: str | None, until: str | None, options: CommonOptions
) -> tuple[datetime | None, datetime | None]:
    """Return the times that the values of `--since` and `--until` mean.

    Raise BadParameter if one means none, and UsageError if the period is empty.
    """
    begin, end = past_time("--since", since, options), past_time("--until", until, options)
    if begin is not None and end is not None and begin >= end:
        refuse("--until must be later than --since")
    return begin, end


def past_time(option: str, text: str | None, options: CommonOptions) -> datetime | None:
    """Return the time that `text`, the value of an option, means; None for None.

    Raise BadParameter if it means none.
    """
    time = None if text is None else parse_past(text, options.clock())
    if text is not None and time is None:
        raise click.BadParameter(
            coded("write 2026-11-24, 2026-11-24T10:00, or 30m, 3h, 2d, 1w", "SYNC-0903"),
            param_hint=option,
        )
    return time
