"""The attributes that an API can store: read them from SCIM requests, and list them as schemas.

A request that names anything else is refused with 400 and the scimType invalidPath, so that nothing
is lost without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scimsync.scim.attributes import at_top, is_unassigned, read, spelled
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.filter_matching import matches
from scimsync.scim.grammar import PathError
from scimsync.scim.paths import Path, parse_path
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.settable import MULTI_VALUED, SettablePath, settable_path

Json = dict[str, Any]

_COMMON = frozenset({"schemas", "id", "meta"})


def refused(scim_type: str, detail: str) -> ErrorResponse:
    """Return the error for a request that an adapter cannot carry out, and has not sent."""
    return ErrorResponse(400, scim_type=scim_type, detail=detail)


@dataclass(frozen=True, slots=True)
class ApiAttribute:
    """An attribute that an API stores, by its path in a mapping.

    `mutability` is that of RFC 7643 section 2.2; an immutable attribute is set at creation. A
    read-only one is a common attribute that the API lacks, which schemas would not show otherwise.
    """

    path: str
    type: Literal["string", "boolean"] = "string"
    required: bool = False
    mutability: Literal["readWrite", "immutable", "writeOnly", "readOnly"] = "readWrite"

    @property
    def where(self) -> SettablePath:
        return settable_path(self.path)

    def checked(self, value: object) -> Any:
        """Return a value to store. Raise ErrorResponse for one of the wrong type."""
        wanted = bool if self.type == "boolean" else str
        if isinstance(value, wanted):
            return value
        raise refused("invalidValue", f"{self.path} takes a {self.type}, not {value!r}")


class AttributeTable:
    """The attributes of one resource type at `product`: "user" or "group"."""

    def __init__(self, product: str, kind: str, attributes: Sequence[ApiAttribute]) -> None:
        self._product = product
        self._type = RESOURCE_TYPES[kind]
        self._kind = kind
        self._attributes = tuple(attributes)
        self._by_key = {
            attribute.where.key: attribute
            for attribute in attributes
            if attribute.mutability != "readOnly"
        }

    def values_of(self, resource: Mapping[str, Any]) -> Json:
        """Return path -> value of a resource to create, without `members`.

        Raise ErrorResponse for values that cannot be stored, and for a missing required attribute.
        """
        values: Json = {}
        for name, value in resource.items():
            if name.casefold() in _COMMON or (self._kind == "group" and _is_members(name)):
                continue
            for attribute, part in self._parts(name, value):
                if not is_unassigned(part):
                    values[attribute.path] = attribute.checked(part)
        for attribute in self._attributes:
            if attribute.required and attribute.path not in values:
                raise refused("invalidValue", f"{self._product} requires {attribute.path}")
        return values

    def changes_of(self, operations: Sequence[Mapping[str, Any]]) -> Json:
        """Return path -> new value (None to remove it) of the operations of a PATCH.

        Raise ErrorResponse for values that cannot be stored or changed.
        """
        changes: Json = {}
        for operation in operations:
            removes = str(read(operation, "op")).lower() == "remove"
            path, value = read(operation, "path"), read(operation, "value")
            if path is None and not isinstance(value, Mapping):
                raise refused("noTarget", "an operation without a path needs an object")
            named = {str(path): value} if path is not None else value
            for text, new in named.items():
                parts = self._selected(text) if removes else self._parts(text, new)
                for attribute, part in parts:
                    self._check_mutable(attribute)
                    unset = removes or is_unassigned(part)
                    if unset and attribute.required:
                        raise refused("invalidValue", f"{self._product} requires {attribute.path}")
                    changes[attribute.path] = None if unset else attribute.checked(part)
        return changes

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the attributes that can be stored."""
        return tuple(attribute.path for attribute in self._by_key.values())

    def schemas(self) -> list[Json]:
        """Return the attributes as resources of /Schemas (RFC 7643 section 7)."""
        schemas: dict[str, Json] = {self._type.schema: {}}
        for attribute in self._attributes:
            path = attribute.where.path
            schema = self._type.schema if at_top(path.schema) else str(path.schema)
            _add_to_schema(schemas.setdefault(schema, {}), attribute, path)
        return [
            {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
                "id": schema,
                "name": schema.rpartition(":")[2],
                "attributes": list(attributes.values()),
            }
            for schema, attributes in schemas.items()
        ]

    def resource_type(self) -> Json:
        """Return the resource of /ResourceTypes (RFC 7643 section 6)."""
        core, *extensions = (schema["id"] for schema in self.schemas())
        return {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": self._kind.capitalize(),
            "name": self._kind.capitalize(),
            "endpoint": self._type.endpoint,
            "schema": core,
            "schemaExtensions": [{"schema": each, "required": False} for each in extensions],
        }

    def _check_mutable(self, attribute: ApiAttribute) -> None:
        if attribute.mutability == "immutable":
            why = f"{self._product} cannot change {attribute.path} of an existing {self._kind}"
            raise refused("mutability", why)

    def _parts(self, text: str, value: Any) -> Iterator[tuple[ApiAttribute, Any]]:
        """Yield the attributes that a value at the path `text` sets."""
        if isinstance(value, Mapping):
            separator = ":" if text.casefold().startswith("urn:") and self._is_schema(text) else "."
            for name, part in value.items():
                yield from self._parts(f"{text}{separator}{name}", part)
        elif isinstance(value, list) and value:
            for element in value:
                yield from self._element(text, element)
        else:
            yield self._attribute(text), value

    def _is_schema(self, text: str) -> bool:
        known = {str(attribute.where.path.schema).casefold() for attribute in self._attributes}
        return text.casefold() in known or not text.rpartition(":")[2][:1].islower()

    def _element(self, text: str, element: Any) -> Iterator[tuple[ApiAttribute, Any]]:
        """Yield the attributes that one element of a multi-valued attribute sets."""
        name = text.casefold()
        candidates = [
            attribute
            for attribute in self._attributes
            if attribute.where.pins
            and attribute.where.path.parent.casefold() == name
            and isinstance(element, Mapping)
            and attribute.where.path.filter is not None
            and matches(attribute.where.path.filter, element)
        ]
        if not candidates:
            raise self._unknown(f"{text} {element!r}")
        pins = {pin.casefold() for pin, _ in candidates[0].where.pins}
        for sub, value in element.items():
            if sub.casefold() in pins:
                continue
            fitting = [
                attribute
                for attribute in candidates
                if str(attribute.where.path.sub).casefold() == sub.casefold()
            ]
            if not fitting:
                raise self._unknown(f"{candidates[0].path.rpartition('.')[0]}.{sub}")
            yield fitting[0], value

    def _selected(self, text: str) -> Iterator[tuple[ApiAttribute, Any]]:
        """Yield the attributes at or below the path `text`."""
        try:
            whole = parse_path(text)
            element = settable_path(f"{text}.value" if whole.filter and not whole.sub else text)
        except PathError as error:
            raise refused("invalidPath", str(error)) from None
        found = [
            attribute
            for attribute in self._by_key.values()
            if attribute.where.key == element.key
            or (whole.sub is None and attribute.where.element == element.element)
            or (
                whole.sub is None
                and whole.filter is None
                and attribute.where.path.parent.casefold() == whole.parent.casefold()
            )
        ]
        if not found:
            raise self._unknown(text)
        yield from ((attribute, None) for attribute in found)

    def _attribute(self, text: str) -> ApiAttribute:
        try:
            key = settable_path(text).key
        except PathError as error:
            raise refused("invalidPath", str(error)) from None
        core = f"{self._type.schema}:".casefold()
        found = self._by_key.get(key.removeprefix(core))
        if found is None:
            raise self._unknown(text)
        return found

    def _unknown(self, text: str) -> ErrorResponse:
        why = f"{self._product} cannot store {text} of a {self._kind}; leave it out of the mapping"
        return refused("invalidPath", why)


def _add_to_schema(schema: Json, attribute: ApiAttribute, path: Path) -> None:
    """Add an attribute to the attributes of a schema, by name."""
    described = {
        "type": attribute.type,
        "mutability": attribute.mutability,
        "required": attribute.required,
        "multiValued": False,
    }
    name = spelled(schema, path.attribute) or path.attribute
    if path.sub is None:
        schema[name] = {"name": name, **described}
        return
    whole = schema.setdefault(
        name,
        {
            "name": name,
            "type": "complex",
            "mutability": "readWrite",
            "required": False,
            "multiValued": name.casefold() in MULTI_VALUED,
            "subAttributes": [],
        },
    )
    whole["required"] |= attribute.required
    known = {sub["name"] for sub in whole["subAttributes"]}
    if path.sub not in known:
        whole["subAttributes"].append({"name": path.sub, **described})
    for pin, value in attribute.where.pins:
        if pin not in known:
            whole["subAttributes"].append({"name": pin, "type": "string", "canonicalValues": []})
        (of_pin,) = (sub for sub in whole["subAttributes"] if sub["name"] == pin)
        if value not in of_pin["canonicalValues"]:
            of_pin["canonicalValues"].append(value)


def _is_members(name: str) -> bool:
    return name.casefold() == "members"
