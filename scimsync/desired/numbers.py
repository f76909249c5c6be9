"""The filters of numbers: a text that is not a number fails, while Jinja2 would continue with 0.

Nothing stays nothing, so that an empty cell is not the number 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from scimsync.desired.expression_errors import UnusableValue, kind_of, show

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_LONGEST = 400
_MISSING: Any = object()


def is_number(text: str) -> bool:
    """Return whether `text` is written as a number."""
    text = text.strip()
    return len(text) <= _LONGEST and _NUMBER.fullmatch(text) is not None


def to_int(value: Any, default: Any = _MISSING, base: int = 10) -> Any:
    """Return `value` as an integer, without its fraction, or None if it is empty.

    Raise UnusableValue if it is not a number and there is no `default`.
    """
    if isinstance(value, str) and value.isdecimal() and base == 10 and len(value) <= _LONGEST:
        return int(value)
    return _converted(value, default, lambda: _read_int(value, base), "int")


def to_float(value: Any, default: Any = _MISSING) -> Any:
    """Return `value` as a floating-point number, or None if it is empty.

    Raise UnusableValue if it is not a number and there is no `default`.
    """
    return _converted(value, default, lambda: _read_float(value), "float")


def rounded(value: Any, precision: int = 0, method: str = "common") -> Any:
    """Return the number `value`, rounded to `precision` digits; None stays None."""
    if value is None:
        return None
    _check(value, "round")
    if method == "common":
        return round(value, precision)
    functions: Mapping[str, Callable[[Any], int]] = {"ceil": math.ceil, "floor": math.floor}
    if method not in functions:
        raise UnusableValue("round knows common, ceil and floor", code="SYNC-0161")
    if abs(precision) > _LONGEST:
        raise UnusableValue(f"{precision} digits are too many", code="SYNC-0161")
    return functions[method](value * 10**precision) / 10**precision


def absolute(value: Any) -> Any:
    """Return the number `value` without its sign; None stays None."""
    if value is None:
        return None
    _check(value, "abs")
    return abs(value)


def total(numbers: Iterable[Any] | None, start: Any = 0) -> Any:
    """Return the sum of numbers. Those that are None do not count."""
    result = start
    _check(start, "sum")
    for number in numbers or ():
        if number is not None:
            _check(number, "sum")
            result += number
    return result


def _converted(value: Any, default: Any, read: Callable[[], Any], name: str) -> Any:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None if default is _MISSING else default
    found = read()
    if found is not None:
        return found
    if default is not _MISSING:
        return default
    str(value)  # raises UndefinedError, with the reason, for what the record lacks
    what = show(value) if isinstance(value, str) else kind_of(type(value).__name__)
    raise UnusableValue(
        f"{what} is not a number; | {name}(0) uses 0 for anything else", code="SYNC-0161"
    )


def _read_int(value: Any, base: int) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST:
            return None
        if base != 10:
            try:
                return int(text, base)
            except ValueError:
                pass
        elif re.fullmatch(r"[+-]?\d+", text):
            return int(text)
    number = _read_float(value)
    return None if number is None else int(number)


def _read_float(value: Any) -> float | int | None:
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        if not is_number(value):
            return None
        value = float(value)
    return value if isinstance(value, float) and math.isfinite(value) else None


def _check(value: Any, name: str) -> None:
    if not isinstance(value, (int, float)):
        str(value)
        what = show(value) if isinstance(value, str) else kind_of(type(value).__name__)
        hint = "; | int makes text a number" if isinstance(value, str) else ""
        raise UnusableValue(f"{name} takes numbers, not {what}{hint}", code="SYNC-0161")
