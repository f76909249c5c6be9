"""The progress of a run on stderr: bars on a terminal, log lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from scimsync.cli.ui.common_options import CommonOptions
from scimsync.cli.ui.log_setup import LOG
from scimsync.formatting import printable
from scimsync.run import Report

READING = "reading"
"""The step that is reported once when it begins and once when it ends."""


@contextmanager
def progress(options: CommonOptions) -> Iterator[Report]:
    """Yield the observer that a run reports to, as it suits stderr and the options."""
    plain = options.verbosity == 0 and options.log_format == "text" and not options.debug
    if sys.stderr.isatty() and plain:
        with _bars() as report:
            yield report
        return
    lines = _Lines()
    yield lines
    lines.end()


class _Lines:
    """Logs one line for each step that ended."""

    def __init__(self) -> None:
        self._steps: dict[str, tuple[str, int, float]] = {}

    def __call__(self, name: str, what: str, number: int, total: int | None = None) -> None:  # noqa: ARG002
        before = self._steps.get(name)
        if before is not None and before[0] != what:
            self._log(name)
            before = None
        done, began = (before[1], before[2]) if before is not None else (0, time.monotonic())
        self._steps[name] = (what, done + number, began)
        if what == READING and number:
            self._log(name)

    def end(self) -> None:
        for name in list(self._steps):
            self._log(name)

    def _log(self, name: str) -> None:
        what, number, began = self._steps.pop(name)
        seconds = time.monotonic() - began
        LOG.info(
            "%s: %s: %s in %.1f s",
            name,
            what,
            f"{number:,}",
            seconds,
            extra={"name_of": name, "what": what, "number": number, "seconds": round(seconds, 3)},
        )


@contextmanager
def _bars() -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[tuple[str, str], TaskID] = {}

        def report(name: str, what: str, number: int, total: int | None = None) -> None:
            if (name, what) not in tasks:
                tasks[name, what] = bars.add_task(printable(f"{name}: {what}"), total=total)
            bars.update(tasks[name, what], advance=number)

        yield report
