"""Errors as a message on stderr, an exit code and, with --json, a document on stdout."""

from __future__ import annotations

import sys
import traceback

import click

from scimsync.cli.ui.options import CommonOptions
from scimsync.errors import ScimsyncError, innermost
from scimsync.formatting import printable


def report_error(error: Exception, options: CommonOptions) -> int:
    """Write `error` to stderr and return the exit code. Only --debug shows a traceback."""
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
        from scimsync.jsontext import json_text

        document = {
            "error": {"message": lines[0], "details": details, "hint": hint},
            "exit_code": code,
        }
        sys.stdout.write(json_text(document, indented=True) + "\n")
    return code
