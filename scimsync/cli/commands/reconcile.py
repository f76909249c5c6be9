"""`scimsync reconcile`."""

from __future__ import annotations

import click

from scimsync.builtin import load
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.drift_report import drift_document, print_drift
from scimsync.cli.ui.output import Output, write_json
from scimsync.cli.ui.progress import progress
from scimsync.cli.ui.session import opened_state, this_moment
from scimsync.reconcile import Findings, ReadSettings, reconcile
from scimsync.run.compile import compile_config


@click.command()
@click.option("--exit-code", is_flag=True, help="Exit with code 6 if there is drift.")
@common_options_without("keys")
def command(options: CommonOptions, exit_code: bool) -> None:
    """Read the targets back, and show how they differ from what they acknowledged.

    Finds values and members that were changed by hand, accounts and groups that are gone, leavers
    who are active again, and accounts that no user is linked to. Targets are only read, and the
    sources are not.

    Exit codes: 0 done, 1 a target, or a part of it, cannot be read, 2 invalid usage or
    configuration, 6 there is drift (with --exit-code).
    """
    config = load(options.config)
    compiled = compile_config(config, options.targets, read=False)
    with opened_state(config, create=False) as store:
        settings = ReadSettings(compiled, store, this_moment(options), time=options.time)
        with progress(options) as report:
            found = reconcile(settings, report)
            findings = found.__enter__()
        try:
            if options.as_json:
                write_json(drift_document(findings))
            else:
                print_drift(Output(), findings, quiet=options.quiet)
        finally:
            found.__exit__(None, None, None)
        code = _exit_code(findings, tell=exit_code)
    raise click.exceptions.Exit(code)


def _exit_code(findings: Findings, *, tell: bool) -> int:
    """Return the exit code; with `tell`, 6 where there is drift."""
    return findings.exit_code or (6 if tell and findings.drifts else 0)
