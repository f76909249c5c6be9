"""Documents and resources: a document becomes the body of a POST, and a resource is read back as a
document.

A document maps canonical paths (`name.givenName`, `emails[type eq "work"].value`) to plain JSON
values. `project(build(document, schema), document) == document`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scimsync.scim.attributes import at_top, is_unassigned, read, spelled
from scimsync.scim.grammar import PathError
from scimsync.scim.matching import matches
from scimsync.scim.paths import Path, parse_path
from scimsync.scim.places import element_start, place


def build(document: Mapping[str, Any], schema: str) -> dict[str, Any]:
    """The resource that holds what `document` says, with `schemas`: `schema` (the core schema's
    URN) and each extension.

    Paths with the same filter become one element; elements and attributes stand in the order of
    first appearance. Values are shared with the document. Raises PathError for a path that cannot
    be set (see `places.place`).
    """
    body: dict[str, Any] = {"schemas": [schema]}
    elements: dict[str, dict[str, Any]] = {}
    for text, value in document.items():
        where = place(text)
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
                element = elements[where.element] = element_start(where)
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
    """The document of what `resource` holds at `paths`; what is missing, null, "" or empty is left
    out.

    Attribute names compare without case. Where several elements match a filter, the first that has
    the sub-attribute counts. Raises PathError for text that is no path.
    """
    held = ((text, _value_at(resource, parse_path(text))) for text in paths)
    return {text: value for text, value in held if not is_unassigned(value)}


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
    found = [one for one in candidates if isinstance(one, Mapping) and matches(path.filter, one)]
    if path.sub is None:
        return found
    assigned = (read(one, path.sub) for one in found)
    return next((one for one in assigned if not is_unassigned(one)), None)
