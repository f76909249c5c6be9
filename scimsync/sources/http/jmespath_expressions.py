"""JMESPath expressions over responses and records, compiled once.

Beside the functions of the JMESPath specification there are:

- `from_epoch(seconds)`, `from_epoch_ms(milliseconds)`: an instant in ISO 8601, UTC
- `from_wcf_date(text)`: the same from `/Date(1703116800000)/` and `/Date(1703116800000+0060)/`
- `to_object(list, name, value)`: a list of objects as one object: the member `name` of each is a
  key, the member `value` its value
- `lower(text)`, `split(text, separator)`
- `filled(first, second, …)`: the first value that is neither null nor an empty text or list
- `given(value, result)`: `result`, or null if `value` is null: an unknown value is not false

All of them give null for null, and the two `from_epoch` also for 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator

from scimsync.settings import Text, invalid
from scimsync.settings.text_types import quoted

if TYPE_CHECKING:
    from jmespath.functions import Functions

Read = Callable[[Any], Any]
"""Returns the value of an expression for a JSON value; null where it does not apply."""

INSTALL: Final = 'pip install "scimsync[http]"'

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_WCF = re.compile(r"/Date\((-?\d{1,15})([+-]\d{4})?\)/")


class ExpressionError(ValueError):
    """An expression that cannot be applied to its value; `str()` is one line."""


def _expression(text: str) -> str:
    if _PLAIN.fullmatch(text) or text == "@":
        return text
    try:
        _parse(text)
    except ImportError:
        pass  # reported when the source is opened
    except ValueError as error:
        why = str(error).partition("\n")[0].rstrip(":")
        raise invalid(
            f"{quoted(text)} is not a JMESPath expression: {why}",
            hint='such as "users", "data.items", "@" for the whole body',
            code="SYNC-0271",
        ) from None
    return text


Expression = Annotated[Text, AfterValidator(_expression)]
"""A JMESPath expression (https://jmespath.org)."""


@cache
def compiled(text: str) -> Read:
    """Return the function of an expression. A plain path does not need the library.

    The function raises ExpressionError. Raise ImportError if the library is not installed.
    """
    if text == "@":
        return _itself
    if _PLAIN.fullmatch(text):
        return _path(text.split("."))
    return _searching(text, _parse(text))


def is_null_at(text: str, value: Any) -> bool:
    """Return whether a plain path leads to null in a JSON value, and not to a missing member."""
    if text != "@":
        if not _PLAIN.fullmatch(text):
            return False
        for name in text.split("."):
            if value is None:
                return True
            if not isinstance(value, dict) or name not in value:
                return False
            value = value[name]
    return value is None


def compiled_rows(paths: Mapping[str, str]) -> Callable[[Sequence[Any]], list[dict[str, Any]]]:
    """Return the function that reads a row from each record: name -> value of its expression.

    All plain paths become one expression of Python, which looks up each object of a record once.
    That takes a fifth of the time of a function for each of them. The function raises
    ExpressionError. Raise ImportError as `compiled` does.
    """
    readers = {name: compiled(text) for name, text in paths.items()}
    scope: dict[str, Any] = {"nothing": {}}
    objects = {"": "record"}  # path -> the variable that holds the object there

    def member(path: str) -> str:
        above, _, name = path.rpartition(".")
        return f"{holder(above)}.get({name!r})"

    def holder(path: str) -> str:
        if path in objects:
            return objects[path]
        found = member(path)
        objects[path] = variable = f"object{len(objects)}"
        return f"({variable} := {found} or nothing)"

    members = []
    for number, (name, text) in enumerate(paths.items()):
        if _PLAIN.fullmatch(text):
            members.append(f"{name!r}: {member(text)}")
        else:
            scope[f"read{number}"] = readers[name]
            members.append(f"{name!r}: read{number}(record)")
    # made of names in quotes and of plain paths, and of nothing else
    row = eval(f"lambda record: {{{', '.join(members)}}}", scope)  # noqa: S307

    def rows(records: Sequence[Any]) -> list[dict[str, Any]]:
        try:
            return list(map(row, records))
        except AttributeError:  # a path leads through something that is not an object
            return [{name: read(record) for name, read in readers.items()} for record in records]

    return rows


def _itself(value: Any) -> Any:
    return value


def _path(names: list[str]) -> Read:
    """Return the function of a path such as `profile.email`. Most records have all of it."""

    def read_path(value: Any) -> Any:
        for name in names:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value

    first, second, *further = [*names, ""]
    if not second:

        def read_member(value: Any) -> Any:
            return value.get(first) if isinstance(value, dict) else None

        return read_member
    if further != [""]:
        return read_path

    def read_member_of_member(value: Any) -> Any:
        try:
            return value[first][second]
        except (KeyError, TypeError, IndexError):
            return read_path(value)

    return read_member_of_member


def _searching(text: str, parsed: Any) -> Read:
    from jmespath import Options
    from jmespath.exceptions import JMESPathError

    options = Options(custom_functions=_functions())

    def search(value: Any) -> Any:
        try:
            return parsed.search(value, options=options)
        except (JMESPathError, ValueError, OverflowError) as error:
            raise ExpressionError(f"{quoted(text)}: {error}") from None

    return search


@cache
def _parse(text: str) -> Any:
    import jmespath

    return jmespath.compile(text)


def is_true(value: Any) -> bool:
    """Return whether JMESPath treats a value as true: 0 is true, and empty values are not."""
    return value is not None and value is not False and value != "" and value != [] and value != {}


def root_fields(text: str) -> tuple[str, ...]:
    """Return the members of a record that an expression reads, in their order."""
    if text == "@":
        return ()
    if _PLAIN.fullmatch(text):
        return (text.partition(".")[0],)
    return tuple(dict.fromkeys(_roots(_parse(text).parsed)))


def _roots(node: Mapping[str, Any]) -> Iterable[str]:
    children = node["children"]
    match node["type"]:
        case "field":
            yield node["value"]
        case (
            "subexpression"
            | "index_expression"
            | "projection"
            | "filter_projection"
            | "value_projection"
            | "flatten"
            | "pipe"
        ):
            yield from _roots(children[0])
        case _:
            for child in children:
                if isinstance(child, dict):
                    yield from _roots(child)


@cache
def _functions() -> Functions:
    from jmespath import functions

    scalar = ["string", "number", "null"]

    class _MoreFunctions(functions.Functions):
        """The functions of the module's docstring."""

        @functions.signature({"types": scalar})
        def _func_from_epoch(self, seconds: Any) -> str | None:
            return _instant(seconds, 1)

        @functions.signature({"types": scalar})
        def _func_from_epoch_ms(self, milliseconds: Any) -> str | None:
            return _instant(milliseconds, 1000)

        @functions.signature({"types": ["string", "null"]})
        def _func_from_wcf_date(self, text: str | None) -> str | None:
            found = _WCF.fullmatch(text or "")
            if found is None:
                return text
            return _utc(int(found[1]) / 1000)

        @functions.signature(
            {"types": ["array", "null"]}, {"types": ["string"]}, {"types": ["string"]}
        )
        def _func_to_object(self, items: Any, name: str, value: str) -> dict[str, Any] | None:
            if items is None:
                return None
            return {
                str(item[name]): item.get(value)
                for item in items
                if isinstance(item, dict) and item.get(name) is not None
            }

        @functions.signature({"types": ["string", "null"]})
        def _func_lower(self, text: str | None) -> str | None:
            return None if text is None else text.lower()

        @functions.signature({"types": ["string", "null"]}, {"types": ["string"]})
        def _func_split(self, text: str | None, separator: str) -> list[str] | None:
            return None if text is None else text.split(separator)

        @functions.signature({"types": []}, {"types": []})
        def _func_given(self, value: Any, result: Any) -> Any:
            return None if value is None else result

        @functions.signature({"types": [], "variadic": True})
        def _func_filled(self, *values: Any) -> Any:
            return next((value for value in values if value not in (None, "", [], {})), None)

    return _MoreFunctions()


def _instant(value: Any, units: int) -> str | None:
    number = float(value) if value not in (None, "") else 0.0
    return _utc(number / units) if number else None


def _utc(seconds: float) -> str:
    whole = datetime.fromtimestamp(round(seconds), UTC)
    return whole.isoformat().replace("+00:00", "Z")
