"""How a mapping fits the schemas of a target (RFC 7643 section 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scimsync.model.service_provider import Attribute, Schema, named
from scimsync.scim.attributes import at_top
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.settable import SettablePath, settable_path

COMMON = frozenset({"id", "externalid", "meta", "schemas"})
"""Attributes that every resource has and schemas need not list (RFC 7643 section 3.1)."""

_SET_BY_TARGET = "read-only"
_NOT_MAPPED = "required"


@dataclass(frozen=True, slots=True)
class Misfit:
    """An attribute and its `problem`: `unknown`, `read-only`, `required`, `type` or `values`."""

    path: str
    problem: str
    said: str


def knows_core(schemas: Sequence[Schema], kind: str) -> bool:
    """Return whether the `schemas` of a target describe users or groups."""
    core = RESOURCE_TYPES[kind].schema.casefold()
    return any(schema.id.casefold() == core for schema in schemas)


def misfits(schemas: Sequence[Schema], mapped: Iterable[str], kind: str = "user") -> list[Misfit]:
    """Return the misfits: of the `mapped` paths, then of the required attributes.

    Without the core schema nothing is known to misfit.
    """
    core = RESOURCE_TYPES[kind].schema
    known = {schema.id.casefold(): schema.attributes for schema in schemas}
    if core.casefold() not in known:
        return []
    places = [settable_path(path) for path in mapped]
    found = [misfit for each in places if (misfit := _misfit(each, known, core)) is not None]
    return [*found, *_missing(places, known, core)]


def declared_attributes(
    schemas: Sequence[Schema], place: SettablePath, kind: str
) -> tuple[Attribute | None, Attribute | None]:
    """Return the attribute and the sub-attribute of a path, None if it is not declared."""
    path, core = place.path, RESOURCE_TYPES[kind].schema
    urn = core if at_top(path.schema) or path.schema is None else path.schema
    found = (schema for schema in schemas if schema.id.casefold() == urn.casefold())
    attribute = named([one for schema in found for one in schema.attributes], path.attribute)
    if attribute is None or path.sub is None:
        return attribute, None
    return attribute, named(attribute.sub_attributes, path.sub)


def _misfit(
    each: SettablePath, known: Mapping[str, Sequence[Attribute]], core: str
) -> Misfit | None:
    path = each.path
    schema = core if at_top(path.schema) or path.schema is None else path.schema
    attributes = known.get(schema.casefold())
    if schema == core and path.attribute.casefold() in COMMON:
        common = named(attributes or (), path.attribute)
        forbids = common is not None and common.is_read_only
        return Misfit(str(path), "read-only", _SET_BY_TARGET) if forbids else None
    if attributes is None:
        return Misfit(str(path), "unknown", f"unknown schema {schema}")
    attribute = named(attributes, path.attribute)
    if attribute is None:
        return Misfit(str(path), "unknown", "unknown attribute")
    if attribute.is_read_only:
        return Misfit(str(path), "read-only", _SET_BY_TARGET)
    if path.sub is None or not attribute.sub_attributes:
        return None
    sub = named(attribute.sub_attributes, path.sub)
    if sub is None:
        return Misfit(str(path), "unknown", f"{path.attribute} has no sub-attribute {path.sub}")
    return Misfit(str(path), "read-only", _SET_BY_TARGET) if sub.is_read_only else None


def _missing(
    places: Sequence[SettablePath], known: Mapping[str, Sequence[Attribute]], core: str
) -> Iterator[Misfit]:
    """Yield the required attributes that are not mapped.

    They are those of the core schema, and of extensions and complex attributes in use.
    """
    for schema, mapped in _mapped_parts(places, core).items():
        prefix = "" if schema == core.casefold() else f"{schema}:"
        for attribute in known.get(schema, ()):
            name = attribute.name.casefold()
            if name in COMMON or attribute.is_read_only:
                continue
            path = f"{prefix}{attribute.name}"
            if name not in mapped:
                if attribute.required:
                    yield Misfit(path, "required", _NOT_MAPPED)
                continue
            for sub in attribute.sub_attributes:
                subs = mapped[name]
                is_missing = subs is not None and sub.name.casefold() not in subs
                if is_missing and sub.required and not sub.is_read_only:
                    yield Misfit(f"{path}.{sub.name}", "required", _NOT_MAPPED)


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
