"""`scimsync plan`."""

from __future__ import annotations

from pathlib import Path

import click

from scimsync.cli.options import Common, common


@click.command(short_help="show what a push would do and why")
@common
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    help="How to print it.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save it, for scimsync push FILE.",
)
@click.option(
    "--offline",
    is_flag=True,
    help="Do not contact targets; accounts that exist already are not looked for.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 6 where there is something to do.")
def command(options: Common, form: str, out: Path | None, offline: bool, exit_code: bool) -> None:
    """Show what a push would do and why. Sends nothing, stores nothing.

    Targets are only asked for accounts that exist already. Exit codes: 0, 1 a source or target
    cannot be reached, 2 configuration, 3 a guard would stop the push, 4 some people cannot be
    planned, 6 with --exit-code.
    """
    from dataclasses import replace

    from scimsync.cli.plans import exit_code_of, save_plan, write_plan
    from scimsync.cli.session import begin, load_config, opened_state, this_moment
    from scimsync.cli.talk import reporting
    from scimsync.model.ids import Key
    from scimsync.run.compile import compile_config
    from scimsync.run.prepare import Options
    from scimsync.run.push import plan

    form = "json" if options.as_json else form
    options = replace(options, as_json=form == "json")
    begin(options)
    config = load_config(options)
    setup = compile_config(config, options.targets)
    keys = tuple(Key(key) for key in options.keys)
    with opened_state(config, create=False) as store:
        with reporting(options) as report:
            planned = plan(setup, store, Options(keys=keys, offline=offline), this_moment(), report)
            prepared = planned.__enter__()
        try:
            write_plan(prepared, form)
            if out is not None:
                save_plan(prepared, out, options, config)
            code = exit_code_of(prepared, exit_code)
        finally:
            planned.__exit__(None, None, None)
    raise click.exceptions.Exit(code)
