# ruff: noqa: S608 - SQL of quoted names only
"""The records of a source as SQL of one shape, which `snapshot` hashes and compares.

There is a key and, for each column in use, a text that equal values share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from scimsync.sources.duckdb_sql import (
    WHITE_SPACE,
    items,
    literal,
    may_have_white_space,
    stripped,
)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a source, such as a file.

    `sql` selects the key as c0, the columns in use as c1, c2, … and, for a careful scan, the row
    number `row`. `types` are their SQL types, None for a column that the part does not have.
    `compact` says that JSON values have no white space between their tokens.
    """

    sql: str
    types: tuple[str | None, ...]
    compact: bool = False


@dataclass(frozen=True, slots=True)
class Pick:
    """Which of the rows of one key count: the first ones in the order of `sql` (ORDER BY …).

    `columns` are the names of further columns of each part that it uses.
    """

    sql: str
    columns: tuple[str, ...]


class TextForm(StrEnum):
    """How a value becomes text: as it is, as items joined by their separator, or as JSON."""

    TEXT = "text"
    LIST = "list"
    JSON = "json"


_EMPTY_JSON = r'([\s\x{a0}\[\]{},"]|\\[tnrf]|null)*'
"""JSON text without a value: null, "", [], {}, and lists of these."""

_FILLED_JSON = (("-", ":"), ('"-', '"['), ('"a', '"n'), ('"o', '"{'), ("true", "true"))
"""Ranges of JSON texts with a value: numbers, texts that begin with a digit or a letter but n, as
`"null"` counts as empty, and true. The upper ends themselves are no JSON."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column in use. `separator` splits text into a list where sync.toml says so."""

    name: str
    form: TextForm
    separator: str | None

    def to_json(self, text: str) -> str:
        """Return SQL for the JSON value of the text `text` (an SQL expression)."""
        if self.form is TextForm.JSON:
            return f"{text}::json"
        if self.form is TextForm.LIST:
            return (
                f"case when {text} = '' then []::varchar[] else string_split({text},"
                f" {literal(self.separator or '')}) end"
            )
        return text

    def is_filled(self, text: str) -> str:
        """Return SQL for whether the text `text` is more than white space, nulls and brackets.

        The first characters show that for nearly all texts, in a fraction of the time.
        """
        if self.form is TextForm.JSON:
            begins = " or ".join(
                f"{text} between {literal(low)} and {literal(high)}" for low, high in _FILLED_JSON
            )
            filled = f"not regexp_full_match({text}, {literal(_EMPTY_JSON)})"
        else:
            begins = f"{text} between '!' and '~'"
            filled = f"trim({text}, {literal(WHITE_SPACE)}) <> ''"
        return f"case when {begins} then true else coalesce({filled}, false) end"

    def from_json(self, value: str) -> str:
        """Return SQL for the text of a stored value, given the SQL for its JSON text.

        That is NULL if the record lacks the column. A value that this column cannot have written
        becomes a text that no value has, so that the record counts as changed.
        """
        foreign = f"chr(0) || coalesce({value}, '')"
        if self.form is TextForm.JSON:
            return (
                f"case when {value} is null then {foreign} when {value} != 'null' then {value} end"
            )
        if self.form is TextForm.LIST:
            separator = literal(self.separator or "")
            stored = f"from_json({value}, '[\"VARCHAR\"]')"
            joined = f"array_to_string({stored}, {separator})"
            own = (
                f"{stored} = case when {joined} = '' then []::varchar[] else string_split({joined},"
                f" {separator}) end"
            )
            test = f"starts_with({value}, '[') and {own}"
            return (
                f"case when {value} = 'null' then null when {test} then {joined} else {foreign} end"
            )
        plain = f"substring({value}, 2, length({value}) - 2)"
        text = f"case when contains({value}, '\\') then {value}->>'$' else {plain} end"
        return (
            f"case when starts_with({value}, '\"') then {text} when {value} = 'null' then null else"
            f" {foreign} end"
        )


