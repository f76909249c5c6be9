# ruff: noqa: S608 - SQL of quoted names only
"""Read the objects of a JSON or NDJSON file with DuckDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scimsync.sources.duckdb_sql import array, literal, pointer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NOTHING: Mapping[str, str] = {}


def objects(path: Path, form: str) -> str:
    """Return SQL for the objects of a UTF-8 file, in the column `json`.

    `form` is DuckDB's name of the format: `array`, `newline_delimited` or `unstructured`.
    """
    return f"read_json_objects({literal(str(path))}, format = {literal(form)})"


def select_members(
    table: str, names: Sequence[str], *, numbered: bool, more: Mapping[str, str] = NOTHING
) -> str:
    """Return SQL for the members `names` as c0, c1, … and, if `numbered`, the row number `row`.

    The values of `more` are further SQL expressions over the column `json`, by their names.
    """
    pointers = array(pointer(column) for column in names)
    columns = [f"j[{at + 1}] as c{at}" for at in range(len(names))]
    number = ", row_number() over () as row" if numbered else ""
    further = "".join(f", {sql} as {alias}" for alias, sql in more.items())
    return (
        f"select {', '.join([*columns, *more, *['row'] * numbered])} "
        f"from (select json_extract(json, {pointers}) as j{number}{further} from {table})"
    )


def member_types(connection: DuckDBPyConnection, table: str) -> dict[str, list[str]]:
    """Return the members of all objects, in the order of the file, with their JSON types.

    Raise duckdb.Error for text that is not JSON.
    """
    step = "'/' || replace(replace(k, '~', '~0'), '/', '~1')"
    rows = connection.execute(f"""
        with object as (
          select json, row_number() over () as n from {table}
          where json_type(json) = 'OBJECT'
        ), cell as (
          select json, n, unnest(json_keys(json)) as k,
            generate_subscripts(json_keys(json), 1) as place
          from object
        )
        select k, list(distinct json_type(json, {step})) from cell
        group by k order by min((n, place))
        """).fetchall()
    return dict(rows)
