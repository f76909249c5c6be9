"""Groups and their members (RFC 7643 section 4.2, RFC 7644 section 3.5.2)."""

from __future__ import annotations

from typing import Any, Final

from scimsync.probe.judges import (
    has_id,
    has_members,
    holds,
    lacks_members,
    lists,
    status,
)
from scimsync.probe.judges_of_form import has_member_once, in_group, shows_no
from scimsync.probe.sequence import GROUPS, Judge, Send, Step, expect, then
from scimsync.probe.sequences.bodies import GROUP, Json, member, operation
from scimsync.probe.sequences.steps import change


def _ids(*names: str) -> list[dict[str, Any]]:
    return [{"value": f"{{{name}}}"} for name in names]


def _patch(step: str, check: str, operations: list[Json], *judges: Judge) -> Step:
    needs = ("user", "other")
    return change(step, "group", operations, check, *judges, needs=needs, feature="patch")


_CREATE: Final = (
    Step(
        "Create a group",
        Send("POST", GROUPS, {"schemas": [GROUP], "displayName": "{group.name}"}),
        (expect("group-create", status(201), has_id, holds("displayName", "{group.name}")),),
        creates="group",
        part="groups",
    ),
    Step(
        "Create a group with a member",
        Send(
            "POST",
            GROUPS,
            {"schemas": [GROUP], "displayName": "{team.name}", "members": _ids("other")},
        ),
        (expect("group-create-members", status(201), has_id),),
        creates="team",
        then=then("team", expect("group-create-members", has_members("other"))),
        part="groups",
    ),
    Step(
        "Read the groups of a user",
        Send("GET", "/Users/{other}"),
        (expect("user-groups", in_group("team")),),
        needs=("team",),
        part="groups",
    ),
    Step(
        "Find a group by its name",
        Send("GET", GROUPS, query=(("filter", 'displayName eq "{group.name}"'),)),
        (expect("group-filter", lists("group")),),
        needs=("group",),
        part="groups",
    ),
    Step(
        "Read a group without its members",
        Send("GET", "/Groups/{team}", query=(("excludedAttributes", "members"),)),
        (expect("excluded-attributes", shows_no("members")),),
        part="groups",
    ),
)

_MEMBERS: Final = (
    _patch(
        "Add a member",
        "members-add",
        [operation("add", "members", _ids("user"))],
        has_members("user"),
    ),
    _patch(
        "Add the member again",
        "members-add-again",
        [operation("add", "members", _ids("user"))],
        has_member_once("user"),
    ),
    _patch(
        "Rename the group",
        "group-rename",
        [operation("replace", "displayName", "{group.renamed}")],
        holds("displayName", "{group.renamed}"),
        has_members("user"),
    ),
    _patch(
        "Replace all members with two",
        "members-replace",
        [operation("replace", "members", _ids("user", "other"))],
        has_members("user", "other"),
    ),
    _patch(
        "Remove a member by a filter",
        "members-remove",
        [operation("remove", member("user"))],
        lacks_members("user"),
        has_members("other"),
    ),
    _patch(
        "Replace all members with one",
        "members-replace",
        [operation("replace", "members", _ids("user"))],
        has_members("user"),
        lacks_members("other"),
    ),
    _patch(
        "Replace all members with none",
        "members-replace-empty",
        [operation("replace", "members", [])],
        lacks_members("user", "other"),
    ),
    _patch(
        "Add two members",
        "members-add",
        [operation("add", "members", _ids("user", "other"))],
        has_members("user", "other"),
    ),
    _patch(
        "Remove all members",
        "members-remove-all",
        [operation("remove", "members")],
        lacks_members("user", "other"),
    ),
    Step(
        "Replace the group",
        Send(
            "PUT",
            "/Groups/{group}",
            {
                "schemas": [GROUP],
                "id": "{group}",
                "displayName": "{group.name}",
                "members": _ids("other"),
            },
        ),
        (expect("group-put", status(200)),),
        then=then(
            "group",
            expect("group-put", holds("displayName", "{group.name}"), has_members("other")),
        ),
        part="groups",
    ),
)

GROUP_STEPS: Final = (*_CREATE, *_MEMBERS)
