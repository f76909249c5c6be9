"""The filters of expressions: those of scimsync, beside those of Jinja2.

Text filters return None for None, and those that join several parts treat it as "".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from jinja2 import Environment, Undefined, pass_environment
from jinja2.filters import make_attrgetter

from scimsync.desired import numbers
from scimsync.desired.bounds import (
    MOST,
    bounded,
    bounded_format,
    check_replacement,
    checked,
    joined,
    size_of,
)
from scimsync.desired.dates import read_date, read_datetime
from scimsync.desired.day_numbers import read_epoch, read_excel_date, read_filetime
from scimsync.desired.expression_errors import UnusableValue, kind_of, show
from scimsync.desired.jinja_filters import Filter, adapted
from scimsync.model.ids import Key
from scimsync.model.names import name_of
from scimsync.model.placeholders import IdOf

CONCAT = "~"
SLICE = "[:]"
REF = "ref()"
HOLDING = "access()"
"""Filters that only the compiler uses. Their names cannot be written in an expression."""

_GERMAN = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "ẞ": "SS"}
)
_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_MISSING: Any = object()


def filters(
    builtin: Mapping[str, Filter], tables: Mapping[str, Mapping[str, object]]
) -> dict[str, Filter]:
    """Return all filters by name: those of Jinja2 (`builtin`), adapted, and scimsync's own.

    `lookup` reads `tables`.
    """
    own: dict[str, Filter] = {
        "lower": _lower,
        "upper": _upper,
        "string": _string,
        "replace": _replace,
        "join": _join,
        "reverse": _reverse,
        "length": _length,
        "count": _length,
        "format": _format,
        "int": numbers.to_int,
        "float": numbers.to_float,
        "round": bounded(numbers.rounded),
        "abs": numbers.absolute,
        "sum": _sum,
        "tojson": _tojson,
        "default": _default,
        "d": _default,
        "date": read_date,
        "datetime": read_datetime,
        "epoch": read_epoch,
        "excel_date": read_excel_date,
        "filetime": read_filetime,
        "ascii": to_ascii,
        "slug": to_slug,
        "lookup": _lookup(tables),
        CONCAT: _concat,
        SLICE: _slice,
        REF: make_ref,
        HOLDING: _holding,
    }
    return adapted(builtin) | own


def text_of(value: Any) -> str:
    """Return `value` as a part of a longer text; None becomes "".

    Raise UnusableValue for a list or table, which would appear in Python's notation.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (list, tuple, dict, IdOf)):
        raise UnusableValue(
            f"{kind_of(type(value).__name__)} cannot be a part of a text; | join(', ') makes text"
            " of a list",
            code="SYNC-0320",
        )
    return str(value)


def to_ascii(value: Any, language: str | None = None) -> str | None:
    """Return `value` in ASCII letters.

    Łukasz Müller becomes Lukasz Muller, and with `ascii('de')` Lukasz Mueller.
    """
    if value is None:
        return None
    from anyascii import anyascii

    text = text_of(value)
    if text.isascii():
        return text
    if language == "de":
        text = text.translate(_GERMAN)
    elif language is not None:
        raise UnusableValue(
            f"ascii knows the spelling of 'de' only, not {show(language)}", code="SYNC-0320"
        )
    return cast(str, checked(anyascii(text), text))


def to_slug(value: Any, separator: str = "-") -> str | None:
    """Return `value` as lower-case ASCII letters and digits, with `separator` for the rest.

    "R & D, Köln" becomes r-d-koln.
    """
    text = to_ascii(value)
    if text is None:
        return None
    parts = _NOT_SLUG.split(text.lower().replace("'", ""))
    return joined(separator, filter(None, parts))


def make_ref(key: Any, by: str | None = None) -> IdOf | None:
    """Return a reference to the record with the key `key`, or None if `key` is None or "".

    Numbers become text, because keys are text. With `by`, it is a reference to the record for which
    the expression `by` gives `key`.
    """
    if by is not None and key is not None and not isinstance(key, IdOf):
        return _ref_by(key, by)
    if key is None or key == "":
        return None
    if isinstance(key, IdOf):
        return key
    if isinstance(key, str):
        return IdOf(Key(key))
    if isinstance(key, int) and not isinstance(key, bool):
        return IdOf(Key(str(key)))
    if isinstance(key, float) and key.is_integer():
        return IdOf(Key(str(int(key))))
    raise UnusableValue(f"ref(…) takes the key of one record, not {show(key)}", code="SYNC-0327")


