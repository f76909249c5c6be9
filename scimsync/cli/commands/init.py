"""`scimsync init`."""

from __future__ import annotations

from pathlib import Path

import click

from scimsync.cli.options import Common, common_without


@click.command(short_help="write a sync.toml from a look at a file's columns")
@click.argument("file", required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write it; by default what -c names, or sync.toml.",
)
@click.option("--force", is_flag=True, help="Overwrite it if it is there.")
@common_without("targets", "keys")
def command(options: Common, file: str | None, out: Path | None, force: bool) -> None:
    """Write a sync.toml from a look at the columns of FILE and a few hundred of its rows.

    FILE is CSV, TSV, JSON, NDJSON or Parquet; without one, the only such file of this folder is
    taken. Nothing but sync.toml is written, and nothing is sent anywhere.
    """
    from scimsync.cli.first import look_at, only_file
    from scimsync.cli.first_text import first_document, print_first
    from scimsync.cli.output import write_json
    from scimsync.cli.session import begin

    begin(options)
    where = out or options.config
    first = look_at(file or only_file(Path()), where)
    first.write(overwrite=force)
    if options.as_json:
        write_json(first_document(first))
    elif options.verbosity >= 0:
        print_first(first)
