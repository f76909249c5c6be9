"""From the records of a response to the rows of a source: flat columns, and which fields to ask."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from scimsync.sources.http.calls import ColumnFacts, Join, ListCall
from scimsync.sources.http.jmespath_expressions import (
    ExpressionError,
    compiled,
    compiled_rows,
    is_true,
    root_fields,
)
from scimsync.sources.http.list_pages import BadPage

_WHOLE_RECORD = re.compile(r"@|(?:^|[^\[.])\*")
"""What may read any member of a record: the record itself, or the values of all its members."""


class Columns:
    """The columns of a list that are read: `names`, or all if that is None.

    A list without declared columns has the members of its records.
    """

    def __init__(self, call: ListCall, names: Collection[str] | None) -> None:
        self._declared: dict[str, ColumnFacts] = {
            name: facts for name, facts in call.columns.items() if names is None or name in names
        }
        if names is None:  # whoever looks at all columns relies on none of them
            self._declared = {
                name: facts.model_copy(update={"filled": None})
                for name, facts in self._declared.items()
            }
        self.is_open = not call.columns
        self._call = call
        self._names = names
        self._read = compiled_rows({name: facts.path for name, facts in self._declared.items()})
        self._hidden = None if call.hidden is None else compiled(call.hidden)

    @property
    def facts(self) -> Mapping[str, ColumnFacts]:
        """The declared columns that are read."""
        return self._declared

    @property
    def members(self) -> set[str]:
        """The members of a record that the columns read."""
        if self.is_open:
            return set(self._names or ())
        return {member for facts in self._declared.values() for member in _asked(facts)}

    def joins(self) -> list[Join]:
        """Return the joins whose result a column reads."""
        if self.is_open:
            return list(self._call.joins)
        return [join for join in self._call.joins if join.into in self._read_members]

    def params(self) -> dict[str, Any]:
        """Return the parameters that the columns need, the names of their fields among them."""
        params: dict[str, Any] = {}
        for facts in self._declared.values():
            params |= facts.params
        return params

    @property
    def need_the_list(self) -> bool:
        """Whether a column needs more than the records of a list: parameters, or a join."""
        return bool(self.params() or self.joins())

    def read_members(self) -> list[str] | None:
        """Return the members that are read of a record, None if that may be any."""
        texts = [facts.path for facts in self._declared.values()]
        texts += [text for text in (self._call.where, self._call.hidden) if text is not None]
        if self.is_open or any(map(_WHOLE_RECORD.search, texts)):
            return None
        return [name for text in texts for name in root_fields(text)]

    def fields(self) -> list[str] | None:
        """Return the names of the fields to request, or None to request no specific fields."""
        fields = self._call.fields
        if fields is None or self.is_open:
            return None
        joined = {join.into for join in self._call.joins}
        asked = [
            name
            for facts in self._declared.values()
            for name in _asked(facts)
            if name not in joined
        ]
        return list(dict.fromkeys([*fields.always, *asked]))

    def rows(self, records: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the rows of records. Raise BadPage if an expression does not apply."""
        if self.is_open:
            return list(records)
        try:
            return self._read(records)
        except ExpressionError as error:
            raise BadPage(str(error)) from None

    def value_of(self, name: str) -> Callable[[Any], Any]:
        """Return the function that reads a column from a record; None if it does not apply."""
        if self.is_open:
            return lambda record: record.get(name)
        facts = self._declared.get(name)
        if facts is None:
            return lambda _record: None
        path = compiled(facts.path)

        def read(record: Any) -> Any:
            try:
                return path(record)
            except ExpressionError:  # records that `where` leaves out may be of another kind
                return None

        return read

    def fields_of(self, name: str) -> Sequence[str]:
        """Return the members that a column reads, none if a join may set one of them."""
        facts = self._declared.get(name)
        members = (name,) if self.is_open else () if facts is None else root_fields(facts.path)
        joined = {join.into for join in self._call.joins}
        return () if joined.intersection(members) else members

    def hidden(self, records: Sequence[Any]) -> set[str]:
        """Return the members in use that a record says are withheld."""
        if self._hidden is None:
            return set()
        withheld: set[str] = set()
        for record in records:
            found = self._hidden(record)
            if isinstance(found, list):
                withheld.update(str(name) for name in found)
        return withheld & self.members

    @property
    def _read_members(self) -> set[str]:
        if self.is_open:
            return set(self._names or ())
        return {name for facts in self._declared.values() for name in root_fields(facts.path)}


def _asked(facts: ColumnFacts) -> Sequence[str]:
    return root_fields(facts.path) if facts.fields is None else facts.fields


def kept(call_where: str | None, records: Sequence[Any]) -> list[Any]:
    """Return the records for which the expression `where` is true, or all without one."""
    if call_where is None:
        return list(records)
    where = compiled(call_where)
    try:
        return [record for record in records if is_true(where(record))]
    except ExpressionError as error:
        raise BadPage(str(error)) from None
