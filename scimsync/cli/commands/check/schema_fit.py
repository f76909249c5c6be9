"""How a mapping fits the schemas of a target (RFC 7643 section 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scimsync.scim.attributes import at_top, read
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.settable import SettablePath, settable_path

COMMON = frozenset({"id", "externalid", "meta", "schemas"})
"""Attributes that every resource has and schemas need not list (RFC 7643 section 3.1)."""

_SET_BY_TARGET = "read-only"
_NOT_MAPPED = "required"


@dataclass(frozen=True, slots=True)
class Misfit:
    """An attribute and its `problem`: `unknown`, `read-only` or `required`."""

    path: str
    problem: str
    said: str


def knows_core(schemas: Sequence[Mapping[str, Any]], kind: str) -> bool:
    """Return whether the `schemas` of a target include the core schema of users or groups."""
    core = RESOURCE_TYPES[kind].schema.casefold()
    return any(str(read(schema, "id")).casefold() == core for schema in schemas)


def misfits(
    schemas: Sequence[Mapping[str, Any]], mapped: Iterable[str], kind: str = "user"
) -> list[Misfit]:
    """Return what does not fit: of the `mapped` paths, then of the required attributes.

    `schemas` are the resources of /Schemas. Without the core schema nothing is known to misfit.
    """
    core = RESOURCE_TYPES[kind].schema
    known = {str(read(schema, "id")).casefold(): _attributes(schema) for schema in schemas}
    if core.casefold() not in known:
        return []
    places = [settable_path(path) for path in mapped]
    found = [misfit for each in places if (misfit := _misfit(each, known, core)) is not None]
    return [*found, *_missing(places, known, core)]


def _misfit(
    each: SettablePath, known: Mapping[str, Mapping[str, Mapping[str, Any]]], core: str
) -> Misfit | None:
    path = each.path
    schema = core if at_top(path.schema) or path.schema is None else path.schema
    if schema == core and path.attribute.casefold() in COMMON:
        return None
    attributes = known.get(schema.casefold())
    if attributes is None:
        return Misfit(str(path), "unknown", f"unknown schema {schema}")
    attribute = attributes.get(path.attribute.casefold())
    if attribute is None:
        return Misfit(str(path), "unknown", "unknown attribute")
    if _is_read_only(attribute):
        return Misfit(str(path), "read-only", _SET_BY_TARGET)
    subs = _attributes(attribute, "subAttributes")
    if path.sub is None or not subs:
        return None
    sub = subs.get(path.sub.casefold())
    if sub is None:
        return Misfit(str(path), "unknown", f"{path.attribute} has no sub-attribute {path.sub}")
    return Misfit(str(path), "read-only", _SET_BY_TARGET) if _is_read_only(sub) else None


def _missing(
    places: Sequence[SettablePath], known: Mapping[str, Mapping[str, Mapping[str, Any]]], core: str
) -> Iterator[Misfit]:
    """Give the required attributes that nothing maps.

    They are those of the core schema, and of extensions and complex attributes in use.
    """
    for schema, mapped in _mapped_parts(places, core).items():
        prefix = "" if schema == core.casefold() else f"{schema}:"
        for name, attribute in known.get(schema, {}).items():
            if name in COMMON or _is_read_only(attribute):
                continue
            path = f"{prefix}{read(attribute, 'name')}"
            if name not in mapped:
                if _is_required(attribute):
                    yield Misfit(path, "required", _NOT_MAPPED)
                continue
            for sub_name, sub in _attributes(attribute, "subAttributes").items():
                is_missing = mapped[name] is not None and sub_name not in (mapped[name] or ())
                if is_missing and _is_required(sub) and not _is_read_only(sub):
                    yield Misfit(f"{path}.{read(sub, 'name')}", "required", _NOT_MAPPED)


def _mapped_parts(
    places: Sequence[SettablePath], core: str
) -> dict[str, dict[str, set[str] | None]]:
    """Return schema -> attribute -> mapped sub-attributes, all folded; None for the whole value."""
    parts: dict[str, dict[str, set[str] | None]] = {core.casefold(): {}}
    for each in places:
        path = each.path
        schema = core if at_top(path.schema) or path.schema is None else path.schema
        attributes = parts.setdefault(schema.casefold(), {})
        subs = attributes.setdefault(path.attribute.casefold(), set())
        if path.sub is None:
            attributes[path.attribute.casefold()] = None
        elif subs is not None:
            subs.update({path.sub.casefold(), *(pin.casefold() for pin, _ in each.pins)})
    return parts


def _attributes(
    holder: Mapping[str, Any], member: str = "attributes"
) -> dict[str, Mapping[str, Any]]:
    """Folded name -> attribute."""
    attributes = read(holder, member)
    if not isinstance(attributes, list):
        return {}
    return {
        str(read(one, "name")).casefold(): one for one in attributes if isinstance(one, Mapping)
    }


def _is_read_only(attribute: Mapping[str, Any]) -> bool:
    return str(read(attribute, "mutability")).casefold() == "readonly"


def _is_required(attribute: Mapping[str, Any]) -> bool:
    return read(attribute, "required") is True
