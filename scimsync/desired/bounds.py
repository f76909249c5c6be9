"""Limits on what an expression may compute, so that no record can exhaust the memory.

`'0' * width` with a huge width in a bad row, `code.zfill(1e9)` and `'%999999999d'` fail for that
record only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from scimsync.desired.expression_errors import UnusableValue, show
from scimsync.desired.numbers import is_number

MOST = 100_000
"""The longest text (characters), the longest list (elements), and the largest numeric argument."""

PRODUCT = "*"
"""The filter that the compiler puts in the place of `*`."""

_BITS = 4096
_WIDE = re.compile(r"%[^%a-zA-Z]*(?:\d{5,}|\*)")


def bounded_product(left: Any, right: Any) -> Any:
    """Return `left * right`; raise UnusableValue if the result is too large."""
    for thing, times in ((left, right), (right, left)):
        if (
            isinstance(thing, (str, list, tuple))
            and isinstance(times, int)
            and len(thing) * times > MOST
        ):
            raise UnusableValue(
                f"{times} times {len(thing)} is more than {MOST} characters or elements",
                code="SYNC-0326",
            )
    if (
        isinstance(left, int)
        and isinstance(right, int)
        and left.bit_length() + right.bit_length() > _BITS
    ):
        raise UnusableValue("the product is too large", code="SYNC-0326")
    return left * right


def product(left: Any, right: Any) -> Any:
    """Return `left * right`, where a text that is a number may be taken for one by mistake.

    Raise UnusableValue for such a text, because Python would repeat it.
    """
    for text, times in ((left, right), (right, left)):
        if isinstance(text, str) and isinstance(times, (int, float)) and is_number(text):
            raise UnusableValue(
                f"{show(text)} * a number would repeat the text; | int makes text a number",
                code="SYNC-0161",
            )
    return bounded_product(left, right)


def bounded_power(left: Any, right: Any) -> Any:
    """Return `left ** right` for numbers of up to a few thousand bits."""
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > _BITS:
        raise UnusableValue("the power is too large", code="SYNC-0326")
    return left**right


def bounded_format(left: Any, right: Any) -> Any:
    """Return `left % right`: a remainder, or a text like `'%05d' % number`.

    In a text, None is written as nothing.
    """
    if not isinstance(left, str):
        return left % right
    if "%" not in left and isinstance(right, (int, float)):
        raise UnusableValue(
            "text % a number cannot be evaluated; | int makes text a number", code="SYNC-0161"
        )
    if isinstance(right, tuple):
        right = tuple("" if value is None else value for value in right)
    elif isinstance(right, dict):
        right = {key: "" if value is None else value for key, value in right.items()}
    elif right is None:
        right = ""
    if _WIDE.search(left):
        raise UnusableValue("a width in the format is too large", code="SYNC-0326")
    return left % right


def check_arguments(
    value: Any, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    """Raise UnusableValue if `value.method(*args, **kwargs)` could become too large."""
    check_numbers(args, kwargs)
    if method == "replace" and isinstance(value, str) and len(args) >= 2:
        check_replacement(value, args[0], args[1])
    elif (
        method == "join"
        and args
        and isinstance(args[0], (str, list, tuple, dict))
        and len(value) * len(args[0]) > MOST
    ):
        raise UnusableValue(f"the text would be longer than {MOST} characters", code="SYNC-0326")


def check_replacement(value: str, old: Any, new: Any) -> None:
    """Raise UnusableValue if replacing `old` with `new` makes `value` too long."""
    if (
        isinstance(old, str)
        and isinstance(new, str)
        and len(value) + value.count(old) * len(new) > MOST
    ):
        raise UnusableValue(f"the text would be longer than {MOST} characters", code="SYNC-0326")


def check_numbers(args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise UnusableValue if a width, count or precision among the arguments is too large."""
    for argument in (*args, *kwargs.values()):
        if isinstance(argument, int) and abs(argument) > MOST:
            raise UnusableValue(f"{argument} is more than {MOST}", code="SYNC-0326")


def bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the filter `function` with a limit on its numeric arguments.

    The filtered value itself may be any number.
    """
    first = 2 if hasattr(function, "jinja_pass_arg") else 1

    @wraps(function)
    def filter_within_bounds(*args: Any, **kwargs: Any) -> Any:
        check_numbers(args[first:], kwargs)
        return function(*args, **kwargs)

    return filter_within_bounds
