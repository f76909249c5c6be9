"""The options that name a file to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scimsync.cli.ui.common_options import CommonOptions
from scimsync.errors import coded
from scimsync.formatting import printable

STDOUT = "-"
"""The name that stands for stdout on command lines."""


class OutputFile(click.Path):
    """The path of a file to write. `instead` is the advice for users who write `-`."""

    def __init__(self, instead: str) -> None:
        super().__init__(path_type=Path)
        self._instead = instead

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path. Fail for an empty path, and for `-`."""
        if str(value) in ("", STDOUT):
            self.fail(coded(f"name a file; {self._instead}", "SYNC-0920"), param, ctx)
        return super().convert(value, param, ctx)


class ReportFile(click.Path):
    """The path of a report to write; None for `-`, because reports go to stdout anyway."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or None for stdout."""
        return None if str(value) == STDOUT else super().convert(value, param, ctx)


metrics_file_option = click.option(
    "--metrics-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="Write metrics for the textfile collector of node_exporter.",
)


def print_written(options: CommonOptions, written: object) -> None:
    """Print to stderr what was written, unless `--quiet` asks for errors only."""
    if not options.quiet:
        click.echo(f"wrote {printable(written)}", err=True)
