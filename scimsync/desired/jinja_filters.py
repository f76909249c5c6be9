"""The filters of Jinja2, made safe for None and bounded in time and memory.

An empty column of a typed source is None, which Jinja2 would write as "None". Here text filters
return None for None, and list filters treat it as an empty list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from jinja2 import Environment, Undefined

from scimsync.desired.bounds import (
    bounded,
    check_lines,
    check_numbers,
    check_work,
    gathered,
)

Filter = Callable[..., Any]

REMOVED = {
    "random": "it would give another value on every run",
    **dict.fromkeys(
        ("e", "escape", "forceescape", "safe", "urlize", "xmlattr"),
        "it is for HTML, and values are sent as they are",
    ),
    "pprint": "it is for debugging",
}
"""The filters of Jinja2 that expressions do not have, with the reason."""

_TEXT = (
    "capitalize",
    "center",
    "indent",
    "striptags",
    "title",
    "trim",
    "truncate",
    "urlencode",
    "wordwrap",
)
_LISTS = (
    "list",
    "map",
    "select",
    "reject",
    "selectattr",
    "rejectattr",
    "unique",
    "batch",
    "slice",
    "items",
)
_WHOLE = ("dictsort", "groupby", "sort")
_BOUNDED = (
    "capitalize",
    "center",
    "indent",
    "striptags",
    "title",
    "truncate",
    "urlencode",
    "wordwrap",
)
_GROWING = ("batch", "map", "slice")
_SELECTING = ("select", "reject", "selectattr", "rejectattr")


def adapted(builtin: Mapping[str, Filter]) -> dict[str, Filter]:
    """Return the filters of Jinja2 (`builtin`) that expressions have, by name."""
    result = {name: function for name, function in builtin.items() if name not in REMOVED}
    for name in _BOUNDED:
        result[name] = bounded(result[name])
    result["indent"] = _indented(result["indent"])
    result["wordwrap"] = _wrapped(result["wordwrap"])
    for name in _SELECTING:
        result[name] = _in_time(result[name])
    for name in ("batch", "slice"):
        result[name] = _in_few_parts(result[name])
    for name in _TEXT:
        result[name] = _none_stays(result[name])
    for name in _LISTS:
        result[name] = _listed(result[name], gathered if name in _GROWING else list)
    for name in _WHOLE:
        result[name] = _none_is_empty(result[name])
    for name in ("first", "last", "min", "max"):
        result[name] = _none_of_none(result[name])
    return result


def _none_stays(function: Filter) -> Filter:
    value_at = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def text_filter(*args: Any, **kwargs: Any) -> Any:
        return None if args[value_at] is None else function(*args, **kwargs)

    return text_filter


def _none_is_empty(function: Filter) -> Filter:
    value_at = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def list_filter(*args: Any, **kwargs: Any) -> Any:
        if args[value_at] is None:
            args = (*args[:value_at], (), *args[value_at + 1 :])
        return function(*args, **kwargs)

    return list_filter


def _listed(function: Filter, collect: Callable[[Iterable[Any]], list[Any]]) -> Filter:
    """Return `function` with a list as its result.

    Jinja2 returns iterators, which are true even when they are empty.
    """
    inner = _none_is_empty(function)

    @wraps(function)
    def list_filter(*args: Any, **kwargs: Any) -> Any:
        return collect(inner(*args, **kwargs))

    return list_filter


def _in_time(function: Filter) -> Filter:
    """Return `function`, which applies a test to each element, with a limit on the work."""
    value_at = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def selecting_filter(*args: Any, **kwargs: Any) -> Any:
        check_work(args[value_at], args[value_at + 1 :], kwargs)
        return function(*args, **kwargs)

    return selecting_filter


def _in_few_parts(function: Filter) -> Filter:
    """Return `function` with a limit on its number, which says how long or how many parts are."""
    number_at = 2 if hasattr(function, "jinja_pass_arg") else 1

    @wraps(function)
    def dividing_filter(*args: Any, **kwargs: Any) -> Any:
        named = {name: value for name, value in kwargs.items() if name != "fill_with"}
        check_numbers(args[number_at : number_at + 1], named)
        return function(*args, **kwargs)

    return dividing_filter


def _indented(function: Filter) -> Filter:
    @wraps(function)
    def indent(value: str, width: int | str = 4, *args: Any, **kwargs: Any) -> Any:
        check_lines(1 + len(value.splitlines()), width)
        return function(value, width, *args, **kwargs)

    return indent


def _wrapped(function: Filter) -> Filter:
    @wraps(function)
    def wordwrap(
        environment: Environment,
        value: str,
        width: int = 79,
        break_long_words: bool = True,
        wrapstring: str | None = None,
        break_on_hyphens: bool = True,
    ) -> Any:
        if wrapstring is not None:
            check_lines(2 * len(value) // max(width, 1) + len(value.splitlines()), wrapstring)
        return function(environment, value, width, break_long_words, wrapstring, break_on_hyphens)

    return wordwrap


def _none_of_none(function: Filter) -> Filter:
    inner = _none_is_empty(function)

    @wraps(function)
    def choosing_filter(*args: Any, **kwargs: Any) -> Any:
        result = inner(*args, **kwargs)
        return None if isinstance(result, Undefined) else result

    return choosing_filter
