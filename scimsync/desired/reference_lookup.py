"""Evaluate `by`, the expression over another record by which a reference finds it.

It is a column, as in `ref(manager_email, by="email")`, or another expression, such as
`given ~ ' ' ~ family`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import nodes

from scimsync.desired.assignments import Assignment, AssignmentFailed, Assignments
from scimsync.desired.parsed_expression import ParsedExpression
from scimsync.desired.sandbox import Sandbox
from scimsync.model.ids import Key
from scimsync.model.names import name_of
from scimsync.model.placeholders import IdOf
from scimsync.model.records import Record

_VARIABLE = "_name"


@dataclass(frozen=True, slots=True, eq=False)
class NameExpression:
    """A compiled `by`. Evaluating it is a pure function of a record's values."""

    by: str
    variables: Mapping[str, str]
    evaluate: Assignments

    def of_record(self, record: Record) -> str | None:
        """Return the name of a record, or None if it has none.

        A record for which the expression fails has none.
        """
        data = record.data
        values = {variable: data.get(column) for column, variable in self.variables.items()}
        try:
            value = self.evaluate.run(values)[_VARIABLE]
        except AssignmentFailed:
            return None
        return name_of(self.by, value)


def name_expression(
    by: str, parsed: ParsedExpression, variables: Mapping[str, str], environment: Sandbox
) -> NameExpression:
    """Compile a parsed `by`. `variables` are the variables of all columns."""
    used = {column: variables[column] for column in parsed.uses.columns}
    node: nodes.Expr = parsed.node
    return NameExpression(by, used, Assignments([Assignment(_VARIABLE, node, parsed)], environment))


def resolved(reference: IdOf, found: Mapping[str, Key]) -> IdOf:
    """Return a reference by name as one to the key that `found` has for the name, if any."""
    if reference.name is None or reference.name not in found:
        return reference
    return IdOf(found[reference.name], reference.name)
