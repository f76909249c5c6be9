# ruff: noqa: S608 - SQL of quoted names only
"""Read the first rows of the parts of a source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scimsync.jsontext import read_json
from scimsync.sources.relation import Part
from scimsync.sources.workspace import Workspace


def first_rows(
    workspace: Workspace, parts: Iterable[Part], width: int, limit: int
) -> list[list[Any]]:
    """Return at most `limit` rows of the columns c0, c1, … (`width` of them), as Python values.

    Raise duckdb.Error.
    """
    rows: list[list[Any]] = []
    names = ", ".join(f"c{at}" for at in range(width))
    for part in parts:
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
    except RecursionError:  # nested too deeply to be of use
        return cell
