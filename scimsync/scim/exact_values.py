"""Read the value at a path quickly, where a resource spells all names as the path does.

Attribute names are case-insensitive (RFC 7643 section 2.1), and filters may be anything. These
readers look for the exact names only, and for elements that a filter selects by plain equality. A
value that they do not find may still exist: `resources.project` decides then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from scimsync.scim.attributes import at_top
from scimsync.scim.grammar import PathError
from scimsync.scim.settable import settable_path

ExactReader = Callable[[Mapping[str, Any]], Any]
"""Returns the value of a resource at one path, or None if it is not found."""


@lru_cache(maxsize=4096)
def exact_reader(text: str) -> ExactReader:
    """Return the reader of a path."""
    try:
        where = settable_path(text)
    except PathError:
        return lambda _resource: None
    path = where.path
    schema = None if at_top(path.schema) else path.schema
    if where.pins:
        return _of_element(schema, path.attribute, where.pins, path.sub)
    return _of_attribute(schema, path.attribute, path.sub)


@lru_cache(maxsize=1024)
def exact_readers(paths: tuple[str, ...]) -> tuple[ExactReader, ...]:
    """Return the readers of several paths."""
    return tuple(map(exact_reader, paths))


def _of_attribute(schema: str | None, name: str, sub: str | None) -> ExactReader:
    def at_the_top(resource: Mapping[str, Any]) -> Any:
        return resource.get(name)

    def in_extension(resource: Mapping[str, Any]) -> Any:
        holder = resource.get(schema)  # type: ignore[arg-type]
        return holder.get(name) if type(holder) is dict else None

    read = at_the_top if schema is None else in_extension
    if sub is None:
        return read

    def of_sub(resource: Mapping[str, Any]) -> Any:
        value = read(resource)
        return value.get(sub) if type(value) is dict else None

    return of_sub


def _of_element(
    schema: str | None, name: str, pins: tuple[tuple[str, Any], ...], sub: str | None
) -> ExactReader:
    read = _of_attribute(schema, name, None)
    (first, wanted), *more = pins

    def of_element(resource: Mapping[str, Any]) -> Any:
        elements = read(resource)
        if type(elements) is not list or sub is None:
            return None
        for element in elements:
            if type(element) is not dict or element.get(first) != wanted:
                continue
            if not more or all(element.get(pin) == value for pin, value in more):
                return element.get(sub)
        return None

    return of_element
