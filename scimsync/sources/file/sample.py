"""Read the columns and some rows of files about which nothing is known yet."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from scimsync.errors import ScimsyncError
from scimsync.sources.base import RejectedRows, SourceSpec
from scimsync.sources.file.content import unpacked
from scimsync.sources.file.find import File, find
from scimsync.sources.file.first_rows import first_rows
from scimsync.sources.file.guesses import likely_encodings, unmarked_utf_16
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.file.source import PathSource
from scimsync.sources.file.tabular import TabularReader
from scimsync.sources.samples import Sample
from scimsync.sources.workspace import Workspace

_CHUNK = 1 << 20
_START = 1 << 12
_NAME = "sample"


def sample(pattern: str, limit: int, headers: Sequence[str] | None = None) -> Sample:
    """Return the columns and at most `limit` rows of the files that a path or glob names.

    It is relative to the working directory. Rows that cannot be used are left out. `headers` are
    the names of the columns of a file without a header. Raise SourceUnavailable,
    SourceFormatError, GuardStop (a file of zero bytes).
    """
    settings = FileSettings.model_construct(
        type="file",
        path=pattern,
        key="",
        headers=None if headers is None else tuple(headers),
    )
    spec = SourceSpec(_NAME, settings, Path())
    try:
        with Workspace() as workspace:
            files = find(spec, pattern, "path")
            found_out = (_unmarked_encoding(spec, file, workspace) for file in files)
            encoding = next(filter(None, found_out), None)
            spec = replace(spec, settings=settings.model_copy(update={"encoding": encoding}))
            source = PathSource(spec, workspace)
            repeated = {column for reader in source.readers for column in reader.repeated()}
            columns = [column for column in source.all_columns() if column not in repeated]
            rejected = RejectedRows()
            rows = _rows(source, columns, limit, rejected) if columns else []
            first = source.readers[0]
            header = first.header.names if isinstance(first, TabularReader) else ()
    except ScimsyncError as error:  # there is no sync.toml yet that messages could refer to
        message = error.message
        for option in ("path", "encoding", "sheet"):
            message = message.removeprefix(f"{spec.setting(option)}: ")
        hint = error.hint
        if error.code == "SYNC-0234" and hint is not None:
            hint = hint.replace("sheet = ", "--set sheet=")
        raise type(error)(message, code=error.code, details=error.details, hint=hint) from None
    found = tuple(dict(zip(columns, row, strict=True)) for row in rows)
    bad = tuple(f"{row.location} {row.detail.partition(';')[0]}" for row in rejected.rows)
    return Sample((*columns, *sorted(repeated) * 2), found, encoding, header, bad)


def _unmarked_encoding(
    spec: SourceSpec[FileSettings], file: File, workspace: Workspace
) -> str | None:
    """Return the probable encoding of a text file that is neither UTF-8 nor marked."""
    if file.encoding != "utf-8":
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    with unpacked(spec, file, workspace, checked=False).open("rb") as stream:
        start = stream.read(_START)
        if (form := unmarked_utf_16(start)) is not None:
            return form
        stream.seek(0)
        while chunk := stream.read(_CHUNK):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                likely = likely_encodings(
                    error.object[error.object.rfind(b"\n", 0, error.start) + 1 :]
                )
                return next(iter(likely), None)
    return None


def _rows(
    source: PathSource, columns: Sequence[str], limit: int, rejected: RejectedRows
) -> list[list[Any]]:
    import duckdb

    if all(reader.is_reliable() for reader in source.readers):
        with suppress(duckdb.Error):
            return first_rows(source.workspace, source.parts(columns), len(columns), limit)
    # a careful reading identifies rows by their key, whichever column that is
    settings = source.spec.settings.model_copy(update={"key": columns[0]})
    careful = PathSource(replace(source.spec, settings=settings), source.workspace)
    try:
        return first_rows(careful.workspace, careful.parts(columns, rejected), len(columns), limit)
    except duckdb.Error as error:
        raise careful.explain(error) from None
