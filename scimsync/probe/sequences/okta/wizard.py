"""What Okta sends to an application of its App Integration Wizard: PUT for each change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from scimsync.probe.judges import (
    accepted,
    active,
    active_boolean,
    has_id,
    has_members,
    holds,
    lacks_members,
    lists_nothing,
    status,
)
from scimsync.probe.sequence import Judge, Send, Step, expect, then
from scimsync.probe.sequences.bodies import GROUP
from scimsync.probe.sequences.okta.shared_requests import (
    assigned_user,
    look_up_user,
    member,
    pushed_group,
)
from scimsync.probe.sequences.okta.spec_test import create
from scimsync.probe.sequences.put_bodies import Changed
from scimsync.probe.sequences.steps import delete


def _users() -> Iterator[Step]:
    yield Step(
        "Look up a user before it is created",
        look_up_user("user"),
        (expect("filter-nothing", lists_nothing),),
    )
    yield Step(
        "Create a user with a password",
        assigned_user("user"),
        (
            expect("okta-create", status(201)),
            expect("create-id", has_id),
        ),
        creates="user",
    )
    yield create("Create a second user", "other")
    yield from _change("Update the user", {"name.givenName": "Updated"}, "okta-put")
    yield from _change("Deactivate the user", {"active": False}, "okta-put-deactivate")
    yield from _change("Reactivate the user", {"active": True}, "okta-put-deactivate")


def _change(step: str, changes: dict[str, Any], check: str) -> Iterator[Step]:
    """Yield the GET and the PUT of a change."""
    yield Step(
        f"{step}: read it first",
        Send("GET", "/Users/{other}"),
        (expect("inactive-shown", status(200)),),
    )
    judges: list[Judge] = [
        active(value) if path == "active" else holds(path, value) for path, value in changes.items()
    ]
    yield Step(
        step,
        Send("PUT", "/Users/{other}", Changed("other", changes)),
        (expect(check, accepted),),
        then=then(
            "other",
            expect("inactive-shown", status(200)),
            expect(check, *judges, holds("id", "{other}")),
            expect("active-boolean", active_boolean),
        ),
    )


def _groups() -> Iterator[Step]:
    yield Step(
        "Push a group",
        pushed_group("group"),
        (
            expect("okta-group-create", accepted),
            expect("create-created", status(201)),
            expect("create-id", has_id),
        ),
        creates="group",
        part="groups",
    )
    yield _put_group("Add a member", "name", ("other",), ())
    yield _put_group("Rename the group", "renamed", ("other",), ())
    yield _put_group("Remove the member", "renamed", (), ("other",))
    yield delete("Delete the group", "group", accepted)


def _put_group(step: str, name: str, members: tuple[str, ...], gone: tuple[str, ...]) -> Step:
    body = {
        "schemas": [GROUP],
        "displayName": f"{{group.{name}}}",
        "members": [member(one) for one in members],
    }
    return Step(
        step,
        Send("PUT", "/Groups/{group}", body),
        (expect("okta-group-put", accepted),),
        then=then(
            "group",
            expect(
                "okta-group-put",
                holds("displayName", f"{{group.{name}}}"),
                has_members(*members),
                lacks_members(*gone),
            ),
        ),
        needs=gone,
        part="groups",
    )


WIZARD: Final = (*_users(), *_groups())
