"""Ask on the terminal before something is changed."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the number of SIGINT."""

_ANSWERS = {"y": True, "yes": True, "n": False, "no": False, "": False}


def require_yes(question: str) -> None:
    """Ask a question, and return if the answer is yes.

    Otherwise say that nothing was changed, and raise Exit: with code 1, and 130 after Ctrl-C.
    """
    try:
        if _is_confirmed(question):
            return
        code = 1
    except KeyboardInterrupt:
        click.echo(err=True)
        code = INTERRUPTED
    click.echo("cancelled: nothing was changed", err=True)
    raise click.exceptions.Exit(code)


def _is_confirmed(question: str) -> bool:
    """Ask until there is an answer. The end of the input means no. Raise KeyboardInterrupt."""
    with _signals() as signals:
        while True:
            click.echo(f"{question} [y/N]: ", err=True, nl=False)
            line = _line(signals)
            if not line:
                click.echo(err=True)
                return False
            answer = _ANSWERS.get(line.strip().lower())
            if answer is not None:
                return answer
            click.echo("Error: answer y or n", err=True)


@contextmanager
def _signals() -> Iterator[int]:
    """Yield a descriptor that becomes readable with each signal.

    Without it, a signal that arrives after Python has checked for signals, but before it waits for
    a line, would be noticed only after that line.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)


def _line(signals: int) -> str:
    """Return the next line of stdin, empty at its end. Raise KeyboardInterrupt."""
    with suppress(OSError, ValueError):  # stdin has no descriptor
        stdin = sys.stdin.fileno()
        while True:
            ready, _, _ = select.select([stdin, signals], [], [])
            if stdin in ready:
                break
            os.read(signals, 64)  # of a signal that raised nothing
    return sys.stdin.readline()
