"""Change a resource as it was read, and keep everything else in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from scimsync.scim.attributes import is_unassigned, read, same_value, spelled
from scimsync.scim.differences import Difference
from scimsync.scim.filter_matching import matches


def edited(resource: Mapping[str, Any], changes: Iterable[Difference]) -> dict[str, Any]:
    """Return a copy of `resource` with `changes`.

    Attributes and elements that no change names stay as they are, in their spelling.
    """
    after: dict[str, Any] = deepcopy(dict(resource))
    for change in changes:
        if change.is_removal:
            _remove(after, change)
        else:
            _set(after, change)
    return after


def _set(resource: dict[str, Any], change: Difference) -> None:
    path = change.where.path
    holder = resource
    if change.schema is not None:
        holder = _object_at(resource, change.schema)
        _declare(resource, change.schema)
    if path.filter is not None:
        elements = _list_at(holder, path.attribute)
        held = _element(elements, change)
        if held is None:
            elements.append(dict(change.element or change.where.new_element()))
            held = elements[-1]
        held.update((_name(held, pin), value) for pin, value in change.where.pins)
        held[_name(held, str(path.sub))] = change.value
    elif path.sub is not None:
        part = _object_at(holder, path.attribute)
        part[_name(part, path.sub)] = change.value
    else:
        holder[_name(holder, path.attribute)] = change.value


def _remove(resource: dict[str, Any], change: Difference) -> None:
    path = change.where.path
    holder: Any = resource if change.schema is None else read(resource, change.schema)
    if not isinstance(holder, dict):
        return
    name = _name(holder, path.attribute)
    if path.filter is not None:
        elements = holder.get(name)
        held = _element(elements, change) if isinstance(elements, list) else None
        if held is None or not isinstance(elements, list):
            return
        if change.ends_element:
            elements.remove(held)
        else:
            held.pop(_name(held, str(path.sub)), None)
    elif path.sub is not None:
        part = holder.get(name)
        if isinstance(part, dict):
            part.pop(_name(part, path.sub), None)
    else:
        holder.pop(name, None)
    if name in holder and is_unassigned(holder[name]):
        del holder[name]


def _element(elements: list[Any], change: Difference) -> dict[str, Any] | None:
    """Return the element that a change is about.

    That is the first one that the filter of its path selects. Some targets drop the `type` of an
    element: without it, the element with the value of before is the one.
    """
    path = change.where.path
    assert path.filter is not None  # noqa: S101 - the callers ask
    objects = [element for element in elements if isinstance(element, dict)]
    for element in objects:
        if matches(path.filter, element):
            return element
    if change.before is None or path.sub is None:
        return None
    for element in objects:
        has_pins = any(spelled(element, pin) for pin, _ in change.where.pins)
        if not has_pins and same_value(read(element, path.sub), change.before):
            return element
    return None


def _object_at(holder: dict[str, Any], name: str) -> dict[str, Any]:
    key = _name(holder, name)
    if not isinstance(holder.get(key), dict):
        holder[key] = {}
    part: dict[str, Any] = holder[key]
    return part


def _list_at(holder: dict[str, Any], name: str) -> list[Any]:
    key = _name(holder, name)
    if not isinstance(holder.get(key), list):
        holder[key] = []
    elements: list[Any] = holder[key]
    return elements


def _declare(resource: dict[str, Any], schema: str) -> None:
    """Add the URN of an extension to the `schemas` of a resource."""
    schemas = _list_at(resource, "schemas")
    if schema.casefold() not in (str(one).casefold() for one in schemas):
        schemas.append(schema)


def _name(holder: Mapping[str, Any], name: str) -> str:
    """Return how `holder` spells an attribute, or the name itself if it has none."""
    return spelled(holder, name) or name