@dataclass(frozen=True, slots=True)
class Relation:
    """What `Source.scan` returns.

    `sql` selects `key` (text, never NULL, "" where a row has none), v0, v1, … (texts or NULL) for
    `columns` and, in a careful scan, the `part` and `row` of a `RowId`. If not `reliable`, DuckDB
    may misread a row without an error, and only a careful scan counts. `keys` selects the `key` of
    all rows of each part.
    """

    sql: str
    columns: tuple[Column, ...]
    reliable: bool = True
    keys: tuple[str, ...] = ()


def build_relation(
    parts: Sequence[Part],
    used: Sequence[str],
    lists: Mapping[str, str],
    *,
    careful: bool,
    reliable: bool = True,
    pick: Pick | None = None,
) -> Relation:
    """Return the relation of `parts`, whose columns are the key and `used`.

    `lists` maps columns that hold several values to their separator.
    """
    columns = tuple(
        _column(name, lists.get(name), {part.types[at] for part in parts} - {None})
        for at, name in enumerate(used, start=1)
    )
    selects = []
    for number, part in enumerate(parts):
        values = [f"{_key_sql(part.types[0])} as key"]
        values += [
            f"{_text_sql(f'c{at}', part.types[at], column, compact=part.compact)} as v{at - 1}"
            for at, column in enumerate(columns, start=1)
        ]
        if careful:
            values += [f"{number} as part", "row"]
        if pick is not None:
            values += pick.columns
        selects.append(f"select {', '.join(values)} from ({part.sql})")
    sql = " union all ".join(selects)
    if pick is not None:
        outside = ", ".join(pick.columns)
        sql = (
            f"select * exclude ({outside}) from ({sql}) qualify key = '' or rank() over (partition"
            f" by key {pick.sql}) = 1"
        )
    keys = tuple(f"select {_key_sql(part.types[0])} as key from ({part.sql})" for part in parts)
    return Relation(sql, columns, reliable, keys)


def _column(name: str, separator: str | None, kinds: set[str | None]) -> Column:
    if kinds - {"VARCHAR"}:
        return Column(name, TextForm.JSON, separator)
    return Column(name, TextForm.TEXT if separator is None else TextForm.LIST, separator)


def _key_sql(kind: str | None) -> str:
    if kind == "JSON":
        text = stripped("(c0->>'$')")
        return (
            f"case when json_type(c0) in ('NULL', 'OBJECT', 'ARRAY') then '' else coalesce({text},"
            " '') end"
        )
    return f"coalesce({stripped('c0' if kind == 'VARCHAR' else 'c0::varchar')}, '')"


def _text_sql(value: str, kind: str | None, column: Column, *, compact: bool) -> str:
    """Return SQL for the text of `value`, which has the SQL type `kind`."""
    if kind is None:
        return "null::varchar"
    separator = column.separator
    if column.form is TextForm.TEXT:
        return value
    if column.form is TextForm.LIST and separator is not None:
        untidy = [may_have_white_space(value), f"contains({value}, {literal(separator * 2)})"]
        untidy += [
            f"{test}({value}, {literal(separator)})" for test in ("starts_with", "ends_with")
        ]
        tidied = f"array_to_string({items(value, separator)}, {literal(separator)})"
        return f"case when {' or '.join(untidy)} then {tidied} else {value} end"
    if kind == "VARCHAR":
        return f"to_json({value if separator is None else items(value, separator)})::varchar"
    if kind == "JSON":
        plain = f"{value}::varchar" if compact else f"json({value})::varchar"
        kept = f"nullif({plain}, 'null')"
        if separator is None:
            return kept
        inner = f"({value}->>'$')"
        split = f"to_json({items(inner, separator)})::varchar"
        return f"case when json_type({value}) = 'VARCHAR' then {split} else {kept} end"
    if kind in ("FLOAT", "DOUBLE"):  # JSON has neither NaN nor infinity
        return f"case when isfinite({value}) then to_json({value})::varchar end"
    return f"to_json({value})::varchar"
