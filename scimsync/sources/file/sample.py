# ruff: noqa: S608 - SQL of quoted names only
"""Read the columns and some rows of files about which nothing is known yet."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scimsync.errors import ScimsyncError
from scimsync.jsontext import read_json
from scimsync.sources.base import RejectedRows, SourceSpec
from scimsync.sources.file.delimited import DelimitedReader
from scimsync.sources.file.find import FORMATS
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.file.source import PathSource
from scimsync.sources.watching import matches
from scimsync.sources.workspace import Workspace

_CHUNK = 1 << 20
_START = 1 << 12
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_NAME = "sample"


@dataclass(frozen=True, slots=True)
class Sample:
    """Column names in order, and rows as column -> value.

    A name that several columns have is there more than once, and has no values. Values are text for
    CSV, and typed for JSON and Parquet. `encoding` is set for text that is neither UTF-8 nor
    marked. `header` is the first row of a CSV or TSV file as it is. `rejected` describes malformed
    rows of the whole file.
    """

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    encoding: str | None
    header: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()


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
            return _read(source, columns, limit, None)
    # a careful reading identifies rows by their key, whichever column that is
    settings = source.spec.settings.model_copy(update={"key": columns[0]})
    careful = PathSource(replace(source.spec, settings=settings), source.workspace)
    try:
        return _read(careful, columns, limit, rejected)
    except duckdb.Error as error:
        raise careful.explain(error) from None


def _read(
    source: PathSource, columns: Sequence[str], limit: int, rejected: RejectedRows | None
) -> list[list[Any]]:
    rows: list[list[Any]] = []
    names = ", ".join(f"c{at}" for at in range(len(columns)))
    for part in source.parts(columns, rejected):
        found = source.workspace.connection.execute(
            f"select {names} from ({part.sql}) limit {limit - len(rows)}"
        ).fetchall()
        rows += [
            [_value(cell, kind) for cell, kind in zip(row, part.types, strict=True)]
            for row in found
        ]
    return rows


def _value(cell: Any, kind: str | None) -> Any:
    try:
        return read_json(cell) if kind == "JSON" and cell is not None else cell
    except RecursionError:  # nested too deeply to be of use
        return cell
