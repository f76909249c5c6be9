"""`scimsync diff`."""

from __future__ import annotations

from pathlib import Path

import click

from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.output import write_json
from scimsync.cli.ui.saved_plan import warn_without_digest
from scimsync.plan.plan_diff import plan_diff
from scimsync.plan.plan_file import read_plan
from scimsync.plan.render.plan_comparison import diff_document, text_diff


@click.command()
@click.argument("old", type=click.Path(path_type=Path), metavar="OLD")
@click.argument("new", type=click.Path(path_type=Path), metavar="NEW")
@click.option("--exit-code", is_flag=True, help="Exit with code 6 if the plans differ.")
@common_options_without("targets", "keys")
def command(options: CommonOptions, old: Path, new: Path, exit_code: bool) -> None:
    """Show how two plans differ.

    OLD and NEW are files of plan --out, or the output of plan --json. Two plans are the same if
    they would change the same values by the same requests; reasons and the order of operations do
    not matter.

    Exit codes: 0 done, 2 a file has no plan, 6 the plans differ (with --exit-code).
    """
    plans = read_plan(old), read_plan(new)
    for plan in plans:
        warn_without_digest(plan.saved, quiet=options.quiet)
    targets = plan_diff(*plans)
    if options.as_json:
        write_json(diff_document(str(old), str(new), targets))
    elif not options.quiet:
        is_clear = old.name != new.name
        text_diff(old.name if is_clear else str(old), new.name if is_clear else str(new), targets)
    if exit_code and any(target.differs for target in targets):
        raise click.exceptions.Exit(6)
