"""Evaluate `[display] name`, the expression that gives the name to show beside a user's key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scimsync.desired.assignments import Assignment, AssignmentFailed, Assignments
from scimsync.desired.expressions import parse
from scimsync.desired.parsed_expression import ExpressionLocation, Names
from scimsync.desired.sandbox import Sandbox
from scimsync.formatting import one_line
from scimsync.model.ids import Document
from scimsync.model.lookup_tables import ReadTable
from scimsync.model.records import Record

_VARIABLE = "_name"

_LONGEST = 80
"""Longer names are cut."""


@dataclass(frozen=True, slots=True, eq=False)
class DisplayName:
    """A compiled `[display] name`. Evaluating it is a pure function of a record's values."""

    columns: tuple[str, ...]
    variables: Mapping[str, str]
    evaluate: Assignments

    def of_record(self, record: Record) -> str | None:
        """Return the name of a record as one printable line of at most 80 characters.

        A record without one has none, and neither has one for which the expression fails.
        """
        data = record.data
        values = {variable: data.get(column) for column, variable in self.variables.items()}
        try:
            return shown_name(self.evaluate.run(values)[_VARIABLE])
        except AssignmentFailed:
            return None


def compile_display_name(
    text: str, location: ExpressionLocation, tables: Mapping[str, Mapping[str, object]]
) -> DisplayName:
    """Compile `[display] name`.

    It sees the columns of a record and constant tables. Raise ConfigError for an error in it, and
    if it uses anything else or no column at all.
    """
    environment = Sandbox(tables)
    names = Names({}, tables)
    parsed = parse(text, location, names, environment)
    uses = parsed.uses
    read = uses.any_table or any(isinstance(tables.get(name), ReadTable) for name in uses.tables)
    others = (uses.any_rule, uses.rules, uses.today, uses.now, uses.refers, read)
    if not uses.columns or any(others):
        raise location.error(
            "must depend on columns of the record, and on nothing else",
            details=[one_line(text)],
            hint="write name = \"given ~ ' ' ~ family\"",
            code="SYNC-0329",
        )
    assignments = Assignments([Assignment(_VARIABLE, parsed.node, parsed)], environment)
    return DisplayName(tuple(uses.columns), dict(names.columns), assignments)


def name_in_document(document: Document) -> str | None:
    """Return the name that the attributes of an account hold, if any."""
    name = shown_name(document.get("displayName")) or shown_name(document.get("name.formatted"))
    if name is not None:
        return name
    parts = (shown_name(document.get(f"name.{part}")) for part in ("givenName", "familyName"))
    return shown_name(" ".join(filter(None, parts)))


def shown_name(value: object) -> str | None:
    """Return a value as one printable line, or None if it is empty or of another type."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return one_line(value, _LONGEST) or None if isinstance(value, str) else None
