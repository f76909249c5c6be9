"""What the object classes of an entry say about it.

RFC 2307, 2798, 4519, and 4524, and Microsoft's [MS-ADSC]. Not every server adds the classes from
which a class is derived, so both are listed.
"""

from __future__ import annotations

from collections.abc import Iterable

OBJECT_CLASS = "objectClass"

_MACHINES_AND_CONTACTS = frozenset(
    {
        "computer",
        "contact",
        "device",
        "foreignsecurityprincipal",
        "msds-groupmanagedserviceaccount",
        "msds-managedserviceaccount",
    }
)
"""Not people, although Active Directory derives some of them from person."""

_ROLES_AND_FOLDERS = frozenset(
    {
        "applicationprocess",
        "container",
        "dcobject",
        "domain",
        "organization",
        "organizationalrole",
        "organizationalunit",
    }
)
"""The administrator of a directory, for example, who is the only member of its empty groups."""

_PEOPLE = frozenset(
    {
        "account",
        "inetorgperson",
        "organizationalperson",
        "person",
        "posixaccount",
        "residentialperson",
        "sambasamaccount",
        "shadowaccount",
        "user",
    }
)
_GROUPS = frozenset(
    {
        "dynamicgroup",
        "group",
        "groupofentries",
        "groupofmembers",
        "groupofnames",
        "groupofuniquenames",
        "groupofurls",
        "ipausergroup",
        "nestedgroup",
        "posixgroup",
        "univentiongroup",
    }
)


def names_of(values: Iterable[bytes]) -> str:
    """Return the object classes of an entry as one text, empty for that of a person."""
    found = {value.decode(errors="replace").lower() for value in values}
    if found & _PEOPLE and not found & _MACHINES_AND_CONTACTS:
        return ""
    return " ".join(sorted(found))


def are_of_group(names: str) -> bool:
    """Return whether an entry with these object classes is a group."""
    return not _GROUPS.isdisjoint(names.split())


def are_of_no_user(names: str) -> bool:
    """Return whether an entry with these object classes is neither a person nor a group."""
    found = names.split()
    return not (_MACHINES_AND_CONTACTS | _ROLES_AND_FOLDERS).isdisjoint(found) and (
        not are_of_group(names)
    )
