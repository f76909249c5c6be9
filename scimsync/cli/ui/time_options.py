"""Times that options name."""

from __future__ import annotations

from datetime import datetime

import click

from scimsync.cli.ui.common_options import CommonOptions
from scimsync.durations import parse_past
from scimsync.errors import coded


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
