"""Read what service providers declare about themselves, in the forms that are seen in the wild.

Names may be in any case, booleans and numbers may be text, a limit of 0 says nothing, and anything
missing or of another type is unknown. Nothing here fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from scimsync.model.service_provider import (
    Assignable,
    Assigning,
    Attribute,
    Capabilities,
    DeclaredType,
    Schema,
)
from scimsync.scim.attributes import count_in, read, short_text

MAX_DEPTH = 4
"""The depth of sub-attributes that are read. RFC 7643 has two levels."""

_ALL = 1_000_000
"""More users than a target has: a larger number of assignments is no limit."""


def read_capabilities(body: Mapping[str, Any]) -> Capabilities:
    """Return the capabilities in a /ServiceProviderConfig (RFC 7643 section 5)."""
    filtering, bulk = _object(body, "filter"), _object(body, "bulk")
    paging, events = _object(body, "pagination"), _object(body, "securityEvents")
    assigning = _object(body, "RolesAndEntitlements")
    way = _word(read(paging, "defaultPaginationMethod"))
    return Capabilities(
        patch=_supported(body, "patch"),
        filter=_supported(body, "filter"),
        max_results=_limit(filtering, "maxResults"),
        bulk=_supported(body, "bulk"),
        bulk_max_operations=_limit(bulk, "maxOperations"),
        bulk_max_payload=_limit(bulk, "maxPayloadSize"),
        etag=_supported(body, "etag"),
        sort=_supported(body, "sort"),
        change_password=_supported(body, "changePassword"),
        index_paging=_flag(read(paging, "index")),
        cursor_paging=_flag(read(paging, "cursor")),
        default_paging=way if way in ("index", "cursor") else None,
        default_page_size=_limit(paging, "defaultPageSize"),
        max_page_size=_limit(paging, "maxPageSize"),
        cursor_timeout_s=_limit(paging, "cursorTimeout"),
        async_requests=_word(read(events, "asyncRequest")),
        interop_profile=_flag(read(body, "interopProfileConformant")),
        authentication=tuple(_authentication(body)),
        roles=_assigning(assigning, "roles", "multipleRolesSupported"),
        entitlements=_assigning(assigning, "entitlements", "multipleEntitlementsSupported"),
    )


def read_resource_types(resources: list[Mapping[str, Any]]) -> tuple[DeclaredType, ...]:
    """Return the resource types in the resources of /ResourceTypes (RFC 7643 section 6)."""
    return tuple(
        DeclaredType(
            name=short_text(read(one, "name")) or short_text(read(one, "id")) or "",
            endpoint=_endpoint(read(one, "endpoint")),
            schema=short_text(read(one, "schema")) or "",
            extensions={
                urn: _flag(read(extension, "required"))
                for extension in _objects(one, "schemaExtensions")
                if (urn := short_text(read(extension, "schema"))) is not None
            },
        )
        for one in resources
    )


def read_schemas(resources: list[Mapping[str, Any]]) -> tuple[Schema, ...]:
    """Return the schemas in the resources of /Schemas (RFC 7643 section 7).

    A schema without attributes describes nothing and is left out.
    """
    schemas = (
        Schema(urn, _attributes(one, "attributes"))
        for one in resources
        if (urn := short_text(read(one, "id"))) is not None
    )
    return tuple(schema for schema in schemas if schema.attributes)


def read_assignable(resources: list[Mapping[str, Any]]) -> tuple[Assignable, ...]:
    """Return the roles or entitlements in the resources of /Roles or /Entitlements.

    Where they have a `value` (draft-ietf-scim-roles-entitlements), users hold it; otherwise
    users hold the id or the name.
    """
    return tuple(filter(lambda one: one.names, map(_assignable, resources)))


def _assignable(resource: Mapping[str, Any]) -> Assignable:
    value = short_text(read(resource, "value"))
    others = (short_text(read(resource, name)) for name in ("id", "displayName", "display", "name"))
    names = (value,) if value is not None else tuple(dict.fromkeys(filter(None, others)))
    permitted = count_in(read(resource, "totalAssignmentsPermitted"))
    is_limited = _flag(read(resource, "limitedAssignmentsPermitted"))
    has_limit = is_limited is not False and permitted is not None and 0 < permitted < _ALL
    return Assignable(
        names,
        supported=_flag(read(resource, "supported")),
        permitted=permitted if has_limit else None,
        used=count_in(read(resource, "totalAssignmentsUsed")),
    )


def _attributes(
    holder: Mapping[str, Any], member: str, depth: int = MAX_DEPTH
) -> tuple[Attribute, ...]:
    if not depth:
        return ()
    return tuple(
        Attribute(
            name,
            type=_word(read(one, "type")),
            multi_valued=_flag(read(one, "multiValued")),
            required=_flag(read(one, "required")),
            mutability=_word(read(one, "mutability")),
            case_exact=_flag(read(one, "caseExact")),
            canonical_values=_texts(read(one, "canonicalValues")),
            sub_attributes=_attributes(one, "subAttributes", depth - 1),
        )
        for one in _objects(holder, member)
        if (name := short_text(read(one, "name"))) is not None
    )


def _assigning(body: Mapping[str, Any], name: str, multiple: str) -> Assigning:
    said = _object(body, name)
    return Assigning(
        supported=_supported(body, name),
        multiple=_flag(read(said, multiple)),
        primary=_flag(read(said, "primarySupported")),
        types=_flag(read(said, "typeSupported")),
    )


def _authentication(body: Mapping[str, Any]) -> Iterator[str]:
    for scheme in _objects(body, "authenticationSchemes"):
        kind = _word(read(scheme, "type"))
        if kind is not None:
            yield kind


def _endpoint(value: Any) -> str:
    """Return an endpoint as a path: some service providers declare a URL, or no slash."""
    path = urlsplit(short_text(value) or "").path if "://" in str(value) else short_text(value)
    return "/" + (path or "").strip("/")


def _objects(holder: Mapping[str, Any], member: str) -> list[Mapping[str, Any]]:
    held = read(holder, member)
    return [one for one in held if isinstance(one, Mapping)] if isinstance(held, list) else []


def _object(holder: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    held = read(holder, member)
    return held if isinstance(held, Mapping) else {}


def _supported(body: Mapping[str, Any], feature: str) -> bool | None:
    """Return `supported` of a feature. Some service providers write the boolean alone."""
    held = read(body, feature)
    return _flag(read(held, "supported") if isinstance(held, Mapping) else held)


def _flag(value: Any) -> bool | None:
    """Return a boolean, which may be text."""
    return {"true": True, "false": False}.get(str(value).strip().lower())


def _limit(holder: Mapping[str, Any], member: str) -> int | None:
    """Return a number above 0, which may be text."""
    return count_in(read(holder, member)) or None


def _word(value: Any) -> str | None:
    return value.strip().lower() or None if isinstance(value, str) and len(value) < 100 else None


def _texts(value: Any) -> tuple[str, ...]:
    texts = map(short_text, value) if isinstance(value, list) else ()
    return tuple(text for text in texts if text is not None)
