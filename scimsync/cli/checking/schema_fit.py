"""Whether what is mapped fits the schemas of a target (RFC 7643 section 7), and whether all is
mapped that they require."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scimsync.scim.attributes import at_top, read
from scimsync.scim.places import Place, place
from scimsync.scim.resource_types import resource_type

COMMON = frozenset({"id", "externalid", "meta", "schemas"})
"""Attributes that every resource has and schemas need not list (RFC 7643 section 3.1)."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """One attribute and what is wrong with it: `unknown`, `read-only`, `required`."""

    path: str
    problem: str
    said: str


def misfits(
    schemas: Sequence[Mapping[str, Any]], mapped: Iterable[str], kind: str = "user"
) -> list[Misfit]:
    """What does not fit, first of the `mapped` paths, then of what is required. `schemas` are the
    resources of /Schemas."""
    core = resource_type(kind).schema
    known = {str(read(schema, "id")).casefold(): _attributes(schema) for schema in schemas}
    if core.casefold() not in known:
        return []  # without its core schema nothing can be told
    places = [place(path) for path in mapped]
    found = [misfit for each in places if (misfit := _misfit(each, known, core)) is not None]
    return [*found, *_missing(places, known, core)]


def _misfit(
    each: Place, known: Mapping[str, Mapping[str, Mapping[str, Any]]], core: str
) -> Misfit | None:
    path = each.path
    schema = core if at_top(path.schema) or path.schema is None else path.schema
    if schema == core and path.attribute.casefold() in COMMON:
        return None
    attributes = known.get(schema.casefold())
    if attributes is None:
        return Misfit(str(path), "unknown", f"the target has no schema {schema}")
    attribute = attributes.get(path.attribute.casefold())
    if attribute is None:
        return Misfit(str(path), "unknown", "the target does not know this attribute")
    if _is_read_only(attribute):
        return Misfit(str(path), "read-only", "the target sets this itself (readOnly)")
    subs = _attributes(attribute, "subAttributes")
    if path.sub is None or not subs:
        return None
    sub = subs.get(path.sub.casefold())
    if sub is None:
        return Misfit(
            str(path), "unknown", f"the target knows {path.attribute}, but no .{path.sub} of it"
        )
    return (
        Misfit(str(path), "read-only", "the target sets this itself (readOnly)")
        if _is_read_only(sub)
        else None
    )


def _missing(
    places: Sequence[Place], known: Mapping[str, Mapping[str, Mapping[str, Any]]], core: str
) -> Iterable[Misfit]:
    """Required attributes that nothing maps: of the core schema, of extensions in use, of complex
    attributes in use."""
    used: dict[str, dict[str, set[str] | None]] = {core.casefold(): {}}
    for each in places:
        path = each.path
        schema = core if at_top(path.schema) or path.schema is None else path.schema
        subs = used.setdefault(schema.casefold(), {}).setdefault(path.attribute.casefold(), set())
        if path.sub is None:
            used[schema.casefold()][path.attribute.casefold()] = None
        elif subs is not None:
            subs.update({path.sub.casefold(), *(pin.casefold() for pin, _ in each.pins)})
    for schema, mapped in used.items():
        prefix = "" if schema == core.casefold() else f"{schema}:"
        for name, attribute in known.get(schema, {}).items():
            if name in COMMON or _is_read_only(attribute):
                continue
            spelling = f"{prefix}{read(attribute, 'name')}"
            if name not in mapped:
                if _is_required(attribute):
                    yield Misfit(
                        spelling,
                        "required",
                        "the target requires this, and nothing is mapped to it",
                    )
                continue
            subs = mapped[name]
            if subs is None:
                continue
            for sub_name, sub in _attributes(attribute, "subAttributes").items():
                if sub_name not in subs and _is_required(sub) and not _is_read_only(sub):
                    said = "the target requires this, and nothing is mapped to it"
                    yield Misfit(f"{spelling}.{read(sub, 'name')}", "required", said)


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
