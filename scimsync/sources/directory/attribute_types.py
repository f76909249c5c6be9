"""The known facts about attributes: the form of their values, and whether they have only one.

A server's schema says both (RFC 4512, section 4.1.2). Where there is none, as in LDIF, the tables
of this module do: RFC 2307, 2798, 4512, 4519, 4530, 5020, and Microsoft's [MS-ADA1] to [MS-ADA3].
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

DN_COLUMN = "dn"
"""The column with the distinguished name of each entry."""


class Form(StrEnum):
    """The form of the values of an attribute."""

    TEXT = "text"
    DN = "DN"
    BOOLEAN = "boolean"
    TIME = "generalized time"
    FILETIME = "FILETIME"
    GUID = "GUID"
    SID = "SID"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class AttributeType:
    """An attribute: all its names, in lower case, and its values."""

    names: tuple[str, ...]
    form: Form
    single: bool


_FILETIMES = """accountexpires badpasswordtime lastlogoff lastlogon lastlogontimestamp lockouttime
    pwdlastset msds-userpasswordexpirytimecomputed msds-lastsuccessfulinteractivelogontime
    msds-lastfailedinteractivelogontime ms-mcs-admpwdexpirationtime
    mslaps-passwordexpirationtime"""

_FORMS: Mapping[str, Form] = {
    name: form
    for form, names in {
        # not worth resolving, or a DN of the entry itself
        Form.TEXT: """distinguishedname entrydn subschemasubentry objectcategory creatorsname
            modifiersname structuralobjectclass""",
        Form.DN: """manager member uniquemember memberof ismemberof owner secretary roleoccupant
            seealso directreports managedby managedobjects assistant documentauthor""",
        Form.TIME: """createtimestamp modifytimestamp whencreated whenchanged pwdchangedtime
            pwdaccountlockedtime pwdlastsuccess authtimestamp krbpasswordexpiration krblastpwdchange
            krbprincipalexpiration krblastsuccessfulauth krblastfailedauth
            dscorepropagationdata""",
        Form.FILETIME: _FILETIMES,
        Form.GUID: "objectguid schemaidguid ms-ds-consistencyguid msexchmailboxguid parentguid",
        Form.SID: """objectsid sidhistory tokengroups securityidentifier ms-ds-creatorsid
            msexchmasteraccountsid""",
        Form.BINARY: """jpegphoto photo audio thumbnailphoto thumbnaillogo usercertificate
            usersmimecertificate userpkcs12 cacertificate certificaterevocationlist
            authorityrevocationlist crosscertificatepair deltarevocationlist logonhours
            ntsecuritydescriptor userpassword unicodepwd dbcspwd ntpwdhistory lmpwdhistory
            replpropertymetadata x500uniqueidentifier krbprincipalkey ipanthash""",
    }.items()
    for name in names.split()
}

_SINGLE = frozenset(
    f"""displayname employeenumber preferredlanguage c countryname dc domaincomponent
    uidnumber gidnumber homedirectory loginshell gecos
    entryuuid entrydn createtimestamp modifytimestamp creatorsname modifiersname subschemasubentry
    structuralobjectclass hassubordinates numsubordinates nsuniqueid ipauniqueid nsaccountlock
    pwdchangedtime pwdaccountlockedtime pwdlastsuccess authtimestamp
    krbprincipalexpiration krbpasswordexpiration krblastpwdchange
    {_FILETIMES}
    objectguid objectsid ms-ds-consistencyguid msexchmailboxguid samaccountname userprincipalname
    samaccounttype useraccountcontrol primarygroupid distinguishedname objectcategory whencreated
    whenchanged usncreated usnchanged instancetype grouptype countrycode codepage company
    department division employeeid mailnickname legacyexchangedn targetaddress badpwdcount
    logoncount scriptpath
    homedrive admincount wwwhomepage ipphone comment msds-principalname
    msds-parentdistname msexchrecipienttypedetails msexchhidefromaddresslists
    """.split()
) | {f"extensionattribute{number}" for number in range(1, 16)}

_PHOTOS_AND_PASSWORDS = """jpegphoto photo audio thumbnailphoto thumbnaillogo ntsecuritydescriptor
    userpassword
    unicodepwd dbcspwd ntpwdhistory lmpwdhistory userpkcs12 authpassword sambantpassword
    sambalmpassword sambapasswordhistory krbprincipalkey ipanthash pwdhistory ms-mcs-admpwd
    mslaps-password mslaps-encryptedpassword"""

LEFT_OUT = frozenset(_PHOTOS_AND_PASSWORDS.split())
"""Photos and passwords, which are not columns unless `attributes` names them."""

_SYNTAX = "1.3.6.1.4.1.1466.115.121.1."
_FORM_OF_SYNTAX: Mapping[str, Form] = {
    f"{_SYNTAX}12": Form.DN,
    f"{_SYNTAX}34": Form.DN,  # Name And Optional UID
    f"{_SYNTAX}7": Form.BOOLEAN,
    f"{_SYNTAX}24": Form.TIME,
    **{f"{_SYNTAX}{number}": Form.BINARY for number in (4, 5, 8, 9, 10, 23, 28, 40, 49)},
}


def base_name(description: str) -> str:
    """Return the attribute of an attribute description, in lower case and without options."""
    return description.partition(";")[0].lower()


class AttributeTypes:
    """The attributes of a schema, by name. Without a schema, the tables of this module count.

    `rules` are the object identifiers and names, in lower case, of its matching rules.
    """

    def __init__(
        self, of_schema: Iterable[AttributeType] = (), rules: Collection[str] | None = None
    ) -> None:
        self.rules = rules
        self._by_name = {name: each for each in of_schema for name in each.names}

    def __contains__(self, name: str) -> bool:
        """Return whether the schema has the attribute, or the DN, which is not an attribute."""
        return base_name(name) in self._by_name or name == DN_COLUMN

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def of(self, name: str) -> AttributeType:
        """Return the known facts about an attribute. `name` may have options."""
        name = base_name(name)
        found = self._by_name.get(name)
        if found is not None:
            return found
        return AttributeType((name,), _FORMS.get(name, Form.TEXT), name in _SINGLE)


_TOKENS = re.compile(r"'[^']*'|[()$]|[^\s()'$]+")


def read_schema(definitions: Iterable[str], rules: Iterable[str] = ()) -> AttributeTypes:
    """Return the attributes that the values of `attributeTypes` define (RFC 4512, 4.1.2).

    `rules` are those of `matchingRules`.
    """
    found = [_definition(text) for text in definitions]
    by_name = {name: each for each in found for name in (each.oid, *each.names)}

    def syntax(each: _Definition, depth: int = 0) -> str:
        above = by_name.get(each.superior)
        if each.syntax or above is None or depth > len(found):
            return each.syntax
        return syntax(above, depth + 1)

    types = []
    for each in found:
        names = (*each.names, each.oid)
        form = next((_FORMS[name] for name in each.names if name in _FORMS), None)
        if form is None or form is Form.BINARY:
            form = _FORM_OF_SYNTAX.get(syntax(each), form or Form.TEXT)
        types.append(AttributeType(names, form, each.single))
    return AttributeTypes(
        types, {name for rule in map(_definition, rules) for name in (rule.oid, *rule.names)}
    )


@dataclass(frozen=True, slots=True)
class _Definition:
    oid: str
    names: tuple[str, ...]
    superior: str
    syntax: str
    single: bool


def _definition(text: str) -> _Definition:
    tokens = [token for token in _TOKENS.findall(text) if token not in ("(", ")", "$")]
    names: list[str] = []
    superior = syntax = ""
    single = False
    at = 1
    while at < len(tokens):
        word = tokens[at].upper()
        at += 1
        if word == "NAME":
            while at < len(tokens) and tokens[at].startswith("'"):
                names.append(tokens[at].strip("'").lower())
                at += 1
        elif word == "SUP" and at < len(tokens):
            superior = tokens[at].strip("'").lower()
            at += 1
        elif word == "SYNTAX" and at < len(tokens):
            syntax = tokens[at].strip("'").partition("{")[0]
            at += 1
        elif word == "SINGLE-VALUE":
            single = True
    return _Definition(tokens[0].lower() if tokens else "", tuple(names), superior, syntax, single)
