"""What Okta sends to an application of its catalog: PUT for users, PATCH for active and groups.

An application that declares "Support PATCH for User" in the OIN wizard gets PATCH instead of PUT.
How that looks is not published; a `replace` without a path is what Okta uses everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from scimsync.probe.judges import (
    accepted,
    active,
    active_boolean,
    has_id,
    has_members,
    holds,
    lacks_members,
    lists,
    lists_nothing,
    status,
)
from scimsync.probe.judges_of_form import hides
from scimsync.probe.judges_of_lists import list_in_form
from scimsync.probe.sequence import GROUPS, USERS, Judge, Send, Step, expect, then
from scimsync.probe.sequences.bodies import member as path_of_member
from scimsync.probe.sequences.bodies import operation, patch
from scimsync.probe.sequences.okta.shared_requests import (
    PAGE,
    assigned_user,
    look_up_group,
    look_up_user,
    member,
    pushed_group,
)
from scimsync.probe.sequences.okta.spec_test import create
from scimsync.probe.sequences.put_bodies import Changed
from scimsync.probe.sequences.steps import change, delete


@dataclass(frozen=True, slots=True)
class Catalog:
    """The steps before and after the SPEC test, which needs a user that it did not make."""

    before_test: tuple[Step, ...]
    after_test: tuple[Step, ...]


def _assignment() -> Iterator[Step]:
    yield Step(
        "Test the connection",
        Send("GET", USERS, query=(("startIndex", "1"), ("count", "2"))),
        (expect("list-response", list_in_form),),
    )
    yield Step(
        "Look up a user before it is created",
        look_up_user("assigned"),
        (expect("filter-nothing", lists_nothing),),
    )
    yield Step(
        "Create a user with a password",
        assigned_user("assigned"),
        (
            expect("okta-create", status(201)),
            expect("create-id", has_id),
            expect("password-hidden", hides("password")),
        ),
        creates="assigned",
        then=then(
            "assigned",
            expect("password-hidden", hides("password")),
            expect("create-stores", holds("userName", "{assigned.name}"), active(True)),
            expect("external-id", holds("externalId", "{assigned.externalId}")),
        ),
    )
    yield Step(
        "Look up the user again",
        look_up_user("assigned"),
        (expect("filter-user-name", lists("assigned")),),
        needs=("assigned",),
    )


def _user_changes() -> Iterator[Step]:
    yield Step(
        "Read the user before it is updated",
        Send("GET", "/Users/{user}"),
        (expect("get", status(200), holds("id", "{user}")),),
    )
    yield Step(
        "Update the user by PUT",
        Send("PUT", "/Users/{user}", Changed("user", {"name.givenName": "Updated"})),
        (expect("okta-put", accepted),),
        then=then(
            "user",
            expect("okta-put", holds("name.givenName", "Updated"), holds("id", "{user}")),
        ),
    )
    yield from _active()
    yield Step(
        "Set the password",
        _patch_user({"password": "{run}-Bb2!"}),
        (expect("okta-password", accepted),),
    )
    values = {"displayName": "Patched", "name": {"givenName": "Patched", "familyName": "Probe"}}
    yield Step(
        "Update the user by PATCH",
        _patch_user(values),
        (expect("okta-patch-user", accepted),),
        then=then(
            "user",
            expect(
                "okta-patch-user",
                holds("displayName", "Patched"),
                holds("name.givenName", "Patched"),
            ),
        ),
    )


def _active() -> Iterator[Step]:
    yield Step(
        "Deactivate the user",
        _patch_user({"active": False}),
        (expect("okta-deactivate", accepted),),
        then=then(
            "user",
            expect("inactive-shown", status(200)),
            expect("okta-deactivate", active(False)),
            expect("active-boolean", active_boolean),
        ),
    )
    yield Step(
        "Look up the deactivated user",
        look_up_user("user"),
        (expect("inactive-shown", lists("user")),),
        needs=("user",),
    )
    yield Step(
        "Reactivate the user",
        _patch_user({"active": True}),
        (expect("okta-deactivate", accepted),),
        then=then("user", expect("okta-deactivate", active(True))),
    )


def _groups() -> Iterator[Step]:
    yield create("Create a second user", "other")
    yield Step(
        "Import the groups",
        Send("GET", GROUPS, query=PAGE),
        (expect("list-response", list_in_form),),
        part="groups",
    )
    yield Step(
        "Look up a group before it is pushed",
        look_up_group("group"),
        (expect("filter-nothing", lists_nothing),),
        part="groups",
    )
    yield Step(
        "Push a group",
        pushed_group("group"),
        (
            expect("okta-group-create", accepted),
            expect("create-created", status(201)),
            expect("create-id", has_id),
        ),
        creates="group",
        then=then("group", expect("okta-group-create", holds("displayName", "{group.name}"))),
        part="groups",
    )
    yield Step(
        "Look up the group again",
        look_up_group("group"),
        (expect("group-filter", lists("group")),),
        needs=("group",),
        part="groups",
    )
    yield from _memberships()
    yield from _full_pushes()
    yield delete("Delete the group", "group", accepted)


def _memberships() -> Iterator[Step]:
    yield change(
        "Add a member",
        "group",
        [operation("add", "members", [member("user")])],
        "members-add",
        has_members("user"),
    )
    yield _rename("Send the name of the group with the change", "name", has_members("user"))
    yield change(
        "Remove a member and add another",
        "group",
        [
            operation("remove", path_of_member("user")),
            operation("add", "members", [member("other")]),
        ],
        "okta-members",
        has_members("other"),
        lacks_members("user"),
    )
    yield _rename("Rename the group", "renamed", has_members("other"))


def _rename(step: str, name: str, members: Judge) -> Step:
    value = {"id": "{group}", "displayName": f"{{group.{name}}}"}
    return change(
        step,
        "group",
        [operation("replace", None, value)],
        "okta-group-rename",
        holds("displayName", f"{{group.{name}}}"),
        members,
        needs=("user", "other"),
    )


def _full_pushes() -> Iterator[Step]:
    yield change(
        "Push the group: all members",
        "group",
        [operation("replace", "members", [member("user"), member("other")])],
        "okta-full-push",
        has_members("user", "other"),
    )
    yield change(
        "Push the empty group",
        "group",
        [operation("replace", "members", [])],
        "okta-full-push-empty",
        lacks_members("user", "other"),
        needs=("user", "other"),
    )
    yield change(
        "Push the group without a path: all members",
        "group",
        [operation("replace", None, _whole_group(member("user")))],
        "okta-full-push-object",
        has_members("user"),
    )
    yield change(
        "Push the empty group without a path",
        "group",
        [operation("replace", None, _whole_group())],
        "okta-full-push-object",
        lacks_members("user"),
        needs=("user",),
    )


def _whole_group(*members: Any) -> dict[str, Any]:
    return {"id": "{group}", "displayName": "{group.renamed}", "members": list(members)}


def _patch_user(value: dict[str, Any]) -> Send:
    return Send("PATCH", "/Users/{user}", patch(operation("replace", None, value)))


CATALOG: Final = Catalog(tuple(_assignment()), (*_user_changes(), *_groups()))
