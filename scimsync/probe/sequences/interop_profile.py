"""What a client sends that follows the SCIM 2.0 Interoperability Profile.

draft-zollner-scim-interop-profile-01 (2026-04-15), read 2026-11-29. The requests are those that the
draft allows a client: PATCH only, each operation with a path, filters with `eq` and `and`, paths
with a filter that end in a sub-attribute, no conditional headers, a User-Agent.

Two demands of the draft contradict what other providers send, and are left out: a server must
refuse operations without a path (section 6.5.1.1), which Okta sends, and attributes and schemas
that it does not declare (section 5.3), which Entra sends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scimsync import __version__
from scimsync.probe.judges import (
    has_id,
    has_members,
    holds,
    lacks_members,
    lists,
    lists_nothing,
    status,
)
from scimsync.probe.more_judges import (
    declares,
    declares_schemas,
    error_type,
    ids_are_names,
    no_server_error,
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
    then,
)
from scimsync.probe.sequences.bodies import GROUP, USER, Json, operation, patch
from scimsync.probe.sequences.steps import change, deactivate, delete

_WORK: Final = 'emails[type eq "work"].value'


def _discovery() -> Iterator[Step]:
    yield Step(
        "Read the ServiceProviderConfig",
        Send("GET", "/ServiceProviderConfig"),
        (
            expect("declares-patch", status(200), declares("patch.supported", True)),
            expect("declares-filter", declares("filter.supported", True)),
        ),
        part="discovery",
    )
    yield Step(
        "Read the resource types",
        Send("GET", "/ResourceTypes"),
        (expect("resource-type-ids", ids_are_names),),
        part="discovery",
    )
    yield Step(
        "Read the schemas",
        Send("GET", "/Schemas"),
        (expect("declares-schemas", declares_schemas(USER)),),
        part="discovery",
    )


def _users() -> Iterator[Step]:
    for name in ("user", "other"):
        yield Step(
            "Create a user" if name == "user" else "Create a second user",
            Send("POST", USERS, _user(name)),
            (
                expect("media-type-accepted", takes_media_type),
                expect("create-created", status(201)),
                expect("create-id", has_id),
            ),
            then=then(name, expect("create-stores", holds("userName", f"{{{name}.name}}"))),
            creates=name,
        )
    yield from _look_ups()
    yield Step(
        "Create the same user again",
        Send("POST", USERS, _user("user")),
        (
            expect("no-server-error", no_server_error),
            expect("duplicate-conflict", status(409)),
            expect("duplicate-scim-type", error_type("uniqueness")),
        ),
        creates="user",
    )


def _look_ups() -> Iterator[Step]:
    yield Step(
        "Look up a user in upper case",
        _find(USERS, 'userName eq "{user.upper}"'),
        (expect("filter-user-name-case", lists("user")),),
        needs=("user",),
    )
    yield Step(
        "Look up a user by externalId in another case",
        _find(USERS, 'externalId eq "{other.externalId}-X"'),
        (expect("external-id-case", lists_nothing),),
    )
    yield Step(
        "Look up a user by two conditions",
        _find(USERS, 'userName eq "{user.name}" and externalId eq "{user.externalId}-x"'),
        (expect("filter-and", lists("user")),),
        needs=("user",),
    )
    yield Step(
        "Filter on an attribute that does not exist",
        _find(USERS, 'noSuchAttribute eq "x"'),
        (expect("filter-unknown-attribute", status(400), error_type("invalidFilter")),),
    )


def _changes() -> Iterator[Step]:
    yield change(
        "Replace a value",
        "user",
        [operation("replace", "name.givenName", "Replaced")],
        "patch-replace",
        holds("name.givenName", "Replaced"),
    )
    yield change(
        "Add a value that is there: the same as replace",
        "user",
        [operation("add", "displayName", "Added")],
        "patch-add",
        holds("displayName", "Added"),
    )
    yield change(
        "Add to a complex value: the others stay",
        "user",
        [operation("add", "name", {"givenName": "Added"})],
        "patch-add-complex",
        holds("name.givenName", "Added"),
        holds("name.familyName", "Family"),
    )
    yield change(
        "Replace a part of a complex value",
        "user",
        [operation("replace", "name.familyName", "Replaced")],
        "patch-sub-attribute",
        holds("name.familyName", "Replaced"),
        holds("name.givenName", "Added"),
    )
    yield change(
        "Replace a whole complex value",
        "user",
        [operation("replace", "name", {"givenName": "Only"})],
        "patch-replace-complex",
        holds("name.givenName", "Only"),
        holds("name.familyName", None),
    )
    yield change(
        "Replace a value by a filter",
        "user",
        [operation("replace", _WORK, "{run}-w@example.com")],
        "patch-value-filter",
        holds(_WORK, "{run}-w@example.com"),
    )
    home = {"value": "{run}-h@example.com", "type": "home"}
    yield change(
        "Add a value to a list: the others stay",
        "user",
        [operation("add", "emails", [home])],
        "patch-multi-valued",
        holds(_WORK, "{run}-w@example.com"),
        holds('emails[type eq "home"].value', "{run}-h@example.com"),
    )
    yield change(
        "Replace a whole list",
        "user",
        [operation("replace", "emails", [{"value": "{run}-n@example.com", "type": "work"}])],
        "patch-replace-list",
        holds("emails", [{"value": "{run}-n@example.com"}]),
    )
    yield from _states()


def _states() -> Iterator[Step]:
    yield Step(
        "Change a userName to one that another user has",
        Send("PATCH", "/Users/{other}", patch(operation("replace", "userName", "{user.name}"))),
        (expect("duplicate-patch", status(409), error_type("uniqueness")),),
        needs=("user",),
    )
    yield deactivate("Deactivate a user")


def _groups() -> Iterator[Step]:
    yield Step(
        "Create a group",
        Send("POST", GROUPS, {"schemas": [GROUP], "displayName": "{group.name}"}),
        (expect("group-create", status(201), has_id),),
        creates="group",
        part="groups",
    )
    both = [{"value": "{user}"}, {"value": "{other}"}]
    yield change(
        "Add members",
        "group",
        [operation("add", "members", both)],
        "members-add",
        has_members("user", "other"),
    )
    yield change(
        "Replace the list of members",
        "group",
        [operation("replace", "members", [{"value": "{other}"}])],
        "members-replace",
        has_members("other"),
        lacks_members("user"),
        needs=("user",),
    )
    yield delete("Delete the group", "group", status(204, 200))


def _ends() -> Iterator[Step]:
    yield delete("Delete the user", "user", status(204, 200))
    yield Step(
        "Look up the deleted user",
        _find(USERS, 'userName eq "{user.name}"'),
        (expect("deleted-not-listed", lists_nothing),),
        needs=("user",),
    )
    yield Step(
        "Create a user with the userName of the deleted one",
        Send("POST", USERS, _user("user")),
        (expect("delete-frees-name", status(201)),),
        creates="user",
        needs=("user",),
    )


def _find(endpoint: str, condition: str) -> Send:
    return Send("GET", endpoint, query=(("filter", condition),))


def _user(name: str) -> Json:
    return {
        "schemas": [USER],
        "userName": f"{{{name}.name}}",
        "externalId": f"{{{name}.externalId}}-x",
        "name": {"givenName": "Given", "familyName": "Family"},
        "displayName": "Given Family",
        "emails": [{"value": f"{{{name}.name}}", "type": "work", "primary": True}],
        "active": True,
    }


INTEROP: Final = ProviderSequence(
    name="interop",
    title="SCIM interoperability profile (draft)",
    user_agent=f"scimsync-probe/{__version__}",
    headers=(("Accept", "application/scim+json"), ("Content-Type", "application/scim+json")),
    resources=(MadeResource("user"), MadeResource("other"), MadeResource("group", GROUPS)),
    steps=(*_discovery(), *_users(), *_changes(), *_groups(), *_ends()),
)
