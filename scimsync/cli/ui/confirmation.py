"""Ask on the terminal before something is changed."""

from __future__ import annotations

import click

INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the number of SIGINT."""


def require_yes(question: str) -> None:
    """Ask a question, and return if the answer is yes.

    Otherwise say that nothing was changed, and raise Exit: with code 1, and 130 after Ctrl-C.
    """
    try:
        if click.confirm(question, err=True):
            return
        code = 1
    except click.Abort as abort:
        click.echo(err=True)
        code = INTERRUPTED if isinstance(abort.__context__, KeyboardInterrupt) else 1
    click.echo("cancelled: nothing was changed", err=True)
    raise click.exceptions.Exit(code)
