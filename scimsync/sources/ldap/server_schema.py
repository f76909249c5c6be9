"""Check what a server supports: its schema, the base of the search, matching rules."""

from __future__ import annotations

from scimsync.errors import SourceFormatError
from scimsync.sources.base import SourceSpec
from scimsync.sources.directory import ldap_filters
from scimsync.sources.directory.attribute_types import AttributeTypes, read_schema
from scimsync.sources.ldap.ldap_connection import BoundServer
from scimsync.sources.ldap.search import ANY, FoundEntry, LdapSearch, find
from scimsync.sources.ldap.settings import LdapSettings

_OF_ACTIVE_DIRECTORY = {ldap_filters.BIT_AND, ldap_filters.BIT_OR, ldap_filters.IN_CHAIN}


def check_base(spec: SourceSpec[LdapSettings], server: BoundServer) -> str | None:
    """Read the base of the search, and return the DN of the schema that governs it.

    Raise SourceFormatError if there is no base, it must not be read, or is on another server.
    """
    base = spec.settings.base
    place = spec.setting("base")
    wanted = LdapSearch(base, ANY, ["subschemaSubentry"], 0, place, "BASE")
    found = list(find(server, wanted))
    if not found:
        raise SourceFormatError(
            f"{place}: {server.label} does not show {base}",
            hint="let bind_dn read it" if spec.settings.bind_dn else "set bind_dn and password",
            code="SYNC-0252",
        )
    own = _texts(found[0], "subschemasubentry")
    return (*own, *server.info.of("subschemaSubentry"), None)[0]


def read_types(
    spec: SourceSpec[LdapSettings], server: BoundServer, subschema: str | None
) -> AttributeTypes:
    """Return the attributes of the server's schema, and its matching rules.

    Raise SourceFormatError if it is not to be read: without it, columns would hold text where they
    held lists.
    """
    definitions: list[str] = []
    rules: list[str] = []
    if subschema is not None:
        wanted = ["attributeTypes", "matchingRules"]
        search = LdapSearch(subschema, ANY, wanted, 0, spec.setting("read_schema"), "BASE")
        for entry in find(server, search):
            definitions += _texts(entry, "attributetypes")
            rules += _texts(entry, "matchingrules")
    if not definitions:
        raise SourceFormatError(
            f"{spec.setting('read_schema')}: {server.label} does not show its schema",
            details=["it says which attributes have several values, and become lists"],
            hint=f"let bind_dn read {subschema or 'it'}, or write read_schema = false and single",
            code="SYNC-0257",
        )
    return read_schema(definitions, rules)


def check_rules(
    spec: SourceSpec[LdapSettings],
    server: BoundServer,
    query: ldap_filters.Filter,
    types: AttributeTypes,
) -> None:
    """Raise SourceFormatError for a matching rule that the server does not know.

    It would find no entries then (RFC 4511, section 4.5.1.7).
    """
    is_active_directory = server.info.is_active_directory
    named = {item.rule.lower() for item in ldap_filters.items(query) if item.rule}
    known = {*(types.rules or ()), *(_OF_ACTIVE_DIRECTORY if is_active_directory else ())}
    if types.rules is None:
        named &= {ldap_filters.IN_CHAIN}
    for rule in sorted(named - known):
        raise SourceFormatError(
            f"{spec.setting('filter')}: {server.label} does not know the matching rule {rule}",
            hint="it would find nothing" if rule != ldap_filters.IN_CHAIN else _ONLY_THERE,
            code="SYNC-0253",
        )
    if spec.settings.nested == "in-chain" and not is_active_directory:
        raise SourceFormatError(
            f"{spec.setting('nested')}: {server.label} is not Active Directory",
            hint="nested = true finds the members of nested groups on any server",
            code="SYNC-0253",
        )


_ONLY_THERE = "only Active Directory knows it"


def _texts(entry: FoundEntry, name: str) -> list[str]:
    return [
        value.decode(errors="replace")
        for found, values in entry.attributes
        if found.lower() == name
        for value in values
    ]
