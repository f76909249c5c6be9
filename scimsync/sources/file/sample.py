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
from scimsync.sources.file.delimited import DelimitedReader
from scimsync.sources.file.find import FORMATS
from scimsync.sources.file.first_rows import first_rows
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.file.source import PathSource
from scimsync.sources.samples import Sample
from scimsync.sources.watching import matches
from scimsync.sources.workspace import Workspace

_CHUNK = 1 << 20
_START = 1 << 12
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_NAME = "sample"


def sample(pattern: str, limit: int, headers: Sequence[str] | None = None) -> Sample:
    """Return the columns and at most `limit` rows of the files that a path or glob names.

    It is relative to the working directory. Rows that cannot be used are left out. `headers` are
    the names of the columns of a file without a header. Raise SourceUnavailable,
    SourceFormatError, GuardStop (a file of zero bytes).
    """
    encoding = next(filter(None, map(_unmarked_encoding, matches(Path(), pattern))), None)
    settings = FileSettings.model_construct(
        type="file",
        path=pattern,
        key="",
        encoding=encoding,
        headers=None if headers is None else tuple(headers),
    )
    spec = SourceSpec(_NAME, settings, Path())
    try:
        with Workspace() as workspace:
            source = PathSource(spec, workspace)
            repeated = {column for reader in source.readers for column in reader.repeated()}
            columns = [column for column in source.all_columns() if column not in repeated]
            rejected = RejectedRows()
            rows = _rows(source, columns, limit, rejected) if columns else []
            first = source.readers[0]
            header = first.header.names if isinstance(first, DelimitedReader) else ()
    except ScimsyncError as error:  # there is no sync.toml yet that messages could refer to
        message = error.message
        for option in ("path", "encoding"):
            message = message.removeprefix(f"{spec.setting(option)}: ")
        raise type(error)(
            message, code=error.code, details=error.details, hint=error.hint
        ) from None
    found = tuple(dict(zip(columns, row, strict=True)) for row in rows)
    bad = tuple(f"{row.location} {row.detail.partition(';')[0]}" for row in rejected.rows)
    return Sample((*columns, *sorted(repeated) * 2), found, encoding, header, bad)


def _unmarked_encoding(path: Path) -> str | None:
    """Return the probable encoding of a text file that is neither UTF-8 nor marked."""
    if FORMATS.get(path.suffix.lower(), "parquet") == "parquet":
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as stream:
            start = stream.read(_START)
            if start.startswith(_MARKS):
                return None
            if (form := _utf_16(start)) is not None:
                return form
            decoder.decode(start)
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
    except UnicodeDecodeError:
        return "windows-1252"
    except OSError:  # reading it reports what is wrong
        return None
    return None


def _utf_16(start: bytes) -> str | None:
    """Return the name of the encoding if text is UTF-16 by its zero bytes, or else None.

    A letter of most languages has one of them, always in the same half. A few, or such in both
    halves, are those of a damaged file.
    """
    high, low = start[1::2].count(0), start[::2].count(0)
    if 20 * (high + low) < len(start) or 10 * min(high, low) > max(high, low):
        return None
    return "utf-16-le" if high > low else "utf-16-be"


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