def _ref_by(value: Any, by: str) -> IdOf | None:
    if isinstance(value, str) and not value.strip():
        return None
    name = name_of(by, value)
    if name is None:
        raise UnusableValue(f"ref(…, by=…) takes one text, not {show(value)}", code="SYNC-0327")
    return IdOf(Key(name), name)


def _lower(value: Any) -> str | None:
    return None if value is None else _recased(str.lower, text_of(value))


def _upper(value: Any) -> str | None:
    return None if value is None else _recased(str.upper, text_of(value))


def _recased(change: Callable[[str], str], text: str) -> str:
    return change(text) if text.isascii() else cast(str, checked(change(text), text))


def _string(value: Any) -> str | None:
    return None if value is None else text_of(value)


def _replace(value: Any, old: str, new: str, count: int = -1) -> str | None:
    if value is None:
        return None
    text, new = text_of(value), text_of(new)
    check_replacement(text, old, new)
    return text.replace(text_of(old), new, count)


def _join(
    value: Iterable[Any] | None, separator: str = "", attribute: str | int | None = None
) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if attribute is not None:
        value = [
            item.get(attribute) if isinstance(item, dict) else item[attribute] for item in value
        ]
    return joined(text_of(separator), map(text_of, value))


def _reverse(value: Any) -> Any:
    if value is None:
        return None
    return value[::-1] if isinstance(value, str) else list(reversed(value))


def _length(value: Any) -> int:
    return 0 if value is None else len(value)


def _format(value: Any, *args: Any, **kwargs: Any) -> Any:
    if args and kwargs:
        raise UnusableValue("format takes values or names, not both", code="SYNC-0320")
    return None if value is None else bounded_format(text_of(value), kwargs or args)


@pass_environment
def _sum(
    environment: Environment,
    values: Iterable[Any] | None,
    attribute: str | int | None = None,
    start: Any = 0,
) -> Any:
    if attribute is not None and values is not None:
        values = map(make_attrgetter(environment, attribute), values)
    return numbers.total(values, start)


def _tojson(value: Any) -> str:
    if size_of(value) > MOST:
        checked(value)
    return cast(str, checked(json.dumps(value, ensure_ascii=False, sort_keys=True)))


def _default(value: Any, default: Any = "", boolean: bool = False) -> Any:
    if (
        value is None
        or isinstance(value, Undefined)
        or (isinstance(value, str) and not value)
        or (boolean and not value)
    ):
        return default
    return value


def _lookup(tables: Mapping[str, Mapping[str, object]]) -> Filter:
    def lookup(key: Any, table: str, default: Any = _MISSING) -> Any:
        entries = tables.get(table)
        if entries is None:
            raise UnusableValue(f"there is no table {show(table)}", code="SYNC-0323")
        if key is None or key == "":
            return None if default is _MISSING else default
        if isinstance(key, (list, tuple, dict)):
            raise UnusableValue(
                f"lookup takes one key, not {kind_of(type(key).__name__)}; a list goes through |"
                " map('lookup', …)",
                code="SYNC-0323",
            )
        name = text_of(key)
        if name in entries:
            return entries[name]
        if default is _MISSING:
            raise UnusableValue(f"tables.{table} has no {show(name)}", code="SYNC-0323")
        return default

    return lookup


def _concat(parts: tuple[Any, ...]) -> str:
    text = "".join([part if type(part) is str else text_of(part) for part in parts])
    return text if len(text) <= MOST else checked(text, *parts)


def _slice(value: Any, start: Any, stop: Any, step: Any) -> Any:
    return None if value is None else value[start:stop:step]


def _holding(holds: tuple[bool, ...], names: tuple[str, ...]) -> list[str]:
    return [name for name, held in zip(names, holds, strict=True) if held]
