"""The spelling and the value form of attributes, as RFC 7643 defines them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from scimsync.model.ids import Kind
from scimsync.model.suggestions import closest
from scimsync.scim.attributes import at_top
from scimsync.scim.paths import Path

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class Form(Enum):
    """The form that the value of an attribute must have."""

    TEXT = "a text"
    BOOLEAN = "true or false"
    MULTI = "a list of complex values"
    COMPLEX = "a complex value"
    ANY = "any JSON value"


REQUIRED: Mapping[Kind, str] = {Kind.USER: "userName", Kind.GROUP: "displayName"}
"""The attribute that every resource of a kind must have (RFC 7643 sections 4.1.1 and 4.2)."""

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


def _core(kind: Kind) -> dict[str, tuple[str, Form]]:
    forms = dict.fromkeys(_CORE[kind].split(), Form.TEXT)
    for name in _MULTI[kind].split():
        forms[name] = Form.MULTI
        forms |= dict.fromkeys((f"{name}.{sub}" for sub in _ELEMENT.split()), Form.TEXT)
        forms[f"{name}.primary"] = Form.BOOLEAN
    if kind is Kind.USER:
        forms |= {"active": Form.BOOLEAN, "name": Form.COMPLEX}
        forms |= dict.fromkeys((f"name.{sub}" for sub in _NAME.split()), Form.TEXT)
        forms |= dict.fromkeys((f"addresses.{sub}" for sub in _ADDRESS.split()), Form.TEXT)
    return {name.casefold(): (name, form) for name, form in forms.items()}


def _enterprise() -> dict[str, tuple[str, Form]]:
    forms = dict.fromkeys(
        ("employeeNumber", "costCenter", "organization", "division", "department"), Form.TEXT
    )
    forms |= dict.fromkeys(("manager.value", "manager.$ref", "manager.displayName"), Form.TEXT)
    forms["manager"] = Form.COMPLEX
    return {name.casefold(): (name, form) for name, form in forms.items()}


_KNOWN = {kind: _core(kind) for kind in Kind}
_KNOWN_ENTERPRISE = _enterprise()


@dataclass(frozen=True, slots=True)
class Attribute:
    """A path in the RFC's spelling, with the form of its values."""

    path: Path
    form: Form

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


def attribute_at(path: Path, kind: Kind) -> Attribute:
    """Return the attribute that `path` names.

    Attributes of the core and enterprise schemas get the RFC's spelling, since names are
    case-insensitive (RFC 7643 section 2.1), and the URN of the core schema is omitted. Other names
    stay as written.
    """
    known: Mapping[str, tuple[str, Form]] = {}
    schema = path.schema
    if at_top(schema):
        known, schema = _KNOWN[kind], None
    elif schema is not None and schema.casefold() == ENTERPRISE.casefold():
        known, schema = _KNOWN_ENTERPRISE, ENTERPRISE
    dotted = f"{path.attribute}.{path.sub}" if path.sub else path.attribute
    attribute = known.get(path.attribute.casefold(), (path.attribute, Form.ANY))[0]
    spelling, form = known.get(dotted.casefold(), (f"{attribute}.{path.sub}", Form.ANY))
    if path.sub is None:
        spelling = attribute
    elif path.sub.casefold() == "primary" and path.filter is not None:
        form = Form.BOOLEAN
    sub = spelling.partition(".")[2] if path.sub else None
    return Attribute(replace(path, schema=schema, attribute=attribute, sub=sub), form)
