"""Turn source records into the SCIM attributes that each target should have.

`compile_program` turns the configuration of a target into a `Program`, `check_columns` compares it
with the columns of the sources, and `Program.desire` maps one record. All functions are pure: the
date is an argument.

Expressions are Jinja2 with a few differences. A column is written by its name, or as col['First
Name']. An empty column, or one that the record's source does not have, is None, and None inside a
text is written as nothing. `today` is a date, `access` lists the access rules that apply, and
`ref(key)` refers to another record. There are no globals, and no attributes or methods other than
those in `sandbox.ATTRIBUTES`.
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
    "check_columns",
    "compile_program",
    "digest",
]


def digest(program: Program) -> str:
    """Return a digest of everything that decides the result of `program`, as 32 hexadecimal digits.

    It covers the mapping, the scope, and the access rules and tables that they use. The caller adds
    the date if `program.uses_today`.
    """
    return program.digest
