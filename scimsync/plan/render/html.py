"""Render a plan as a self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from scimsync.htmlpage import html_page
from scimsync.jsontext import json_text
from scimsync.model.ids import Key, Kind
from scimsync.model.operations import MEMBERSHIP_ACTIONS, Action
from scimsync.model.records import Problem
from scimsync.plan.document_diff import describe_counts, short_path
from scimsync.plan.render.words import SIGNS, adoption_notes
from scimsync.plan.requests import shown
from scimsync.plan.shown_plan import ShownOperation, ShownPlan, ShownTarget

SHOWN_AT_MOST = 1000
"""Further operations of a target are only counted; a browser is slow with more."""

MEMBERS_SHOWN = 200
"""The members of one change that are listed; the others are counted."""

_CHANGES_OPEN = 8
"""An operation with more changes is shown closed."""

_TONES: Mapping[str, str] = {
    Action.CREATE: "good",
    Action.ADOPT: "info",
    Action.UPDATE: "change",
    Action.MOVE: "info",
    Action.REACTIVATE: "good",
    Action.DEACTIVATE: "bad",
    Action.DELETE: "bad",
    Action.ADD_MEMBERS: "good",
    Action.REMOVE_MEMBERS: "bad",
}
"""Action -> tone of its badge."""


@dataclass(frozen=True, slots=True)
class _Change:
    """An attribute with its value before and after as JSON, None for an absent value."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class _Members:
    """Members that an operation adds or removes with their names, and how many are not listed."""

    sign: str
    first: list[tuple[Key, str | None]]
    more: int


@dataclass(frozen=True, slots=True)
class _OperationRow:
    """An operation as the template shows it."""

    action: str
    sign: str
    tone: str
    is_group: bool
    key: str
    name: str | None
    reason: str
    notes: list[str]
    changes: list[_Change]
    members: list[_Members]
    is_open: bool


@dataclass(frozen=True, slots=True)
class _Section:
    """The plan of a target as the template shows it."""

    target: ShownTarget
    summary: str
    rows: Iterator[_OperationRow]
    more: int


def html_plan(
    plan: ShownPlan, facts: Mapping[str, str], whole: str = "scimsync plan --json"
) -> Iterator[str]:
    """Return the page of a plan in pieces.

    `facts` are shown below the title: what the plan was made from and when. `whole` is the command
    that shows operations left out of a long plan.
    """
    actions = [one.value for one in Action if any(one in target.counts for target in plan.targets)]
    return html_page(
        "scimsync.plan.render",
        "plan.html",
        {
            "facts": facts,
            "whole": whole,
            "guard": plan.guard,
            "stops": "" if len(plan.stops) == len(plan.targets) else ", ".join(plan.stops),
            "targets": plan.targets,
            "actions": [(action, _TONES[action]) for action in actions],
            "problems": [(_where(problem), problem.detail) for problem in plan.problems],
            "sections": map(_section, plan.targets),
        },
    )


def _section(target: ShownTarget) -> _Section:
    return _Section(
        target=target,
        summary=describe_counts(target.counts),
        rows=map(_row, islice(target.operations(), SHOWN_AT_MOST)),
        more=max(sum(target.counts.values()) - SHOWN_AT_MOST, 0),
    )


def _row(entry: ShownOperation) -> _OperationRow:
    operation = entry.operation
    is_membership = operation.action in MEMBERSHIP_ACTIONS
    return _OperationRow(
        action=operation.action,
        sign=SIGNS[operation.action][0],
        tone=_TONES[operation.action],
        is_group=operation.kind is Kind.GROUP,
        key=operation.key,
        name=entry.name,
        reason=operation.reason,
        notes=adoption_notes(operation),
        changes=[]
        if is_membership
        else [
            _Change(short_path(change.path), _json(change.before), _json(change.after))
            for change in operation.changes
        ],
        members=list(_members(entry)) if is_membership else [],
        is_open=len(operation.changes) <= _CHANGES_OPEN,
    )


def _json(value: object) -> str | None:
    return None if value is None else json_text(shown(value))


def _members(entry: ShownOperation) -> Iterator[_Members]:
    for sign, added in (("-", False), ("+", True)):
        members = entry.members(added=added)
        if members:
            left = max(len(members) - MEMBERS_SHOWN, 0)
            yield _Members(sign, members[:MEMBERS_SHOWN], left)


def _where(problem: Problem) -> str:
    line = f" line {problem.line}" if problem.line is not None else ""
    key = f" {problem.key}" if problem.key is not None else ""
    return f"{problem.source}{line}{key}"
