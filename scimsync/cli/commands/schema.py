"""`scimsync schema`."""

from __future__ import annotations

import click

from scimsync.builtin import BUILTIN
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.output import write_json
from scimsync.config.json_schema import json_schema


@click.command()
@common_options_without("targets", "keys")
def command(options: CommonOptions) -> None:  # noqa: ARG001 - --json changes nothing
    """Print the JSON Schema of sync.toml, for editors and for checks in pull requests.

    For example: scimsync schema > sync.schema.json, with "#:schema ./sync.schema.json" as the first
    line of sync.toml.
    """
    write_json(json_schema(BUILTIN))
