"""`scimsync demo`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="a SCIM server on loopback and a made-up company: day one, day two")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help=(
        "Work in this folder, which must be empty or not there yet, instead of a new temporary one."
    ),
)
def command(folder: Path | None) -> None:
    """Show scimsync at work: a SCIM server on loopback and a made-up company, day one and day two.

    Nothing leaves this machine. The server is stopped at the end, the folder stays: look around in
    it, and delete it.
    """
    from scimsync.cli.demonstration import tell

    tell(folder)
