"""Parse `where` and `pick`: expressions of DuckDB over the columns of one row, and nothing else.

They are parsed by DuckDB. Anything that may not depend on the row alone is refused, and each column
gets a generated name, so names that differ only in case cause no problem.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scimsync.errors import SourceFormatError
from scimsync.sources.base import SourceSpec
from scimsync.sources.duckdb_sql import literal
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.workspace import Workspace

_ALLOWED = {
    *("COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "OPERATOR", "BETWEEN", "CASE"),
    *("CAST", "TYPE", "FUNCTION", "COLLATE"),
}
"""The kinds of nodes of DuckDB's syntax tree that an expression consists of."""

_MACROS = frozenset(
    ("if", "nullif", "split_part", "array_to_string", "list_first", "list_last", "fmod", "date_add")
)
"""Functions of DuckDB that are written in SQL, and depend on their arguments only."""

_TEMPLATES = {"where": "select 1 from t where ({}\n)", "pick": "select 1 from t order by {}\n"}


@dataclass(frozen=True, slots=True)
class RowExpression:
    """An expression for the setting `option`.

    `sql` refers to the columns called `columns` as `aliases`, in the same order.
    """

    option: str
    sql: str
    columns: tuple[str, ...]

    @property
    def aliases(self) -> tuple[str, ...]:
        """The names of the columns in `sql`."""
        return tuple(f"{self.option}{at}" for at in range(len(self.columns)))

    def resolve(self, found: Sequence[str]) -> Mapping[str, str | None]:
        """Return the column of `found` for each alias, None for one that is not there.

        A name counts as written, or else in another case.
        """
        lower = {column.casefold(): column for column in reversed(found)}
        return {
            alias: column if column in found else lower.get(column.casefold())
            for alias, column in zip(self.aliases, self.columns, strict=True)
        }


def _tree(where: str, option: str, text: str, workspace: Workspace) -> dict[str, Any]:
    """Return the syntax tree of a statement with the expression, as DuckDB gives it."""
    statement = _TEMPLATES[option].format(text)
    row = workspace.connection.execute(
        "select json_serialize_sql(?::varchar)", [statement]
    ).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if tree["error"]:
        problem = str(tree.get("error_message", "it cannot be read"))
        if tree.get("position") == str(len(statement) - 1):  # where the template goes on
            problem = problem.replace('at or near ")"', "at its end")
        raise _wrong(where, problem)
    node = tree["statements"][0]["node"]
    modifiers = [modifier["type"] for modifier in node["modifiers"]]
    if len(tree["statements"]) > 1 or modifiers != ["ORDER_MODIFIER"] * (option == "pick"):
        raise _wrong(where, "more than an expression")
    return tree


def parse_expression(
    spec: SourceSpec[FileSettings], option: str, workspace: Workspace
) -> RowExpression | None:
    """Return the expression of the setting `option`, None if it is not set.

    Raise SourceFormatError if it is not one, or may depend on anything but the row.
    """
    text: str | None = getattr(spec.settings, option)
    if text is None:
        return None
    where = spec.setting(option)
    connection = workspace.connection
    tree = _tree(where, option, text, workspace)
    node = tree["statements"][0]["node"]
    parts = [node["where_clause"]] if option == "where" else node["modifiers"][0]["orders"]
    names: dict[str, str] = {}
    for each in (found for part in parts for found in _nodes(part)):
        if each["class"] not in _ALLOWED:
            raise _wrong(where, f"{_described(each)} cannot be used here")
        if each["class"] == "FUNCTION":
            _check_function(where, str(each["function_name"]), workspace)
        elif each["class"] == "COLUMN_REF":
            column = each["column_names"][0]
            each["column_names"][0] = names.setdefault(column, f"{option}{len(names)}")
    if option == "pick" and not names:
        raise _wrong(where, "no column is named")
    sql = connection.execute(f"select json_deserialize_sql({literal(json.dumps(tree))})").fetchone()
    text = str(sql[0] if sql else "")
    begin = text.index("WHERE " if option == "where" else "ORDER BY ")
    return RowExpression(option, text[begin:].removeprefix("WHERE "), tuple(names))


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield the nodes of an expression."""
    if isinstance(tree, dict):
        if "class" in tree:
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for child in tree:
            yield from _nodes(child)


def _described(node: Mapping[str, Any]) -> str:
    words = {
        "SUBQUERY": "a subquery",
        "WINDOW": "a window function",
        "STAR": "*",
        "LAMBDA": "a lambda",
        "PARAMETER": "a parameter",
        "POSITIONAL_REFERENCE": "the number of a column",
    }
    return words.get(str(node["class"]), str(node["class"]).replace("_", " ").lower())


def _check_function(where: str, function: str, workspace: Workspace) -> None:
    """Raise SourceFormatError unless the function depends on its arguments only."""
    rows = workspace.connection.execute(
        "select distinct function_type, stability from duckdb_functions() where function_name ="
        " lower(?)",
        [function],
    ).fetchall()
    if not rows:
        raise _wrong(where, f"DuckDB has no function {function}")
    pure = set(rows) == {("scalar", "CONSISTENT")} and not function.startswith(
        ("current_", "json_serialize", "json_deserialize", "__")
    )
    if not pure and function not in _MACROS:
        hint = "conditions on the time belong to scope: start | date <= today"
        timely = any(word in function for word in ("now", "today", "current", "time", "ago"))
        raise _wrong(where, f"{function}(…) cannot be used here", hint if timely else None)


def _wrong(where: str, message: str, hint: str | None = None) -> SourceFormatError:
    return SourceFormatError(
        f"{where}: {message}",
        hint=hint or "see docs/reference/configuration.md for what it may contain",
        code="SYNC-0230",
    )
