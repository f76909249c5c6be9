"""Sources: where records come from. `columns` looks at a source, `sample` at one not known yet;
`snapshot.compare` reads it."""

from __future__ import annotations

from scimsync.sources.duck import Workspace
from scimsync.sources.sample import Sample, sample
from scimsync.sources.source import open_source
from scimsync.sources.spec import FileSpec
from scimsync.sources.watching import (
    changed_at,
    has_writer,
    newest,
    patterns,
    signatures,
    touched_since,
)

__all__ = [
    "FileSpec",
    "Sample",
    "changed_at",
    "columns",
    "has_writer",
    "newest",
    "patterns",
    "sample",
    "signatures",
    "touched_since",
]


def columns(spec: FileSpec) -> list[str]:
    """The names of the columns of `spec`, in the order of its files, the key among them. For CSV
    only headers are read.

    Raises SourceUnavailable (no such file, not readable), SourceFormatError (no key column, unknown
    format, a query that fails), GuardStop (an empty file).
    """
    with Workspace() as workspace:
        return open_source(spec, workspace).columns()
