"""The requests of Microsoft Entra ID about groups and their members."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scimsync.probe.judges import (
    accepted,
    has_id,
    has_members,
    holds,
    lacks_members,
    lists,
    lists_nothing,
    status,
)
from scimsync.probe.more_judges import shows_no_members
from scimsync.probe.sequence import (
    GROUPS,
    Send,
    Step,
    expect,
    then,
)
from scimsync.probe.sequences.bodies import GROUP, Json, member, operation, patch
from scimsync.probe.sequences.entra.style import (
    NO_MEMBERS,
    RANDOM,
    Style,
    change,
    look_up,
)

_AD_GROUP: Final = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"


def group_steps(style: Style) -> Iterator[Step]:
    """Yield the requests about groups, until before their deletion."""
    yield from _groups(style)
    yield from _members(style)


def _groups(style: Style) -> Iterator[Step]:
    yield Step(
        "Test the connection: look up a random group",
        look_up(style, GROUPS, f'displayName eq "{RANDOM}"', NO_MEMBERS),
        (expect("group-filter", lists_nothing),),
        part="groups",
    )
    yield Step(
        "Create the group",
        Send("POST", GROUPS, _group(), style.query()),
        (
            expect("group-foreign-schema", status(201)),
            expect("create-id", has_id),
        ),
        creates="group",
        part="groups",
    )
    yield Step(
        "Get the group without its members",
        Send("GET", "/Groups/{group}", query=style.query(NO_MEMBERS)),
        (expect("excluded-attributes", status(200), shows_no_members),),
        part="groups",
    )
    yield Step(
        "Look up the group by displayName",
        look_up(style, GROUPS, 'displayName eq "{group.name}"', NO_MEMBERS),
        (expect("group-filter", lists("group")),),
        needs=("group",),
        part="groups",
    )
    yield change(
        style,
        "Rename the group",
        "group",
        [operation(style.op("replace"), "displayName", "{group.renamed}")],
        "group-rename",
        holds("displayName", "{group.renamed}"),
    )


def _members(style: Style) -> Iterator[Step]:
    def added(*names: str) -> list[Json]:
        values = [{"$ref": None, "value": f"{{{name}}}"} for name in names]
        return [operation(style.op("add"), "members", values)]

    yield change(style, "Add a member", "group", added("user"), "members-add", has_members("user"))
    yield change(
        style,
        "Add two members at once",
        "group",
        added("boss", "single"),
        "members-add",
        has_members("user", "boss", "single"),
    )
    yield Step(
        "Ask whether the user is a member",
        look_up(style, GROUPS, 'id eq "{group}" and members eq "{user}"', ("attributes", "id")),
        (expect("filter-members", lists("group")),),
        needs=("group",),
        part="groups",
    )
    if style.capital:
        removed = operation("Remove", "members", [{"$ref": None, "value": "{user}"}])
        check = "members-remove-list"
    else:
        removed = operation("remove", member("user"))
        check = "members-remove"
    yield Step(
        "Remove a member",
        Send("PATCH", "/Groups/{group}", patch(removed), style.query()),
        (expect(check, accepted),),
        then=then("group", expect(check, lacks_members("user"), has_members("boss", "single"))),
        needs=("boss", "single"),
        part="groups",
    )


def _group() -> Json:
    return {
        "schemas": [GROUP, _AD_GROUP],
        "externalId": "{group.externalId}",
        "displayName": "{group.name}",
        "meta": {"resourceType": "Group"},
    }
