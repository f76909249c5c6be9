"""The tests of Microsoft's SCIM Validator (scimvalidator.microsoft.com).

What it is: MicrosoftDocs/entra-docs, docs/identity/app-provisioning/scim-validator-tutorial.md
(2025-03-04). Its requests are in an analysis of its results in the repository pranems/SCIMServer
(results of 2026-02-11); both read 2026-11-29. The order is that of the results, except for
duplicates, which come after the filters. The validator generates random values, and one user for
each test; here, values are fixed, and one user goes through all tests. The test "Replace Attributes
Verbose" replaces 36 values, here the ones that differ in kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from scimsync import __version__
from scimsync.probe.judges import (
    active,
    has_id,
    has_members,
    holds,
    lacks_members,
    lists,
    lists_nothing,
    status,
)
from scimsync.probe.more_judges import (
    manager_is,
    no_manager,
    shows_no_members,
    takes_media_type,
)
from scimsync.probe.sequence import (
    GROUPS,
    USERS,
    MadeResource,
    ProviderSequence,
    Send,
    Step,
    expect,
)
from scimsync.probe.sequences.bodies import ENTERPRISE, GROUP, USER, Json, member, operation
from scimsync.probe.sequences.steps import change, deactivate, delete

_MANAGER: Final = f"{ENTERPRISE}:manager"
_NO_MEMBERS: Final = ("excludedAttributes", "members")
_UNKNOWN: Final = "00000000-0000-4000-8000-00{run}"


def _users() -> Iterator[Step]:
    yield Step(
        "Create a new User",
        Send("POST", USERS, _user("user")),
        (
            expect("media-type-accepted", takes_media_type),
            expect("create-full", status(201)),
            expect("create-id", has_id),
        ),
        creates="user",
    )
    yield Step(
        "Filter for an existing user",
        _find(USERS, 'userName eq "{user.name}"'),
        (expect("filter-user-name", lists("user")),),
        needs=("user",),
    )
    yield Step(
        "Filter for a non-existing user",
        _find(USERS, f'userName eq "{_UNKNOWN}"'),
        (expect("filter-nothing", lists_nothing),),
    )
    yield Step(
        "Filter for an existing user with a different case",
        _find(USERS, 'userName eq "{user.upper}"'),
        (expect("filter-user-name-case", lists("user")),),
        needs=("user",),
    )
    yield Step(
        "Create a duplicate User",
        Send("POST", USERS, _user("user")),
        (expect("duplicate-conflict", status(409)),),
        creates="user",
    )
    yield from _changes()


def _changes() -> Iterator[Step]:
    values = {
        "displayName": "Replaced",
        'emails[type eq "work"].value': "{run}-replaced@example.com",
        "name.givenName": "Replaced",
        'addresses[type eq "work"].locality': "Replaced",
        'phoneNumbers[type eq "mobile"].value': "10-040-0000",
        f"{ENTERPRISE}:department": "Replaced",
        'roles[primary eq "True"].display': "Replaced",
    }
    operations = [operation("replace", path, value) for path, value in values.items()]
    shown = {path.replace('"True"', "true"): value for path, value in values.items()}
    yield change(
        "Patch User - Replace Attributes Verbose",
        "user",
        operations,
        "patch-several",
        *(holds(path, value) for path, value in shown.items()),
    )
    yield change(
        "Update User userName",
        "user",
        [operation("replace", "userName", "{user.renamed}")],
        "patch-user-name",
        holds("userName", "{user.renamed}"),
    )
    yield deactivate("Patch User - Disable User")
    on = [operation("replace", "active", True)]
    yield change("Patch User - Enable User", "user", on, "reactivate", active(True))
    yield from _managers()


def _managers() -> Iterator[Step]:
    yield Step(
        "Create a second User",
        Send("POST", USERS, _user("boss")),
        (expect("create-full", status(201)),),
        creates="boss",
    )
    yield change(
        "Patch User - Add Manager",
        "user",
        [operation("add", _MANAGER, {"value": "{boss}"})],
        "manager",
        manager_is("boss"),
        needs=("boss",),
    )
    yield change(
        "Patch User - Replace Manager",
        "user",
        [operation("replace", _MANAGER, {"value": "{user}"})],
        "manager",
        manager_is("user"),
    )
    yield change(
        "Patch User - Remove Manager",
        "user",
        [operation("replace", _MANAGER, {"value": ""})],
        "manager-empty",
        no_manager,
    )


def _groups() -> Iterator[Step]:
    yield Step(
        "Create a new Group",
        Send("POST", GROUPS, _group()),
        (expect("group-create", status(201), has_id),),
        creates="group",
        part="groups",
    )
    yield Step(
        "Get group by id excluding members",
        Send("GET", "/Groups/{group}", query=(_NO_MEMBERS,)),
        (expect("excluded-attributes", status(200), shows_no_members),),
        part="groups",
    )
    yield Step(
        "Filter for existing group excluding members",
        _find(GROUPS, 'displayName eq "{group.name}"', _NO_MEMBERS),
        (expect("group-filter", lists("group")),),
        needs=("group",),
        part="groups",
    )
    yield Step(
        "Filter for a non-existing group",
        _find(GROUPS, f'displayName eq "{_UNKNOWN}"'),
        (expect("filter-nothing", lists_nothing),),
        part="groups",
    )
    yield Step(
        "Filter for existing group different case",
        _find(GROUPS, 'displayName eq "{group.upper}"'),
        (expect("filter-display-name-case", lists("group")),),
        needs=("group",),
        part="groups",
    )
    yield Step(
        "Create a duplicate Group",
        Send("POST", GROUPS, _group()),
        (expect("duplicate-group", status(409)),),
        creates="group",
        part="groups",
    )
    yield change(
        "Patch Group - Replace Attributes",
        "group",
        [operation("replace", None, {"externalId": "{group.externalId}-2"})],
        "external-id-group",
        holds("externalId", "{group.externalId}-2"),
    )
    yield change(
        "Update Group displayName",
        "group",
        [operation("replace", None, {"displayName": "{group.renamed}"})],
        "patch-without-path",
        holds("displayName", "{group.renamed}"),
    )
    yield from _members()


def _members() -> Iterator[Step]:
    yield change(
        "Patch Group - Add Member",
        "group",
        [operation("replace", "members", [{"value": "{user}"}])],
        "members-replace",
        has_members("user"),
    )
    yield change(
        "Patch Group - Add Member, two members",
        "group",
        [operation("replace", "members", [{"value": "{user}"}, {"value": "{boss}"}])],
        "members-replace",
        has_members("user", "boss"),
    )
    yield change(
        "Patch Group - Remove Member",
        "group",
        [operation("remove", member("user"))],
        "members-remove",
        lacks_members("user"),
        has_members("boss"),
        needs=("boss",),
    )
    yield change(
        "Patch Group - Multiple Operations on same attribute",
        "group",
        [
            operation("add", "members", [{"value": "{user}"}]),
            operation("remove", member("user")),
        ],
        "patch-operations-in-order",
        lacks_members("user"),
    )


def _ends() -> Iterator[Step]:
    for name, endpoint in (("group", "Groups"), ("user", "Users")):
        part: Any = endpoint.lower()
        title = "Group" if name == "group" else "User"
        yield delete(f"Delete a {title}", name, status(204))
        yield Step(
            f"Delete the same {title} twice",
            Send("DELETE", f"/{endpoint}/{{{name}}}"),
            (expect("unknown-writes", status(404)),),
            part=part,
        )
        yield Step(
            f"Delete a non-existent {title}",
            Send("DELETE", f"/{endpoint}/{_UNKNOWN}"),
            (expect("unknown-writes", status(404)),),
            part=part,
        )


def _find(endpoint: str, condition: str, *more: tuple[str, str]) -> Send:
    return Send("GET", endpoint, query=(*more, ("filter", condition)))


def _user(name: str) -> Json:
    return {
        "userName": f"{{{name}.name}}",
        "active": True,
        "displayName": "Elfrieda Urban",
        "title": "Engineer",
        "emails": [{"type": "work", "value": f"{{{name}.name}}", "primary": True}],
        "preferredLanguage": "hi",
        "name": {
            "givenName": "Elfrieda",
            "familyName": "Urban",
            "formatted": "Elfrieda Urban",
            "middleName": "Cindy",
            "honorificPrefix": "Dr.",
            "honorificSuffix": "III",
        },
        "addresses": [
            {
                "type": "work",
                "formatted": "1 Main Street, Springfield",
                "streetAddress": "1 Main Street",
                "locality": "Springfield",
                "region": "Somewhere",
                "postalCode": "12345",
                "primary": True,
                "country": "SL",
            }
        ],
        "phoneNumbers": [
            {"type": "work", "value": "10-040-1308", "primary": True},
            {"type": "mobile", "value": "10-040-1308"},
            {"type": "fax", "value": "10-040-1308"},
        ],
        ENTERPRISE: {
            "employeeNumber": "701984",
            "department": "Tours",
            "costCenter": "4130",
            "organization": "Example",
            "division": "Parks",
        },
        "roles": [{"primary": "True", "display": "Admin", "value": "Admin", "type": "Role"}],
        "userType": "Employee",
        "nickName": "Elfie",
        "locale": "en-US",
        "timezone": "America/Guayaquil",
        "profileUrl": "https://example.com/elfrieda",
        "schemas": [USER, ENTERPRISE],
    }


def _group() -> Json:
    return {
        "displayName": "{group.name}",
        "externalId": "{group.externalId}",
        "schemas": [GROUP],
    }


ENTRA_VALIDATOR: Final = ProviderSequence(
    name="entra-validator",
    title="Microsoft SCIM Validator",
    user_agent=f"scimsync-probe/{__version__}",
    headers=(("Content-Type", "application/scim+json; charset=utf-8"),),
    resources=(MadeResource("user"), MadeResource("boss"), MadeResource("group", GROUPS)),
    steps=(*_users(), *_groups(), *_ends()),
)
