"""What is said about the file of a saved plan."""

from __future__ import annotations

import click

from scimsync.errors import coded
from scimsync.formatting import printable
from scimsync.plan.saved import SavedPlan


def warn_without_digest(saved: SavedPlan | None, *, quiet: bool) -> None:
    """Print a warning if changes of the file of a saved plan would not be noticed."""
    if saved is None or saved.has_digest or quiet:
        return
    text = (
        f"{saved.name}: saved by an earlier version of scimsync, without a digest: if the file was"
        " changed since, what it shows may not be what a push would do"
    )
    click.secho(printable(coded(text, "SYNC-0919")), fg="yellow", err=True)
