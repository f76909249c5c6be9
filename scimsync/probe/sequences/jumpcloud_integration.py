"""What JumpCloud's custom SCIM integration sends, as far as it is published.

support.jumpcloud.com, Custom-SCIM-Identity-Management, read 2026-11-29: the activation makes a test
user and a test group, changes them, and deletes both; a user who cannot be deleted is deactivated.
There are no extension schemas. app.uni-moni.com/en/kb/sso-setup-jumpcloud, read 2026-11-29: members
are added and removed by a list, as Entra does it without the flag. Infisical/infisical #2138
(2024-07-17): a user who is a member already is added again.

How users are looked up and changed is not published: these requests follow RFC 7644. The User-Agent
is not published either.
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
    lists_nothing,
    status,
)
from scimsync.probe.more_judges import shows_members, takes_media_type
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
from scimsync.probe.sequences.bodies import GROUP, USER, Json, operation
from scimsync.probe.sequences.steps import change, deactivate, delete


def _users() -> Iterator[Step]:
    yield Step(
        "Look up the test user",
        Send("GET", USERS, query=(("filter", 'userName eq "{user.name}"'),)),
        (expect("filter-nothing", lists_nothing),),
    )
    for name in ("user", "other"):
        yield Step(
            "Create the test user" if name == "user" else "Create a second user",
            Send("POST", USERS, _user(name)),
            (
                expect("media-type-accepted", takes_media_type),
                expect("create-created", status(201)),
                expect("create-id", has_id),
            ),
            then=then(name, expect("create-stores", holds("userName", f"{{{name}.name}}"))),
            creates=name,
        )
    yield change(
        "Update the test user",
        "user",
        [
            operation("replace", "name.familyName", "Changed"),
            operation("replace", "displayName", "Test Changed"),
        ],
        "patch-several",
        holds("name.familyName", "Changed"),
        holds("displayName", "Test Changed"),
    )


def _groups() -> Iterator[Step]:
    yield Step(
        "Look up the test group",
        Send("GET", GROUPS, query=(("filter", 'displayName eq "{group.name}"'),)),
        (expect("filter-nothing", lists_nothing),),
        part="groups",
    )
    yield Step(
        "Create the test group",
        Send("POST", GROUPS, {"schemas": [GROUP], "displayName": "{group.name}", "members": []}),
        (expect("group-create", status(201), has_id),),
        creates="group",
        part="groups",
    )
    yield change(
        "Update the test group",
        "group",
        [operation("replace", "displayName", "{group.renamed}")],
        "group-rename",
        holds("displayName", "{group.renamed}"),
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
        "Add a member again",
        "group",
        [operation("add", "members", [{"value": "{user}"}])],
        "members-add-again",
        has_members("user", "other"),
        shows_members(2),
        needs=("other",),
    )
    yield change(
        "Remove a member by a list",
        "group",
        [operation("remove", "members", [{"value": "{user}"}])],
        "members-remove-list",
        lacks_members("user"),
        has_members("other"),
        needs=("other",),
    )
    yield delete("Delete the test group", "group", status(204, 200))


def _ends() -> Iterator[Step]:
    yield deactivate("Deactivate the test user")
    yield delete("Delete the test user", "user", status(204, 200))


def _user(name: str) -> Json:
    return {
        "schemas": [USER],
        "userName": f"{{{name}.name}}",
        "name": {"givenName": "Test", "familyName": "User"},
        "displayName": "Test User",
        "emails": [{"value": f"{{{name}.name}}", "type": "work", "primary": True}],
        "active": True,
    }


JUMPCLOUD: Final = ProviderSequence(
    name="jumpcloud",
    title="JumpCloud",
    user_agent=f"scimsync-probe/{__version__}",
    headers=(("Accept", "application/scim+json"), ("Content-Type", "application/scim+json")),
    resources=(MadeResource("user"), MadeResource("other"), MadeResource("group", GROUPS)),
    steps=(*_users(), *_groups(), *_ends()),
)
