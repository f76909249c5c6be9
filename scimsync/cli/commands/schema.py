"""`scimsync schema`."""

from __future__ import annotations

import click

from scimsync.cli.options import Common, common_without


@click.command(short_help="print the JSON Schema of sync.toml")
@common_without("targets", "keys")
def command(options: Common) -> None:
    """Print the JSON Schema of sync.toml, for editors and for checks in pull requests.

    For example: scimsync schema > sync.schema.json, and a first line in sync.toml that reads
    "#:schema ./sync.schema.json".
    """
    from scimsync.cli.output import write_json
    from scimsync.cli.session import begin
    from scimsync.config.json_schema import json_schema

    begin(options)
    write_json(json_schema())
