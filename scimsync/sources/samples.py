"""What `scimsync init` sees of a source: its columns and some of its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scimsync.errors import ScimsyncError
from scimsync.sources.base import SourceSpec
from scimsync.sources.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Sample:
    """Column names in order, and rows as column -> value.

    A name that several columns have is there more than once, and has no values. Values are text for
    CSV, and typed for other sources. `encoding` is set for text that is neither UTF-8 nor marked.
    `header` is the first row of a CSV or TSV file as it is. `rejected` describes malformed rows of
    the whole file.
    """

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    encoding: str | None = None
    header: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()


def sample_source(spec: SourceSpec[Any], limit: int) -> Sample:
    """Return the columns and at most `limit` records of a source of any kind.

    Messages name the options without the name of a configuration file, since there is none yet.
    Raise SourceUnavailable, SourceFormatError, GuardStop (an empty source).
    """
    try:
        with Workspace() as workspace:
            rows = tuple(spec.open(workspace).first_records(limit))
    except ScimsyncError as error:
        message = error.message.removeprefix(spec.setting(""))
        raise type(error)(
            message, code=error.code, details=error.details, hint=error.hint
        ) from None
    return Sample(tuple(dict.fromkeys(name for row in rows for name in row)), rows)
