"""What each record should be at a target: expressions over its columns give a SCIM resource.

`compile_program` turns the configuration of a target into a `Program`, `check_columns` compares it
with the columns of the sources, and `Program.desire` maps one record. These are pure functions: the
date is an argument.

Expressions are Jinja2 with these differences. A column is named as it is, or as col['First Name'].
An empty column, or one that the record's source does not have, is None, and None inside a text is
nothing. `today` is a date, `access` the list of the access rules that hold, `ref(key)` another
record. There are no globals, and no methods but those of `sandbox.ATTRIBUTES`.
"""

from scimsync.desired.columns import check_columns
from scimsync.desired.compiler import Extra, compile_program
from scimsync.desired.expression_errors import DesireError
from scimsync.desired.program import Desired, Program

__all__ = [
    "DesireError",
    "Desired",
    "Extra",
    "Program",
    "check_columns",
    "compile_program",
]
