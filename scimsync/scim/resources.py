"""Turn documents into resources, and resources into documents.

A document maps paths (`name.givenName`, `emails[type eq "work"].value`) to JSON values.
`project(build(document, schema), document) == document`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scimsync.scim.attributes import MAX_NAME, at_top, is_unassigned, read, spelled
from scimsync.scim.filter_matching import matches
from scimsync.scim.grammar import PathError
from scimsync.scim.paths import Path, parse_path
from scimsync.scim.settable import settable_path

_NAMES = frozenset({"externalid", "username", "displayname"})


def build(document: Mapping[str, Any], schema: str) -> dict[str, Any]:
    """Return the resource with the values in `document`.

    Its `schemas` are `schema`, the URN of the core schema, and the extensions that the document
    uses. Paths with the same filter become one element. Elements and attributes are in the order of
    the document. Values are shared with the document, not copied.

    Raise PathError for a path that cannot be set (see `settable_path`).
    """
    body: dict[str, Any] = {"schemas": [schema]}
    elements: dict[str, dict[str, Any]] = {}
    for text, value in document.items():
        where = settable_path(text)
        path = where.path
        holder = body
        if path.schema is not None and not at_top(path.schema):
            key = spelled(body, path.schema)
            if key is None:
                key = path.schema
                body["schemas"].append(key)
                body[key] = {}
            holder = body[key]
        name = spelled(holder, path.attribute) or path.attribute
        if where.pins:
            element = elements.get(where.element)
            if element is None:
                element = elements[where.element] = where.new_element()
                _part_of(holder, name, [], text).append(element)
            element[str(path.sub)] = value
        elif path.sub is not None:
            _part_of(holder, name, {}, text)[path.sub] = value
        elif name in holder:
            raise PathError(text, 1, f"'{path.attribute}' is set twice")
        else:
            holder[name] = value
    return body


def project(resource: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """Return the document of the values at `paths`, without those that are null, "" or empty.

    Attribute names are case-insensitive. If several elements match a filter, the first one with the
    sub-attribute counts. Names (userName, displayName, externalId) are cut at `MAX_NAME`. Raise
    PathError for text that is not a path.
    """
    held = ((text, value_at(resource, text)) for text in paths)
    return {text: value for text, value in held if value is not None}


def value_at(resource: Mapping[str, Any], text: str) -> Any:
    """Return the value at the path `text` as `project` does, None if there is none."""
    path = parse_path(text)
    value = _value_at(resource, path)
    if is_unassigned(value):
        return None
    if isinstance(value, str) and len(value) > MAX_NAME and _is_name(path):
        return value[: MAX_NAME - 1] + "…"
    return value


def _is_name(path: Path) -> bool:
    return path.sub is None and path.attribute.casefold() in _NAMES


def _part_of(holder: dict[str, Any], name: str, empty: Any, text: str) -> Any:
    part = holder.setdefault(name, empty)
    if type(part) is not type(empty):
        raise PathError(text, 1, f"'{name}' is set both as a whole and in parts")
    return part


def _value_at(resource: Mapping[str, Any], path: Path) -> Any:
    holder: Any = resource if at_top(path.schema) else read(resource, path.schema or "")
    if not isinstance(holder, Mapping):
        return None
    value = read(holder, path.attribute)
    if path.filter is None:
        if path.sub is None:
            return value
        return read(value, path.sub) if isinstance(value, Mapping) else None
    candidates = value if isinstance(value, list) else [value]
    elements = [
        candidate
        for candidate in candidates
        if isinstance(candidate, Mapping) and matches(path.filter, candidate)
    ]
    if path.sub is None:
        return elements
    values = (read(element, path.sub) for element in elements)
    return next((value for value in values if not is_unassigned(value)), None)
