"""Turns what went wrong into a message, an exit code and, where a program reads along, a JSON
document."""

from __future__ import annotations

import sys
import traceback

import click
import orjson

from scimsync.cli.options import Common
from scimsync.cli.output import printable
from scimsync.errors import ScimsyncError, innermost


def report_failure(error: Exception) -> int:
    """Writes `error` to stderr and returns the exit code. A traceback is shown with --debug
    only."""
    options = _options()
    whole = error
    error = innermost(error)
    if isinstance(error, ScimsyncError):
        lines = str(error).splitlines()
        code, details, hint = error.exit_code, list(error.details), error.hint
    else:
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        lines = [f"unexpected error: {what}", "  this is a bug in scimsync; --debug shows where"]
        code, details, hint = 1, [], None
    if options.debug:
        traceback.print_exception(whole)
    click.secho(printable(lines[0]), fg="red", err=True)
    for line in lines[1:]:
        click.echo(printable(line), err=True)
    if options.as_json:
        document = {
            "error": {"message": lines[0], "details": details, "hint": hint},
            "exit_code": code,
        }
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    return code


def _options() -> Common:
    return _last if _last is not None else Common()


_last: Common | None = None


def remember(options: Common) -> None:
    """Keeps the options of the command that runs, for when it fails."""
    global _last  # noqa: PLW0603 - the one place that outlives click's context
    _last = options
