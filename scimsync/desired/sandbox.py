"""The Jinja2 environment of expressions, which limits what they can use and compute.

Expressions come from the administrator, but the values that they use can come from anyone.
Therefore values are never parsed as expressions, only the filters and a fixed list of methods can
be called, and the size of results is limited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from types import BuiltinMethodType
from typing import Any

from jinja2 import StrictUndefined, Undefined
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from scimsync.desired import comparisons
from scimsync.desired.bounds import (
    PRODUCT,
    bounded_format,
    bounded_power,
    bounded_product,
    bounded_sum,
    check_arguments,
    checked,
    joined,
    product,
)
from scimsync.desired.expression_errors import UnusableValue, kind_of
from scimsync.desired.expression_filters import filters
from scimsync.desired.times import RunDay, Today, ZonedDay

_TEXT_METHODS = """
    capitalize casefold center count endswith find index isalnum isalpha isascii isdecimal isdigit
    islower isnumeric isspace istitle isupper join ljust lower lstrip partition removeprefix
    removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith
    strip swapcase title upper zfill
""".split()  # noqa: SIM905
_DATE = frozenset(
    {"year", "month", "day", "isoformat", "weekday", "isoweekday", "strftime", "replace"}
)

ATTRIBUTES: Mapping[type, frozenset[str]] = {
    str: frozenset(_TEXT_METHODS),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
    dict: frozenset({"get", "items", "keys", "values"}),
    **dict.fromkeys((date, RunDay, Today, ZonedDay), _DATE),
    datetime: _DATE | {"date", "hour", "minute", "second"},
    timedelta: frozenset({"days", "seconds", "total_seconds"}),
}
"""Attributes and methods that expressions may use, by type. All others count as undefined."""

_LONGEST_NAME = 60


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, limited to `ATTRIBUTES` and scimsync's filters, without globals."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, tables: Mapping[str, Mapping[str, object]]) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, cache_size=0)
        self.globals.clear()
        self.filters = {
            **filters(self.filters, tables),
            **comparisons.FILTERS,
            PRODUCT: product,
        }
        self.tests = {**self.tests, **comparisons.TESTS}
        operators: dict[str, Callable[[Any, Any], Any]] = {
            "+": bounded_sum,
            "*": bounded_product,
            "**": bounded_power,
            "%": bounded_format,
        }
        self.binop_table.update(operators)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Return whether `ATTRIBUTES` lists the attribute (`attr` filter, `map(attribute=…)`)."""
        return attr in ATTRIBUTES.get(type(obj), ()) and super().is_safe_attribute(obj, attr, value)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a listed attribute of `obj`, or an item of a nested table.

        Return an Undefined that holds the reason if it is neither.
        """
        if isinstance(obj, Undefined):
            return getattr(obj, attribute)  # raises UndefinedError with the reason
        if attribute in ATTRIBUTES.get(type(obj), ()):
            return getattr(obj, attribute)
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return self._nothing(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return `obj[argument]`, or the result of `getattr` for the name."""
        try:
            return obj[argument]
        except (TypeError, LookupError):
            if isinstance(argument, str) and argument in ATTRIBUTES.get(type(obj), ()):
                return getattr(obj, argument)
            return self._nothing(obj, argument)

    def call(self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a method of a value; nothing else can be called."""
        if isinstance(__obj, Undefined):
            return __obj()  # raises UndefinedError with the reason
        if not isinstance(__obj, BuiltinMethodType) or __obj.__name__ not in ATTRIBUTES.get(
            type(__obj.__self__), ()
        ):
            raise UnusableValue(
                (f"{kind_of(type(__obj).__name__)} is not a function"), code="SYNC-0320"
            )
        value = __obj.__self__
        check_arguments(value, __obj.__name__, args, kwargs)
        if __obj.__name__ == "join" and isinstance(value, str) and len(args) == 1:
            return joined(value, args[0])
        return checked(__obj(*args, **kwargs), value)

    def _nothing(self, obj: Any, name: Any) -> Any:
        what = kind_of(type(obj).__name__)
        if isinstance(name, int):
            return self.undefined(
                f"{what} has no element {name}"
                + (f": it has {len(obj)}" if hasattr(obj, "__len__") else "")
            )
        return self.undefined(f'{what} has no "{str(name)[:_LONGEST_NAME]}"')


class RecordContext(Context):
    """The values of one record, for compiled expressions. Each run makes a new one."""

    def __init__(self, environment: Sandbox, eval_ctx: Any, values: dict[str, Any]) -> None:
        self.parent = values
        self.vars = {}
        self.environment = environment
        self.eval_ctx = eval_ctx
        self.exported_vars = set()

    def resolve_or_missing(self, key: str) -> Any:
        """Return the value of the variable `key`; the record's variables are the only ones."""
        return self.parent[key]
