"""Plans as values, to be rendered: of an ordinary night, and of hostile names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.operations import Action, Operation, Phase
from scimsync.model.records import Problem
from scimsync.plan.shown_plan import ShownOperation, ShownPlan, ShownTarget

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e\"'`|@team *bold* [x](y)"
"""Markup, a terminal sequence, a reversal of the text, quotes, and what Markdown reads."""


def operation(action: Action, key: str = "00001", **more: Any) -> Operation:
    """Return one operation on a user."""
    values = {"phase": Phase.UPDATE, "kind": Kind.USER, "reason": "why", **more}
    return Operation(action=action, key=Key(key), **values)


def target(operations: Sequence[Operation], name: str = "wiki", **more: Any) -> ShownTarget:
    """Return a target with these operations."""
    counts = {
        action.value: number
        for action in Action
        if (number := sum(one.action == action for one in operations))
    }
    return ShownTarget(
        name, "https://wiki.example.com", counts, lambda: map(ShownOperation, operations), **more
    )


def night() -> ShownPlan:
    """Return a plan with each kind of operation."""
    return ShownPlan(
        (
            target(
                [
                    operation(
                        Action.DEACTIVATE,
                        reason="no longer in the source",
                        changes=(Change("active", True, False),),
                    ),
                    operation(
                        Action.UPDATE,
                        "00002",
                        changes=(Change("title", "Nurse", "Doctor"), Change("nickName", "x", None)),
                    ),
                    operation(
                        Action.ADOPT,
                        "00003",
                        remote_id=RemoteId("abc"),
                        matched=("userName",),
                        changes=(Change("externalId", "old", "00003"),),
                    ),
                    operation(
                        Action.ADD_MEMBERS,
                        "admins",
                        kind=Kind.GROUP,
                        changes=(
                            Change("members", None, "00002"),
                            Change("members", "00001", None),
                        ),
                    ),
                    operation(Action.DELETE, "00009"),
                ]
            ),
            target([], "tickets", error="no route to host"),
        ),
        problems=(Problem("hr", 4, "1003", "has 5 fields where the header has 9"),),
    )


def hostile() -> ShownPlan:
    """Return a plan whose every text is hostile."""
    changes = (Change(HOSTILE, HOSTILE, {"value": HOSTILE}),)
    members = (Change("members", None, HOSTILE),)
    return ShownPlan(
        (
            target(
                [
                    operation(Action.UPDATE, HOSTILE, reason=HOSTILE, changes=changes),
                    operation(
                        Action.ADOPT,
                        HOSTILE,
                        remote_id=RemoteId(HOSTILE),
                        matched=("userName",),
                        changes=changes,
                    ),
                    operation(Action.ADD_MEMBERS, HOSTILE, kind=Kind.GROUP, changes=members),
                ],
                HOSTILE,
                warnings=(HOSTILE,),
            ),
            target([], f"{HOSTILE} 2", error=HOSTILE),
        ),
        guard=(HOSTILE,),
        stops=(HOSTILE,),
        problems=(Problem(HOSTILE, None, HOSTILE, HOSTILE),),
    )
