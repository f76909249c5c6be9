"""Compare the values of expressions, where Python would give an answer that misleads.

A text file holds "5", "yes", and "". In Python `"5" == 5`, `"yes" == true` and `["a"] == "a"` are
false, so that a condition would never hold, or its opposite always. Here a text compared with a
boolean is read as one, nothing equals nothing (None, "" and an empty list), and values that can
never be equal because of their types fail.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from scimsync.desired.booleans import is_empty, read_boolean
from scimsync.desired.expression_errors import UnusableValue, kind_of, show
from scimsync.desired.times import compared_with_time

EQUAL = "=="
IN = "in()"
TRUTH = "if()"
FILLED = "filled()"
LESS = "<"
LESS_OR_EQUAL = "<="
GREATER = ">"
GREATER_OR_EQUAL = ">="
"""Filters that only the compiler uses. Their names cannot be written in an expression."""


def equal(left: Any, right: Any) -> bool:
    """Return whether two values are equal. Raise UnusableValue if their types cannot be."""
    timely = compared_with_time(operator.eq, left, right)
    if timely is not None:
        return timely
    if type(left) is type(right):
        return bool(left == right)
    kinds = {_kind(left), _kind(right)}
    if None in kinds or kinds == {"boolean", "number"}:
        return bool(left == right)
    if is_empty(left) or is_empty(right):
        return is_empty(left) and is_empty(right)
    if len(kinds) == 1:
        return bool(list(left) == list(right) if kinds == {"list"} else left == right)
    if kinds == {"boolean", "text"}:
        return _as_boolean(left) is _as_boolean(right)
    raise _never_equal(left, right)


def less(left: Any, right: Any) -> bool:
    """Return whether `left < right`; nothing is not less than a number."""
    return _ordered(operator.lt, left, right)


def less_or_equal(left: Any, right: Any) -> bool:
    """Return whether `left <= right`; nothing is not less than a number."""
    return _ordered(operator.le, left, right)


def greater(left: Any, right: Any) -> bool:
    """Return whether `left > right`; nothing is not greater than a number."""
    return _ordered(operator.gt, left, right)


def greater_or_equal(left: Any, right: Any) -> bool:
    """Return whether `left >= right`; nothing is not greater than a number."""
    return _ordered(operator.ge, left, right)


def member(value: Any, container: Any) -> bool:
    """Return whether `value` is in a list, a table or a text.

    Nothing is in no text, and in a list only if the list holds nothing. Raise UnusableValue if the
    list holds values of other types only.
    """
    if is_empty(container):
        return False
    if isinstance(container, str):
        if isinstance(value, str) or is_empty(value):
            return bool(value) and value in container
        raise _not_in(value, container)
    if value in container:
        return True
    if isinstance(container, dict):
        return False
    if is_empty(value):
        return any(map(is_empty, container))
    return _in_list(value, container)


def _in_list(value: Any, container: Any) -> bool:
    """Return whether a list has a text for a boolean `value`, or the other way around."""
    filled_items = [item for item in container if not is_empty(item)]
    kind, kinds = _kind(value), set(map(_kind, filled_items))
    if "boolean" in (kind, *kinds) and _says_the_same(value, filled_items):
        return True
    if not kinds or kind is None or None in kinds or kind in kinds:
        return False
    raise _not_in(value, container)


def truth(value: Any, column: str | None = None) -> bool:
    """Return an operand of and, or, not, or the result of a condition, as a boolean.

    Nothing is false. Raise UnusableValue for a value that is not a boolean. `column` is the name of
    the column that the value comes from, if it is one.
    """
    if value is True or value is False:
        return bool(value)
    read = read_boolean(value)
    if read is not None:
        return read
    if is_empty(value):
        return False
    subject = show(value) if column is None else f"{column} is {show(value)}, which"
    raise UnusableValue(
        f"{subject} is neither true nor false; compare it, as in status == 'active', or test with"
        " x != '' whether it is filled",
        code="SYNC-0160",
    )


def filled(value: Any) -> bool:
    """Return whether `value` is there and does not say no, for an `if` in a value."""
    return bool(value) and read_boolean(value) is not False


def is_true(value: Any) -> bool:
    """Return whether `value` says true (the test `is true`)."""
    return equal(value, True)


def is_false(value: Any) -> bool:
    """Return whether `value` says false (the test `is false`)."""
    return equal(value, False)


def is_nothing(value: Any) -> bool:
    """Return whether `value` is None or an empty text (the test `is none`)."""
    return value is None or value == ""


def _unequal(left: Any, right: Any) -> bool:
    return not equal(left, right)


FILTERS: Mapping[str, Callable[..., Any]] = {
    EQUAL: equal,
    IN: member,
    TRUTH: truth,
    FILLED: filled,
    LESS: less,
    LESS_OR_EQUAL: less_or_equal,
    GREATER: greater,
    GREATER_OR_EQUAL: greater_or_equal,
}
"""The operators of expressions, as filters that the compiler puts in their place."""

TESTS: Mapping[str, Callable[..., bool]] = {
    **dict.fromkeys(("eq", "==", "equalto"), equal),
    **dict.fromkeys(("ne", "!="), _unequal),
    **dict.fromkeys(("lt", "<", "lessthan"), less),
    **dict.fromkeys(("le", "<="), less_or_equal),
    **dict.fromkeys(("gt", ">", "greaterthan"), greater),
    **dict.fromkeys(("ge", ">="), greater_or_equal),
    "in": member,
    "true": is_true,
    "false": is_false,
    "none": is_nothing,
}
"""The tests of Jinja2 that compare, with the meaning of the operators."""


def _ordered(compare: Callable[[Any, Any], Any], left: Any, right: Any) -> bool:
    timely = compared_with_time(compare, left, right)
    if timely is not None:
        return timely
    if (left is None and (right is None or isinstance(right, (int, float)))) or (
        right is None and isinstance(left, (int, float))
    ):
        return False
    return bool(compare(left, right))


def _says_the_same(value: Any, items: Iterable[Any]) -> bool:
    """Return whether `items` say the boolean `value`, one of them as a text and one not."""
    said = read_boolean(value)
    kinds = {"text", "boolean"} - {_kind(value)}
    return said is not None and any(
        read_boolean(item) is said for item in items if _kind(item) in kinds
    )


def _kind(value: Any) -> str | None:
    """Return the kind of a value of a record or an expression, or None for any other."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, (list, tuple)):
        return "list"
    if isinstance(value, dict):
        return "table"
    return "date" if isinstance(value, date) else None


