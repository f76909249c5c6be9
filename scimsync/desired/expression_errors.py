"""The errors of an expression that fails for one record, and their wording."""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Mapping
from typing import Any

from scimsync.errors import ScimsyncError
from scimsync.formatting import one_line, printable
from scimsync.model.ids import Key

_LONGEST_VALUE = 60
_LONGEST_DETAIL = 240

_NOT_COMPARED = re.compile(r"'(\S+)' not supported between instances of '(\S+)' and '(\S+)'")
_NOT_COMBINED = re.compile(r"unsupported operand type\(s\) for (\S+): '(\S+)' and '(\S+)'")
_NOT_JOINED = re.compile(r'can only concatenate (\S+) \(not "(\S+)"\) to \S+')

_NO_OPERAND = re.compile(r"bad operand type for (?:unary )?(\S+): '(\S+)'")
_OBJECT = re.compile(r"'(\w+)' object")

_TYPES = {
    "NoneType": "an empty value",
    "str": "text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dict": "a table",
    "date": "a date",
    "datetime": "a date and time",
    "RunDay": "a date",
    "RunTime": "now",
    "Today": "a date",
    "ZonedDay": "a date",
    "timedelta": "a length of time",
    "IdOf": "ref(…)",
}


class UnusableValue(Exception):
    """A value or an operation that an expression may not use; the text says what to do instead."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class DesireError(ScimsyncError):
    """A record that cannot be mapped (exit 4).

    Its account stays unchanged, and the run continues with the other records.

    `where` is the place in the configuration (`targets.wiki.user.userName`), `expression` its text,
    `detail` what went wrong, and `values` the values of the columns that the expression uses.
    """

    exit_code = 4

    def __init__(
        self,
        key: Key,
        where: str,
        expression: str,
        detail: str,
        values: Mapping[str, Any],
        *,
        code: str,
    ) -> None:
        self.key = key
        self.where = where
        self.expression = expression
        self.detail = detail
        self.values = dict(values)
        parts = [key, where, *([one_line(expression)] if expression else []), one_line(detail)]
        shown = ", ".join(f"{name} = {show(value)}" for name, value in values.items())
        text = ": ".join(parts) + (f" ({shown})" if shown else "")
        super().__init__(printable(text), code=code)


def code_of(error: Exception) -> str:
    """Return the code of an error that was raised while an expression ran."""
    return error.code if isinstance(error, UnusableValue) else "SYNC-0320"


def explain(error: Exception) -> str:
    """Return one line that explains an expression's `error` without Python terms."""
    text = one_line(str(error))
    if isinstance(error, RecursionError):
        return "the value is nested too deeply"
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if isinstance(error, MemoryError):
        return "the value is too large"
    if match := _NOT_COMPARED.search(text):
        operator, left, right = match.groups()
        return (
            f"{kind_of(left)} {operator} {kind_of(right)} cannot be compared{_advice(left, right)}"
        )
    if match := _NOT_COMBINED.search(text):
        operator, left, right = match.groups()
        return (
            f"{kind_of(left)} {operator} {kind_of(right)} cannot be evaluated{_advice(left, right)}"
        )
    if match := _NOT_JOINED.search(text):
        left, right = match.groups()
        return (
            f"{kind_of(left)} + {kind_of(right)} cannot be joined; ~ joins anything, and takes"
            " empty as nothing"
        )
    if match := _NO_OPERAND.search(text):
        operator, operand = match.groups()
        return f"{operator} {kind_of(operand)} cannot be evaluated{_advice('int', operand)}"
    text = _OBJECT.sub(lambda match: kind_of(match.group(1)), text) or type(error).__name__
    return text if len(text) <= _LONGEST_DETAIL else text[: _LONGEST_DETAIL - 1] + "…"


def kind_of(type_name: str) -> str:
    """Return a word for the Python type `type_name` (`NoneType`, `datetime.date`)."""
    return _TYPES.get(type_name.rpartition(".")[2], type_name)


def show(value: Any) -> str:
    """Return `value` as JSON in one short line, for a message."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        text = reprlib.repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _advice(left: str, right: str) -> str:
    if {left, right} & {"int", "float"} and "str" in (left, right):
        return "; | int makes text a number"
    if {left, right} & {"date", "datetime.date"} and "str" in (left, right):
        return "; | date makes text a date"
    return ""
