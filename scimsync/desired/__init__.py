"""What each record should be at a target: expressions over its columns become a document of SCIM
attributes.

`compile_program` turns the configuration of a target into a `Program`, `check_columns` holds it
against the sources, `Program.desire` maps one record. Pure functions: the date comes in as an
argument.

Expressions are Jinja2 with these differences. A column is named as it is, or as col['First Name'];
one that is empty, or that the record's source does not have, is None, and None in text is nothing.
`today` is a date, `access` the list of the access rules that hold, `ref(key)` another record. There
is nothing else: no globals, no methods but those of `sandbox.ATTRIBUTES`.
"""

from __future__ import annotations

from scimsync.desired.columns import check_columns
from scimsync.desired.compiler import compile_program
from scimsync.desired.failures import DesireError
from scimsync.desired.program import Program
from scimsync.desired.values import Constant, Desired, Expression, Generate, Mapped

__all__ = [
    "Constant",
    "DesireError",
    "Desired",
    "Expression",
    "Generate",
    "Mapped",
    "Program",
    "Ref",
    "check_columns",
    "compile_program",
    "digest",
]


def digest(program: Program) -> str:
    """Everything that decides the result of `program`, as 32 hexadecimal digits: mapping, scope,
    the access rules and tables that it reaches. The caller adds the date where
    `program.uses_today`."""
    return program.digest
