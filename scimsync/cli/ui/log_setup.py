"""Where the log goes: to stderr, as text for people or as JSON lines for collectors."""

from __future__ import annotations

import logging
import sys
from datetime import datetime

from scimsync.formatting import printable
from scimsync.logcontext import PERSONAL, WithIds

LOG = logging.getLogger("scimsync")


def set_up_logging(
    verbosity: int = 0, *, debug: bool = False, log_format: str = "text", times: bool = False
) -> None:
    """Send the logger `scimsync` to stderr, as text or as lines of JSON.

    It writes warnings only where `verbosity` is negative, requests as well where it is positive,
    and lines that may name people with `debug`. With `times`, each line of text begins with its
    time, its level and its run.
    """
    if debug:
        level = PERSONAL
    elif verbosity > 0:
        level = logging.DEBUG
    else:
        level = logging.WARNING if verbosity < 0 else logging.INFO
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(WithIds())
    if log_format == "json":
        handler.setFormatter(_json_formatter())
    else:
        handler.setFormatter(_TimedFormatter() if times else _TextFormatter())
    LOG.handlers[:] = [handler]
    LOG.setLevel(level)
    LOG.propagate = False


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(record.getMessage())


class _TimedFormatter(logging.Formatter):
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
