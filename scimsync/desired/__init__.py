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

from scimsync.desired.column_check import check_columns
from scimsync.desired.compiler import Extra, compile_program
from scimsync.desired.expression_errors import DesireError
from scimsync.desired.leaver_matching import MatchValues
from scimsync.desired.program import Desired, Program

__all__ = [
    "DesireError",
    "Desired",
    "Extra",
    "MatchValues",
    "Program",
    "check_columns",
    "compile_program",
]
