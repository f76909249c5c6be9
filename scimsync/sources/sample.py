# ruff: noqa: S608 - SQL of quoted names only
"""The columns of a file and some of its rows, for who does not know yet what its key is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from scimsync.jsontext import read_json
from scimsync.sources.duck import Workspace
from scimsync.sources.source import Files
from scimsync.sources.spec import FileSpec
from scimsync.sources.table import BadRows


@dataclass(frozen=True, slots=True)
class Sample:
    """Column names in order, and rows of column -> value: text of CSV, typed values of JSON and
    Parquet."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]


def sample(spec: FileSpec, limit: int) -> Sample:
    """The columns and at most `limit` rows of the files that `spec.path` names. `spec.key` need not
    be one of the columns; rows that cannot be used are left out.

    Raises SourceUnavailable, SourceFormatError, GuardStop (a file of zero bytes).
    """
    with Workspace() as workspace:
        files = Files(spec, workspace)
        columns = list(dict.fromkeys(column for table in files.tables for column in table.types()))
        rows = _rows(spec, files, workspace, columns, limit)
        return Sample(tuple(columns), tuple(dict(zip(columns, row, strict=True)) for row in rows))


def _rows(
    spec: FileSpec, files: Files, workspace: Workspace, columns: list[str], limit: int
) -> list[list[Any]]:
    import duckdb

    if not columns:
        return []
    try:
        return _read(files, workspace, columns, limit, None)
    except duckdb.Error:
        # bad rows are told by their key, whatever it is
        careful = Files(replace(spec, key=columns[0]), workspace)
        try:
            return _read(careful, workspace, columns, limit, BadRows())
        except duckdb.Error as error:
            raise careful.explain(error) from None


def _read(
    files: Files, workspace: Workspace, columns: list[str], limit: int, bad: BadRows | None
) -> list[list[Any]]:
    rows: list[list[Any]] = []
    names = ", ".join(f"c{at}" for at in range(len(columns)))
    for part in files.parts(columns, bad):
        found = workspace.connection.execute(
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
    except RecursionError:  # nested too deeply for anybody to use it
        return cell
