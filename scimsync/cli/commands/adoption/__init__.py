"""`scimsync adoption`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile

import click

from scimsync import __version__
from scimsync.adoption import AdoptionReport, examine
from scimsync.adoption.rows import AdoptionOutcome
from scimsync.builtin import load
from scimsync.cli.commands.adoption.adoption_csv import csv_rows
from scimsync.cli.commands.adoption.adoption_markdown import markdown_report
from scimsync.cli.commands.adoption.adoption_text import print_report
from scimsync.cli.commands.adoption.document import document_pieces
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.csv_text import csv_lines
from scimsync.cli.ui.error_report import print_target_errors, print_violation
from scimsync.cli.ui.output import Output
from scimsync.cli.ui.output_file import ReportFile, print_written
from scimsync.cli.ui.private_output import check_outputs, write_private
from scimsync.cli.ui.problems import problem_line
from scimsync.cli.ui.progress import progress
from scimsync.cli.ui.report_format import report_format
from scimsync.cli.ui.session import opened_state, this_moment
from scimsync.errors import GuardStop, combined_exit_code
from scimsync.run.compile import compile_config

_FORMATS = ("text", "markdown", "html", "csv", "json")

_BYTE_ORDER_MARK = "\ufeff"
"""Without it, Excel reads a CSV file in the encoding of the machine."""


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="Output format. (default: text, or by the extension of --out)",
)
@click.option(
    "--out",
    type=ReportFile(),
    metavar="FILE",
    help="Write the report to a file that only you can read.",
)
@common_options_without("keys")
def command(options: CommonOptions, form: str | None, out: Path | None) -> None:
    """Show how existing accounts match users, before the first push.

    For each target, the report shows which accounts a push would take over, which attribute they
    match by and how well, what the push would overwrite, which accounts it would create, and which
    accounts and groups it would leave alone. It suggests settings for sync.toml. The command only
    reads the targets, and stores nothing.

    With -v, the text report shows all rows.

    Exit codes: 0 done, 1 a source or a target cannot be reached, 2 invalid usage or configuration,
    3 a guard stopped a source, 4 some records or users cannot be evaluated.
    """
    form = report_format(options, form, out, _FORMATS)
    options = replace(options, as_json=form == "json")
    config = load(options.config)
    check_outputs(config, out)
    setup = compile_config(config, options.targets)
    now = this_moment(options)
    with opened_state(config, create=False) as store, progress(options) as shown:
        report = examine(setup, store, now, shown, options.time)
    facts = {
        "made": f"{now.time.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        "with": f"scimsync {__version__}",
        "from": options.config.name,
    }
    if out is None and form == "text":
        _print_text(Output(), report, detailed=options.verbose)
    elif out is None:
        sys.stdout.writelines(_pieces(report, form, facts))
        sys.stdout.flush()
    else:
        start = [_BYTE_ORDER_MARK] if form == "csv" else []
        pieces = chain(start, _pieces(report, form, facts))
        write_private(out, (piece.encode() for piece in pieces), config)
        print_written(options, out)
    _print_errors(report)
    raise click.exceptions.Exit(_exit_code(report))


def _pieces(report: AdoptionReport, form: str, facts: Mapping[str, str]) -> Iterator[str]:
    """Yield the pieces of a report; as text, it has all rows."""
    if form == "csv":
        yield from csv_lines(csv_rows(report))
    elif form == "json":
        yield from document_pieces(report)
    elif form == "markdown":
        yield from (f"{line}\n" for line in markdown_report(report))
    elif form == "html":
        from scimsync.cli.commands.adoption.adoption_html import html_report

        yield from html_report(report, facts)
    else:
        with TemporaryFile("w+", encoding="utf-8", newline="") as stream:
            _print_text(Output(stream), report, detailed=True)
            stream.seek(0)
            yield from stream


def _print_text(output: Output, report: AdoptionReport, *, detailed: bool) -> None:
    for number, target in enumerate(report.targets):
        if number:
            output.blank()
        print_report(output, target, detailed=detailed)


def _print_errors(report: AdoptionReport) -> None:
    """Print to stderr what could not be read, and which guards a first push would meet."""
    for problem in report.problems:
        click.secho(problem_line(problem), fg="yellow", err=True)
    errors = {target.name: target.error for target in report.targets}
    for violation in report.violations:
        whole = {*violation.stops} == errors.keys()
        print_violation(violation, "a push would be aborted", "nothing would be sent", whole=whole)
    print_target_errors(errors, "would be sent")


def _exit_code(report: AdoptionReport) -> int:
    codes = [target.error.exit_code for target in report.targets if target.error is not None]
    if any(isinstance(target.error, GuardStop) for target in report.targets):
        codes.append(GuardStop.exit_code)
    failed = any(target.users.counts().get(AdoptionOutcome.FAILED) for target in report.targets)
    if report.problems or failed:
        codes.append(4)
    return combined_exit_code(codes)
