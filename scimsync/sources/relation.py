# ruff: noqa: S608 - SQL of quoted names only
"""A source as SQL of one shape: a key and, for each column in use, a text that two equal values
share.

`snapshot` hashes these texts, compares the hashes with those of the stored records, and makes JSON
of them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from scimsync.errors import SourceFormatError
from scimsync.sources.duck import WHITE_SPACE, items, literal, stripped
from scimsync.sources.source import Source, missing
from scimsync.sources.spec import FileSpec
from scimsync.sources.table import BadRows


class Form(StrEnum):
    """How a value is written as text: as it is, as items joined by their separator, as JSON."""

    TEXT = "text"
    LIST = "list"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Column:
    """A column in use. `separator` splits text into a list, where sync.toml says so."""

    name: str
    form: Form
    separator: str | None

    def to_json(self, text: str) -> str:
        """SQL that makes the JSON value of the text `text` (an SQL expression)."""
        if self.form is Form.JSON:
            return f"{text}::json"
        if self.form is Form.LIST:
            return (
                f"case when {text} = '' then []::varchar[] else string_split({text},"
                f" {literal(self.separator or '')}) end"
            )
        return text

    def from_json(self, value: str) -> str:
        """SQL that makes the text of a stored value, given the SQL for its JSON text (NULL if the
        record lacks the column).

        A value that this column cannot have written comes out as a text that none has, so that the
        record counts as changed.
        """
        foreign = f"chr(0) || coalesce({value}, '')"
        if self.form is Form.JSON:
            return (
                f"case when {value} is null then {foreign} when {value} != 'null' then {value} end"
            )
        if self.form is Form.LIST:
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
    """`sql` selects `key` (text, never NULL, "" where a row has none) and v0, v1, … (texts or NULL)
    for `columns`, and, where it was asked to leave out bad rows, `part` and `row` as of
    `Source.place`."""

    sql: str
    columns: tuple[Column, ...]


def relation(
    spec: FileSpec, source: Source, used: Sequence[str], bad: BadRows | None = None
) -> Relation:
    """The columns `used` of `source`, which do not include the key.

    Without `bad`, the SQL fails on bad rows. With it, files are read with more care: bad rows are
    left out and added to it. Raises SourceUnavailable, SourceFormatError.
    """
    parts = source.parts([spec.key, *used], bad)
    for at, name in enumerate([spec.key, *used]):
        if all(part.types[at] is None for part in parts) or (
            at == 0 and any(part.types[0] is None for part in parts)
        ):
            found = source.columns()  # which raises for the key
            raise missing(
                spec, "path" if spec.query is None else "query", name, found, source.label
            )
    columns = tuple(
        _column(spec, name, {part.types[at] for part in parts} - {None})
        for at, name in enumerate(used, start=1)
    )
    selects = []
    for number, part in enumerate(parts):
        values = [f"{_key(part.types[0])} as key"]
        values += [
            f"{_text(f'c{at}', part.types[at], column)} as v{at - 1}"
            for at, column in enumerate(columns, start=1)
        ]
        if bad is not None:
            values += [f"{number} as part", "row"]
        selects.append(f"select {', '.join(values)} from ({part.sql})")
    return Relation(" union all ".join(selects), columns)


def _column(spec: FileSpec, name: str, kinds: set[str | None]) -> Column:
    separator = spec.lists.get(name)
    if separator == "":
        raise SourceFormatError(
            f"{spec.setting('lists')}.{name}: nothing separates the items", hint='such as ";"'
        )
    if kinds - {"VARCHAR"}:
        return Column(name, Form.JSON, separator)
    return Column(name, Form.TEXT if separator is None else Form.LIST, separator)


def _key(kind: str | None) -> str:
    if kind == "JSON":
        text = stripped("(c0->>'$')")
        return (
            f"case when json_type(c0) in ('NULL', 'OBJECT', 'ARRAY') then '' else coalesce({text},"
            " '') end"
        )
    return f"coalesce({stripped('c0' if kind == 'VARCHAR' else 'c0::varchar')}, '')"


def _text(value: str, kind: str | None, column: Column) -> str:
    """SQL for the text of `value`, which is of SQL type `kind` (None: the part lacks the
    column)."""
    if kind is None:
        return "null::varchar"
    separator = column.separator
    if column.form is Form.TEXT:
        return value
    if column.form is Form.LIST and separator is not None:
        untidy = [f"contains({value}, {literal(sign)})" for sign in (*WHITE_SPACE, separator * 2)]
        untidy += [
            f"{test}({value}, {literal(separator)})" for test in ("starts_with", "ends_with")
        ]
        tidied = f"array_to_string({items(value, separator)}, {literal(separator)})"
        return f"case when {' or '.join(untidy)} then {tidied} else {value} end"
    if kind == "VARCHAR":
        return f"to_json({value if separator is None else items(value, separator)})::varchar"
    if kind == "JSON":
        kept = f"nullif(json({value})::varchar, 'null')"
        if separator is None:
            return kept
        inner = f"({value}->>'$')"
        split = f"to_json({items(inner, separator)})::varchar"
        return f"case when json_type({value}) = 'VARCHAR' then {split} else {kept} end"
    if kind in ("FLOAT", "DOUBLE"):  # JSON has neither NaN nor infinity
        return f"case when isfinite({value}) then to_json({value})::varchar end"
    return f"to_json({value})::varchar"
