"""From SCIM resources to records: names that expressions can use.

Attributes keep their names and values, so that `name.givenName` and `emails[0].value` work. Names
are case-insensitive in SCIM (RFC 7643 section 2.1), and are written here as the RFC writes them. An
extension, whose name is a URN, is a separate column: see `extension_name`. Further columns are
`email`, the primary address, and for groups `members` and `member_groups`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from scimsync.scim.attributes import member_id, read, resource_id
from scimsync.sources.remote import ListFault

USER_COLUMNS: Final = (
    "id",
    "externalId",
    "userName",
    "name",
    "displayName",
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "active",
    "email",
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "groups",
    "entitlements",
    "roles",
    "x509Certificates",
    "enterprise",
    "meta",
)
"""The columns that users have (RFC 7643 sections 3.1, 4.1 and 4.3)."""

GROUP_COLUMNS: Final = ("id", "externalId", "displayName", "members", "member_groups", "meta")
"""The columns that groups have (RFC 7643 section 4.2)."""

_SUB_ATTRIBUTES = (
    "formatted",
    "familyName",
    "givenName",
    "middleName",
    "honorificPrefix",
    "honorificSuffix",
    "value",
    "display",
    "type",
    "primary",
    "streetAddress",
    "locality",
    "region",
    "postalCode",
    "country",
    "employeeNumber",
    "costCenter",
    "organization",
    "division",
    "department",
    "manager",
    "resourceType",
    "created",
    "lastModified",
    "location",
    "version",
)
_NAME: Final = dict.fromkeys(_SUB_ATTRIBUTES[:6])
_MANAGER: Final[Mapping[str, Any]] = {"value": None, "displayName": None}
_ENTERPRISE: Final = {
    **dict.fromkeys(("employeeNumber", "costCenter", "organization", "division", "department")),
    "manager": _MANAGER,
}
"""What an expression such as `enterprise.department` finds where a user lacks it."""

_TOP = {name.casefold(): name for name in (*USER_COLUMNS, *GROUP_COLUMNS, "schemas")}
_BELOW = {name.casefold(): name for name in (*_SUB_ATTRIBUTES, "displayName")}
_EXTENSION = re.compile(r":extension:([^:]+)", re.IGNORECASE)
_LEFT_OUT = ("schemas", "password")


def extension_name(urn: str) -> str:
    """Return the name of the column of an extension: the word after `extension` in its URN.

    `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User` is `enterprise`. Of other URNs all
    words count, joined by `_`.
    """
    found = _EXTENSION.search(urn)
    text = found[1] if found else re.sub(r"(?i)^urn:(ietf:params:scim:schemas:)?", "", urn)
    return re.sub(r"\W+", "_", text).strip("_").lower()


def user_row(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a user, which has a name and an enterprise extension in any case."""
    row = row_of(resource)
    for column, empty in (("name", _NAME), ("enterprise", _ENTERPRISE)):
        found = row.get(column)
        row[column] = {**empty, **(found if isinstance(found, dict) else {})}
    manager = row["enterprise"]["manager"]
    if isinstance(manager, str):  # some service providers write its id without an object
        row["enterprise"]["manager"] = {**_MANAGER, "value": manager}
    elif not isinstance(manager, dict):
        row["enterprise"]["manager"] = _MANAGER
    return row


def row_of(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a resource. Those of groups lack their members."""
    row: dict[str, Any] = {"id": resource_id(resource)}
    for name, value in resource.items():
        column = extension_name(name) if ":" in name else _TOP.get(name.casefold(), name)
        if column != "id" and column not in _LEFT_OUT:
            row.setdefault(column, _spelled(value))
    emails = row.get("emails")
    if "email" not in row and isinstance(emails, list):
        row["email"] = primary_value(emails)
    return row


def primary_value(values: Sequence[Any]) -> Any:
    """Return the value of the primary element, or else of the one for work, or of the first."""
    elements = [value for value in values if isinstance(value, Mapping) and value.get("value")]
    primary = [one for one in elements if one.get("primary") is True]
    for_work = [one for one in elements if str(one.get("type")).casefold() == "work"]
    chosen = next(iter([*primary, *for_work, *elements]), None)
    return None if chosen is None else chosen["value"]


def _spelled(value: Any) -> Any:
    """Return a value with the names of known sub-attributes as the RFC writes them."""
    if isinstance(value, Mapping):
        return {_BELOW.get(name.casefold(), name): _spelled(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_spelled(one) for one in value]
    return value


class Memberships:
    """The members of all groups, of which some are groups themselves."""

    def __init__(self) -> None:
        self._direct: dict[str, list[tuple[str, bool]]] = {}
        self._unreadable: set[str] = set()

    def add(self, group: str, members: Sequence[tuple[str, bool]]) -> None:
        """Add a group with the ids of its members, each with whether it is a group."""
        self._direct[group] = list(members)

    def add_unreadable(self, group: str) -> None:
        """Add a group whose members are not known."""
        self.add(group, ())
        self._unreadable.add(group)

    def unlisted_groups(self) -> list[str]:
        """Return the ids of the groups that are members of others and were not added themselves."""
        return sorted(
            {
                one
                for members in self._direct.values()
                for one, is_group in members
                if is_group and one not in self._direct
            }
        )

    def groups_in(self, group: str) -> list[str]:
        """Return the ids of the groups that are direct members of a group."""
        return [one for one, is_group in self._direct[group] if is_group or one in self._direct]

    def within(self, group: str) -> tuple[list[str], list[str]]:
        """Return the ids of the users in a group and in those nested in it.

        Return as well the ids of the nested groups whose members are not known.
        """
        found: dict[str, None] = {}
        waiting = [group]
        while waiting:
            for one, _ in self._direct.get(waiting.pop(), ()):
                if one not in found:
                    found[one] = None
                    waiting.append(one)
        users = [one for one in found if one not in self._direct]
        return users, [one for one in found if one in self._unreadable]


def members_in(group: str, members: object) -> list[tuple[str, bool]]:
    """Return the ids in the attribute `members` of a group, each with whether it is a group.

    Raise ListFault if an element has no id: nobody would be known to be missing.
    """
    elements = [] if members is None else members
    if not isinstance(elements, list):
        raise ListFault(f"the members of the group {group} are not a list")
    found = [(member_id(member), member) for member in elements]
    if any(one is None for one, _ in found):
        raise ListFault(f"a member of the group {group} has no value")
    return [(one, _is_group(member)) for one, member in found if one is not None]


def _is_group(member: Mapping[str, Any]) -> bool:
    kind, reference = read(member, "type"), read(member, "$ref")
    return (isinstance(kind, str) and kind.casefold() == "group") or (
        isinstance(reference, str) and "/groups/" in reference.casefold()
    )
