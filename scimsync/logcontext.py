"""Add the current run and operation to each log record.

They are bound where the work is done.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PERSONAL = 5
"""The level below DEBUG of lines with personal data; only written if asked for."""

logging.addLevelName(PERSONAL, "TRACE")  # as uvicorn calls the same number

_RUN: ContextVar[int | None] = ContextVar("scimsync_run", default=None)
_OPERATION: ContextVar[int | None] = ContextVar("scimsync_operation", default=None)


@contextmanager
def in_run(run: int) -> Iterator[None]:
    """Lines within the block, and of the tasks and threads that it starts, belong to `run`."""
    token = _RUN.set(run)
    try:
        yield
    finally:
        _RUN.reset(token)


@contextmanager
def in_operation(operation: int) -> Iterator[None]:
    """Lines within the block belong to an operation of the journal."""
    token = _OPERATION.set(operation)
    try:
        yield
    finally:
        _OPERATION.reset(token)


class WithIds(logging.Filter):
    """Gives records the ids `run` and `operation`, where there are any."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets everything through."""
        for name, variable in (("run", _RUN), ("operation", _OPERATION)):
            if (value := variable.get()) is not None:
                setattr(record, name, value)
        return True
