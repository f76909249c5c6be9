"""Whether the values of a mapping fit the schemas of a target (RFC 7643 sections 2.3 and 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from scimsync.cli.commands.check.mapped_values import MappedValues, ValueCount
from scimsync.cli.commands.check.schema_fit import Misfit, declared_attributes
from scimsync.formatting import plural
from scimsync.model.service_provider import Attribute, Schema, named
from scimsync.scim.settable import settable_path

_LONGEST_VALUE = 40
_CANONICAL_SHOWN = 8


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_time(value: Any) -> bool:
    if not (isinstance(value, str) and "T" in value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


_TYPES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "string": (_is_text, "a text"),
    "reference": (_is_text, "a URI or a reference"),
    "binary": (_is_text, "a text in Base64"),
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
    "integer": (_is_integer, "a whole number"),
    "decimal": (_is_number, "a number"),
    "datetime": (_is_time, "a time such as 2026-03-02T08:00:00Z"),
    "complex": (lambda value: isinstance(value, dict), "an object"),
}
"""Attribute types in lower case: how to recognize a value, and what it is. Others take anything."""


def value_misfits(schemas: Sequence[Schema], values: MappedValues, kind: str) -> list[Misfit]:
    """Return the values of attributes that do not fit `schemas`: one for each path and problem.

    A misfit has the problem `type`, or `values` for those outside of the canonical values.
    """
    found: list[Misfit] = []
    for path in values.by_path:
        place = settable_path(path)
        attribute, sub = declared_attributes(schemas, place, kind)
        declared = attribute if place.path.sub is None else sub
        if attribute is None or declared is None:
            continue  # unknown attributes are found without their values
        is_element = place.path.sub is not None or bool(place.pins)
        wrong: dict[str, list[tuple[ValueCount, str]]] = {}
        for each in values.values(path):
            for problem, said in _problems(each.value, declared, is_element=is_element):
                wrong.setdefault(problem, []).append((each, said))
        found += [Misfit(path, problem, _said(some)) for problem, some in wrong.items()]
    return found


def pin_misfits(schemas: Sequence[Schema], paths: Sequence[str], kind: str) -> list[Misfit]:
    """Return the paths with a filter value that does not fit `schemas`."""
    found: list[Misfit] = []
    for path in paths:
        place = settable_path(path)
        attribute, _ = declared_attributes(schemas, place, kind)
        subs = () if attribute is None else attribute.sub_attributes
        for name, value in place.pins:
            sub = named(subs, name)
            problems = () if sub is None else _problems(value, sub, is_element=True)
            found += [Misfit(path, problem, f"{name} {said}") for problem, said in problems]
    return found


def _problems(
    value: Any, attribute: Attribute, *, is_element: bool = False
) -> Iterator[tuple[str, str]]:
    """Return the problems of a value of `attribute`, each with its description.

    `is_element`: the value is one of several, or a part of one.
    """
    if isinstance(value, list):
        if attribute.multi_valued is False:
            yield "type", f"{_shown(value)} is a list, and the target takes one value"
            return
        for item in value:
            yield from _problems(item, attribute, is_element=True)
        return
    if attribute.multi_valued and not is_element:
        yield "type", f"{_shown(value)} is one value, and the target takes a list"
        return
    fits, expected = _TYPES.get(attribute.type or "", (lambda _: True, ""))
    if not fits(value):
        yield "type", f"{_shown(value)} is not {expected}"
    elif isinstance(value, dict):
        for name, held in value.items():
            sub = named(attribute.sub_attributes, name)
            for problem, said in [] if sub is None else _problems(held, sub):
                yield problem, f"{name} {said}"
    elif not _is_canonical(value, attribute):
        shown = ", ".join(attribute.canonical_values[:_CANONICAL_SHOWN])
        more = len(attribute.canonical_values) - _CANONICAL_SHOWN
        others = f" and {more} more" if more > 0 else ""
        yield "values", f"{_shown(value)} is not one of {shown}{others}"


def _is_canonical(value: Any, attribute: Attribute) -> bool:
    if not attribute.canonical_values or not isinstance(value, str):
        return True
    if attribute.case_exact:
        return value in attribute.canonical_values
    return value.casefold() in {one.casefold() for one in attribute.canonical_values}


def _said(some: Sequence[tuple[ValueCount, str]]) -> str:
    """Return what is wrong with the first of some values, and for how many resources."""
    first, said = some[0]
    others = sum(each.number for each, _ in some) - 1
    also = f" and {plural(others, 'other')}" if others > 0 else ""
    return f"{said} ({first.first}{also})"


def _shown(value: Any) -> str:
    text = orjson.dumps(value, default=str).decode()
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