def _as_boolean(value: Any) -> bool:
    read = read_boolean(value)
    if read is None:
        raise UnusableValue(f"{show(value)} is neither true nor false", code="SYNC-0160")
    return read


def _never_equal(left: Any, right: Any) -> UnusableValue:
    names = [kind_of(type(value).__name__) for value in (left, right)]
    found = f"{names[0]} == {names[1]} cannot be compared"
    kinds = {_kind(left), _kind(right)}
    if "list" in kinds:
        text = left if isinstance(right, (list, tuple)) else right
        return UnusableValue(
            f"{found}; write {show(text)} in …, or … | length for the number", code="SYNC-0162"
        )
    advice = {"number": "; | int makes text a number", "date": "; | date makes text a date"}
    other = next((kind for kind in ("number", "date") if kind in kinds), "")
    hint = advice.get(other, "") if "text" in kinds else ""
    return UnusableValue(found + hint, code="SYNC-0163")


def _not_in(value: Any, container: Any) -> UnusableValue:
    str(value)  # raises UndefinedError, with the reason, for what the record lacks
    what = kind_of(type(value).__name__)
    if isinstance(container, str):
        return UnusableValue(f"{what} cannot be in a text", code="SYNC-0163")
    inner = sorted({kind_of(type(item).__name__) for item in container if not is_empty(item)})
    if isinstance(value, (list, tuple)):
        return UnusableValue(
            f"a list cannot be in a list of {' and '.join(inner)}; write 'x' in …",
            code="SYNC-0162",
        )
    hint = "; | int makes text a number" if isinstance(value, str) and inner == ["a number"] else ""
    return UnusableValue(
        f"{what} cannot be in a list that holds {' and '.join(inner)} only{hint}", code="SYNC-0163"
    )
