"""What a run says while it works: bars on a terminal, lines elsewhere, JSON lines for collectors.
All to stderr."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from scimsync.cli.options import Common
from scimsync.cli.output import printable
from scimsync.logcontext import PERSONAL, WithIds

LOG = logging.getLogger("scimsync")


READING = "reading"
"""What is told once when it begins and once when it is over."""


class Reporter(Protocol):
    """What runs are given to tell how far they are."""

    def __call__(self, name: str, what: str, number: int, total: int | None = None) -> None: ...


def set_up_logging(options: Common, *, times: bool = False) -> None:
    """Sends the logger `scimsync` to stderr: warnings with --quiet, requests with --verbose, what
    may name people with --debug.

    With `times` each line of text says when it was written, how grave it is, and which run it
    belongs to."""
    if options.debug:
        level = PERSONAL
    elif options.verbosity > 0:
        level = logging.DEBUG
    else:
        level = logging.WARNING if options.verbosity < 0 else logging.INFO
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(WithIds())
    handler.setFormatter(
        _json_formatter()
        if options.log_format == "json"
        else _LongFormatter()
        if times
        else _TextFormatter()
    )
    LOG.handlers[:] = [handler]
    LOG.setLevel(level)
    LOG.propagate = False


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(record.getMessage())


class _LongFormatter(logging.Formatter):
    """`2026-03-02 08:00:01 warning run 12 operation 345: …`, further lines indented."""

    def format(self, record: logging.LogRecord) -> str:
        first, *rest = record.getMessage().splitlines() or [""]
        when = f"{datetime.fromtimestamp(record.created).astimezone():%Y-%m-%d %H:%M:%S}"
        ids = [
            f"{name} {value}"
            for name in ("run", "operation")
            if (value := getattr(record, name, None)) is not None
        ]
        head = " ".join([when, record.levelname.lower(), *ids])
        return "\n".join(
            [f"{head}: {printable(first)}", *(f"  {printable(line)}" for line in rest)]
        )


def _json_formatter() -> logging.Formatter:
    import structlog

    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
        foreign_pre_chain=[structlog.stdlib.add_log_level],
    )


@contextmanager
def reporting(options: Common) -> Iterator[Reporter]:
    """A reporter that suits where stderr goes."""
    if (
        sys.stderr.isatty()
        and options.verbosity == 0
        and options.log_format == "text"
        and not options.debug
    ):
        with _bars() as report:
            yield report
        return
    lines = _Lines()
    yield lines
    lines.end()


class _Lines:
    """One line for each thing that was done."""

    def __init__(self) -> None:
        self._doing: dict[str, tuple[str, int, float]] = {}

    def __call__(self, name: str, what: str, number: int, total: int | None = None) -> None:  # noqa: ARG002
        before = self._doing.get(name)
        if before is not None and before[0] != what:
            self._say(name)
            before = None
        done, began = (before[1], before[2]) if before is not None else (0, time.monotonic())
        self._doing[name] = (what, done + number, began)
        if what == READING and number:
            self._say(name)

    def end(self) -> None:
        for name in list(self._doing):
            self._say(name)

    def _say(self, name: str) -> None:
        what, number, began = self._doing.pop(name)
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
def _bars() -> Iterator[Reporter]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
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
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks: dict[tuple[str, str], object] = {}

        def report(name: str, what: str, number: int, total: int | None = None) -> None:
            if (name, what) not in tasks:
                tasks[name, what] = progress.add_task(printable(f"{name}: {what}"), total=total)
            progress.update(tasks[name, what], advance=number)  # type: ignore[arg-type]

        yield report
