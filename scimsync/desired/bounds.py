"""Limits on what an expression may compute, so that no record can exhaust the memory.

`'0' * width` with a huge width in a bad row, `code.zfill(1e9)` and `'%999999999d'` fail for that
record only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any

from scimsync.desired.expression_errors import UnusableValue, show
from scimsync.desired.numbers import is_number

MOST = 100_000
"""The longest text (characters), the longest list (elements), and the largest numeric argument."""

PRODUCT = "*"
"""The filter that the compiler puts in the place of `*`."""

_BITS = 4096
_WORK = 10_000_000
_LONGEST_FORMAT = 1000
_PLACEHOLDER = re.compile(r"%(?:\((.*?)\))?[#0 +-]*(\d+)?(?:\.(\d+))?[a-zA-Z]")
_WIDE = re.compile(r"%[^%a-zA-Z]*(?:\d{5,}|\*)")


def size_of(value: Any, most: int = MOST) -> int:
    """Return the characters and elements of a value, with those of the values in it.

    The count ends once it is more than `most`.
    """
    if isinstance(value, str):
        return len(value)
    size, open_values = 0, [value]
    while open_values and size <= most:
        held = open_values.pop()
        if isinstance(held, str):
            size += len(held)
        elif isinstance(held, (list, tuple)):
            size += len(held)
            open_values += held if len(held) <= most else ()
        elif isinstance(held, dict):
            size += len(held)
            open_values += [*held, *held.values()] if len(held) <= most else ()
    return size


def checked(value: Any, *given: Any) -> Any:
    """Return `value`; raise UnusableValue if it is too large, and larger than what was `given`."""
    if not isinstance(value, (str, list, tuple, dict)):
        return value
    most = max([MOST, *(len(one) for one in given if isinstance(one, str))])
    if (len(value) if isinstance(value, str) else size_of(value, most)) > most:
        raise _too_long()
    return value


def joined(separator: str, parts: Iterable[str]) -> str:
    """Return `separator.join(parts)`; raise UnusableValue before it becomes too long."""
    texts, size = [], 0
    for part in parts:
        size += len(part) + len(separator)
        if size - len(separator) > MOST:
            raise _too_long()
        texts.append(part)
    return separator.join(texts)


def gathered(values: Iterable[Any]) -> list[Any]:
    """Return `values` as a list; raise UnusableValue before they become too large together."""
    found, size = [], 0
    for value in values:
        size += 1 + size_of(value, 2 * MOST)
        if size > 2 * MOST:
            raise _too_long()
        found.append(value)
    return found


def check_work(items: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise UnusableValue if looking at each of `args` for each of `items` takes too long."""
    longest = max(map(size_of, (*args, *kwargs.values())), default=0)
    if hasattr(items, "__len__") and len(items) * longest > _WORK:
        raise UnusableValue("it would take too long for so many values", code="SYNC-0326")


def bounded_sum(left: Any, right: Any) -> Any:
    """Return `left + right`; raise UnusableValue if the text or list becomes too long."""
    sized = (str, list, tuple)
    if (
        isinstance(left, sized)
        and isinstance(right, sized)
        and len(left) + len(right) > max(MOST, len(left), len(right))
    ):
        raise _too_long()
    return left + right


def bounded_product(left: Any, right: Any) -> Any:
    """Return `left * right`; raise UnusableValue if the result is too large."""
    for thing, times in ((left, right), (right, left)):
        if isinstance(thing, (str, list, tuple)) and isinstance(times, int):
            size = size_of(thing)
            if size * times > MOST:
                raise UnusableValue(
                    f"{times} times {size} is more than {MOST} characters or elements",
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
    if _formatted_size(left, right) > MOST:
        raise _too_long()
    return checked(left % right, left)


def _formatted_size(form: str, values: Any) -> int:
    """Return the maximum length of `form % values`, odd characters aside.

    Each width and precision counts, and each value as often as it is used.
    """
    size = 0
    for match in _PLACEHOLDER.finditer(form):
        size += sum(int(number) for number in match.group(2, 3) if number)
        if match.group(1) is not None and isinstance(values, dict):
            size += size_of(values.get(match.group(1)))
    return size if isinstance(values, dict) else size + size_of(values)


def check_arguments(
    value: Any, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    """Raise UnusableValue if `value.method(*args, **kwargs)` could become too large."""
    check_numbers(args, kwargs)
    if method == "replace" and isinstance(value, str) and len(args) >= 2:
        check_replacement(value, args[0], args[1])
    elif method in ("strip", "lstrip", "rstrip") and isinstance(value, str):
        check_work(value, args, kwargs)
    elif method == "strftime" and args and size_of(args[0]) > _LONGEST_FORMAT:
        raise UnusableValue("the format is too long", code="SYNC-0326")


def check_replacement(value: str, old: Any, new: Any) -> None:
    """Raise UnusableValue if replacing `old` with `new` makes `value` too long."""
    if (
        isinstance(old, str)
        and isinstance(new, str)
        and len(value) + value.count(old) * len(new) > MOST
    ):
        raise _too_long()


def check_numbers(args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise UnusableValue if a width, count or precision among the arguments is too large."""
    for argument in (*args, *kwargs.values()):
        if isinstance(argument, int) and abs(argument) > MOST:
            raise UnusableValue(f"{argument} is more than {MOST}", code="SYNC-0326")


def check_lines(lines: int, added: Any) -> None:
    """Raise UnusableValue if a text, or a number of spaces, is too much for each of `lines`."""
    if lines * (added if isinstance(added, int) else size_of(added)) > MOST:
        raise _too_long()


def bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the filter `function` with limits on its numeric arguments and on its result.

    The filtered value itself may be any number.
    """
    first = 2 if hasattr(function, "jinja_pass_arg") else 1

    @wraps(function)
    def filter_within_bounds(*args: Any, **kwargs: Any) -> Any:
        check_numbers(args[first:], kwargs)
        return checked(function(*args, **kwargs), *args[:first])

    return filter_within_bounds


def _too_long() -> UnusableValue:
    return UnusableValue(
        f"the result would have more than {MOST} characters or elements", code="SYNC-0326"
    )
