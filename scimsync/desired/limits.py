"""Limits on what an expression may compute, so that no record can exhaust the memory.

`'0' * width` with a huge width in a bad row, `code.zfill(1e9)` and `'%999999999d'` fail for that
record only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from scimsync.desired.failures import Unusable

MOST = 100_000
"""The longest text (characters), the longest list (elements), and the largest numeric argument."""

_BITS = 4096
_WIDE = re.compile(r"%[^%a-zA-Z]*(?:\d{5,}|\*)")


def bounded_product(left: Any, right: Any) -> Any:
    """Return `left * right`; raise Unusable if the result is too large."""
    for sequence, times in ((left, right), (right, left)):
        if (
            isinstance(sequence, (str, list, tuple))
            and isinstance(times, int)
            and len(sequence) * times > MOST
        ):
            raise Unusable(
                f"{times} times {len(sequence)} is more than {MOST} characters or elements",
                code="SYNC-0326",
            )
    if (
        isinstance(left, int)
        and isinstance(right, int)
        and left.bit_length() + right.bit_length() > _BITS
    ):
        raise Unusable("the product is too large", code="SYNC-0326")
    return left * right


def bounded_power(left: Any, right: Any) -> Any:
    """Return `left ** right` for numbers of up to a few thousand bits."""
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > _BITS:
        raise Unusable("the power is too large", code="SYNC-0326")
    return left**right


def bounded_format(left: Any, right: Any) -> Any:
    """Return `left % right`: a remainder, or a formatted text such as `'%05d' % number`.

    None is formatted as "".
    """
    if not isinstance(left, str):
        return left % right
    if isinstance(right, tuple):
        right = tuple("" if value is None else value for value in right)
    elif isinstance(right, dict):
        right = {key: "" if value is None else value for key, value in right.items()}
    elif right is None:
        right = ""
    if _WIDE.search(left):
        raise Unusable("a width in the format is too large", code="SYNC-0326")
    return left % right


def check_arguments(
    value: Any, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    """Raise Unusable if the result of `value.method(*args, **kwargs)` could be too large."""
    check_numbers(args, kwargs)
    if method == "replace" and isinstance(value, str) and len(args) >= 2:
        check_replacement(value, args[0], args[1])
    elif (
        method == "join"
        and args
        and isinstance(args[0], (str, list, tuple, dict))
        and len(value) * len(args[0]) > MOST
    ):
        raise Unusable(f"the text would be longer than {MOST} characters", code="SYNC-0326")


def check_replacement(value: str, old: Any, new: Any) -> None:
    """Raise Unusable if replacing `old` with `new` makes `value` too long."""
    if (
        isinstance(old, str)
        and isinstance(new, str)
        and len(value) + value.count(old) * len(new) > MOST
    ):
        raise Unusable(f"the text would be longer than {MOST} characters", code="SYNC-0326")


def check_numbers(args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise Unusable if a width, count or precision among the arguments is too large."""
    for argument in (*args, *kwargs.values()):
        if isinstance(argument, int) and abs(argument) > MOST:
            raise Unusable(f"{argument} is more than {MOST}", code="SYNC-0326")


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
