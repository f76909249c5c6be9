"""Warn about the file of a saved plan."""

from __future__ import annotations

import click

from scimsync.errors import coded
from scimsync.formatting import printable
from scimsync.plan.saved import SavedPlan


def warn_without_digest(saved: SavedPlan | None, *, quiet: bool) -> None:
    """Print a warning if scimsync cannot detect changes to the file of a saved plan."""
    if saved is None or saved.has_digest or quiet:
        return
    text = (
        f"{saved.name}: saved by an earlier version of scimsync, without a digest: changes to the"
        " file since then cannot be detected; if in doubt, make the plan again"
    )
    click.secho(printable(coded(text, "SYNC-0919")), fg="yellow", err=True)
