"""The spelling of attributes and the form of their values, by RFC 7643."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from scimsync.model.did_you_mean import closest
from scimsync.model.ids import Kind
from scimsync.scim.attributes import at_top
from scimsync.scim.paths import Path

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class ValueForm(Enum):
    """The form of an attribute's value."""

    TEXT = "a text"
    BOOLEAN = "true or false"
    MULTI = "a list of complex values"
    COMPLEX = "a complex value"
    ANY = "any JSON value"


REQUIRED: Mapping[Kind, str] = {Kind.USER: "userName", Kind.GROUP: "displayName"}
"""The attribute that every resource must have (RFC 7643 sections 4.1.1 and 4.2)."""

_NAME = "formatted familyName givenName middleName honorificPrefix honorificSuffix"
_ELEMENT = "value display type $ref"
_ADDRESS = "formatted streetAddress locality region postalCode country type"

_CORE: Mapping[Kind, str] = {
    Kind.USER: (
        "externalId userName displayName nickName profileUrl title userType preferredLanguage"
        " locale timezone password"
    ),
    Kind.GROUP: "externalId displayName",
}
_MULTI: Mapping[Kind, str] = {
    Kind.USER: "emails phoneNumbers ims photos addresses entitlements roles x509Certificates",
    Kind.GROUP: "members",
}


def _core(kind: Kind) -> dict[str, tuple[str, ValueForm]]:
    forms = dict.fromkeys(_CORE[kind].split(), ValueForm.TEXT)
    for name in _MULTI[kind].split():
        forms[name] = ValueForm.MULTI
        forms |= dict.fromkeys((f"{name}.{sub}" for sub in _ELEMENT.split()), ValueForm.TEXT)
        forms[f"{name}.primary"] = ValueForm.BOOLEAN
    if kind is Kind.USER:
        forms |= {"active": ValueForm.BOOLEAN, "name": ValueForm.COMPLEX}
        forms |= dict.fromkeys((f"name.{sub}" for sub in _NAME.split()), ValueForm.TEXT)
        forms |= dict.fromkeys((f"addresses.{sub}" for sub in _ADDRESS.split()), ValueForm.TEXT)
    return {name.casefold(): (name, form) for name, form in forms.items()}


def _enterprise() -> dict[str, tuple[str, ValueForm]]:
    forms = dict.fromkeys(
        ("employeeNumber", "costCenter", "organization", "division", "department"), ValueForm.TEXT
    )
    forms |= dict.fromkeys(("manager.value", "manager.$ref", "manager.displayName"), ValueForm.TEXT)
    forms["manager"] = ValueForm.COMPLEX
    return {name.casefold(): (name, form) for name, form in forms.items()}


_KNOWN = {kind: _core(kind) for kind in Kind}
_KNOWN_ENTERPRISE = _enterprise()


@dataclass(frozen=True, slots=True)
class SchemaAttribute:
    """A path in the spelling of the RFC, with the form of its values."""

    path: Path
    form: ValueForm

    def __str__(self) -> str:
        return str(self.path)


def meant(path: Path, kind: Kind) -> str | None:
    """Return the attribute name that a misspelled one was probably meant to be.

    That is a similar name of the core schema, or the same name with the URN of the enterprise
    extension. Return None if the name is known or resembles none: it may be a custom attribute.
    """
    if not at_top(path.schema) or path.attribute.casefold() in _KNOWN[kind]:
        return None
    if kind is Kind.USER and path.attribute.casefold() in _KNOWN_ENTERPRISE:
        return f"{ENTERPRISE}:{path.attribute}"
    names = [name for name, _ in _KNOWN[kind].values() if "." not in name]
    return closest(path.attribute, [*names, "id", "meta", "schemas"])


def sub_meant(path: Path, kind: Kind) -> str | None:
    """Return the path that one with a misspelled sub-attribute was probably meant to be.

    Return None if the sub-attribute is known or resembles none.
    """
    if path.sub is None or not at_top(path.schema):
        return None
    parent = f"{path.attribute}.".casefold()
    names = [name for folded, (name, _) in _KNOWN[kind].items() if folded.startswith(parent)]
    subs = [name[len(parent) :] for name in names]
    close = closest(path.sub, subs)
    if close is None or path.sub.casefold() in map(str.casefold, subs):
        return None
    return f"{path.attribute}.{close}"


def attribute_at(path: Path, kind: Kind) -> SchemaAttribute:
    """Return the attribute that `path` names.

    Names of the core and the enterprise schema get the RFC's spelling (they are case-insensitive,
    RFC 7643 section 2.1), and the URN of the core schema is left out. Other names are kept.
    """
    known: Mapping[str, tuple[str, ValueForm]] = {}
    schema = path.schema
    if at_top(schema):
        known, schema = _KNOWN[kind], None
    elif schema is not None and schema.casefold() == ENTERPRISE.casefold():
        known, schema = _KNOWN_ENTERPRISE, ENTERPRISE
    dotted = f"{path.attribute}.{path.sub}" if path.sub else path.attribute
    attribute = known.get(path.attribute.casefold(), (path.attribute, ValueForm.ANY))[0]
    spelling, form = known.get(dotted.casefold(), (f"{attribute}.{path.sub}", ValueForm.ANY))
    if path.sub is None:
        spelling = attribute
    elif path.sub.casefold() == "primary" and path.filter is not None:
        form = ValueForm.BOOLEAN
    sub = spelling.partition(".")[2] if path.sub else None
    return SchemaAttribute(replace(path, schema=schema, attribute=attribute, sub=sub), form)
