"""Errors as a message on stderr, an exit code and, with --json, a document on stdout."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import click

from scimsync.cli.ui.common_options import CommonOptions
from scimsync.cli.ui.streams import OutputFailed
from scimsync.durations import format_relative
from scimsync.errors import SOURCE_ERRORS, GuardStop, ScimsyncError, innermost
from scimsync.formatting import plural, printable

if TYPE_CHECKING:
    from datetime import datetime

    from scimsync.model.links import AccessToRemove, Waiting
    from scimsync.plan import Violation


def report_error(error: Exception, options: CommonOptions) -> int:
    """Write `error` to stderr and return the exit code. Only --debug shows a traceback."""
    if options.debug:
        traceback.print_exception(error)
    known = _known(innermost(error))
    print_error(known)
    if options.as_json:
        from scimsync.cli.ui.output import write_json

        document = {
            "code": known.code,
            "message": known.message,
            "details": known.details,
            "hint": known.hint,
        }
        try:
            write_json({"error": document, "exit_code": known.exit_code})
        except OutputFailed as failed:  # the error itself is on stderr
            failed.drop_rest()
    return known.exit_code


def print_error(error: ScimsyncError) -> None:
    """Write the message and the code of `error` to stderr, with its details and hint below."""
    _print_message(error.message, error.code, error.remarks)


def print_violation(violation: Violation, what: str, outcome: str, *, whole: bool) -> None:
    """Write `aborted by guard.max_removals: …; nothing was sent [SYNC-0501]` to stderr.

    `what` and `outcome` are the first and the last words, and the targets follow unless it is
    about the `whole` run. A violation without a limit follows a colon: `aborted: hr.csv is empty`.
    """
    cause = " by" if violation.brief.startswith("guard.") else ":"
    stops = "" if whole else f" to {', '.join(violation.stops)}"
    text = f"{what}{cause} {violation.brief}; {outcome}{stops}"
    _print_message(text, violation.code, violation.remarks)


def print_target_errors(errors: Mapping[str, ScimsyncError | None], sent: str) -> None:
    """Write the errors of targets to stderr, those that several targets share once.

    Targets that a guard stopped are left out, because the violation names them. `sent` is "was
    sent" or the like.
    """
    shared: dict[int, tuple[ScimsyncError, list[str]]] = {}
    for name, error in errors.items():
        if error is not None and not isinstance(error, GuardStop):
            shared.setdefault(id(error), (error, []))[1].append(name)
    for error, names in shared.values():
        print_error(error)
        if isinstance(error, SOURCE_ERRORS):  # its message names no target
            click.echo(f"  nothing {sent} to {', '.join(names)}", err=True)


def print_access_to_remove(target: str, leavers: AccessToRemove) -> None:
    """Write to stderr which leavers may still have access at `target`, if any."""
    if leavers.count:
        who = plural(leavers.count, "leaver")
        _print_message(
            f"{target}: {who} may still have access: {leavers.named}",
            "SYNC-0372",
            ["for details: scimsync status; to retry now: scimsync retry"],
        )


def print_waiting(target: str, waiting: Waiting, now: datetime) -> None:
    """Write to stderr how many users and groups of earlier runs wait for another try, if any."""
    if waiting.count and waiting.next_try_at is not None:
        who = plural(
            waiting.count,
            "user or group that failed earlier is tried again",
            "users or groups that failed earlier are tried again, the first",
        )
        text = f"{target}: {who} {format_relative(waiting.next_try_at, now)}"
        remarks = ["for details: scimsync status; to retry users now: scimsync retry"]
        _print_message(text, "SYNC-0398", remarks, colour="yellow")


def _print_message(message: str, code: str, remarks: Iterable[str], colour: str = "red") -> None:
    click.secho(printable(message), fg=colour, err=True, nl=False)
    click.secho(f" [{code}]", dim=True, err=True)
    for remark in remarks:
        for line in remark.splitlines():
            click.echo(f"  {printable(line.strip())}", err=True)


def _known(error: Exception) -> ScimsyncError:
    if isinstance(error, ScimsyncError):
        return error
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return ScimsyncError(
        f"unexpected error: {what}",
        code="SYNC-0704",
        hint="this is a bug in scimsync; --debug prints the traceback",
    )
