"""Render a plan for a pull request, as GitHub-flavoured Markdown without injected markup."""

from __future__ import annotations

import html
from collections.abc import Iterator

from scimsync.formatting import printable
from scimsync.jsontext import printable_json
from scimsync.model.changes import Change
from scimsync.model.ids import Kind
from scimsync.model.memberships import member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS, Operation
from scimsync.plan.diff import describe_counts, short_path
from scimsync.plan.render.words import MEMBERS_SHOWN, SIGNS, adoption_notes
from scimsync.plan.requests import shown
from scimsync.plan.shown_plan import ShownPlan, ShownTarget

SHOWN_AT_MOST = 300
"""A comment on a pull request may hold 65,536 characters, so further rows are only counted."""


def markdown_plan(plan: ShownPlan) -> Iterator[str]:
    """Return the lines of a plan."""
    yield "## scimsync plan"
    if plan.guard:
        yield ""
        where = (
            "" if len(plan.stops) == len(plan.targets) else f" to {_plain(', '.join(plan.stops))}"
        )
        yield f"> **A guard would abort this push. Nothing would be sent{where}.**"
        yield from (f"> {_plain(line)}" for line in plan.guard)
    for target in plan.targets:
        yield from _target(target)
    if plan.problems:
        yield ""
        yield "### Problems"
        yield ""
        for problem in plan.problems:
            line = f" line {problem.line}" if problem.line is not None else ""
            key = f" {problem.key}" if problem.key is not None else ""
            yield f"- {_plain(problem.source + line + key)}: {_plain(problem.detail)}"


def _target(plan: ShownTarget) -> Iterator[str]:
    yield ""
    yield f"### {_plain(plan.name)}: {describe_counts(plan.counts)}"
    if plan.error is not None:
        yield ""
        yield f"> **No plan:** {_plain(plan.error)}"
    for warning in plan.warnings:
        yield ""
        yield f"> **Warning:** {_plain(warning)}"
    if not plan.counts:
        return
    yield ""
    yield "| | key | why | changes |"
    yield "| --- | --- | --- | --- |"
    for number, operation in enumerate(plan.operations()):
        if number == SHOWN_AT_MOST:
            yield f"| | … | {sum(plan.counts.values()) - number:,} more | |"
            break
        yield _row(operation)


def _row(entry: Operation) -> str:
    sign, _ = SIGNS[entry.action]
    changes = (
        _members(entry)
        if entry.action in MEMBERSHIP_ACTIONS
        else "<br>".join(_change(change) for change in entry.changes)
    )
    group = "group " if entry.kind is Kind.GROUP else ""
    reason = "; ".join([entry.reason, *adoption_notes(entry)])
    return (
        f"| {_plain(sign)} {entry.action} | {group}{_code(entry.key)} | {_plain(reason)} |"
        f" {changes} |"
    )


def _members(entry: Operation) -> str:
    """Return the removed and the added members, the first of them by name."""
    lines = []
    for sign, wanted in (("-", False), ("+", True)):
        names = [key for _, key, added in map(member_of, entry.changes) if added is wanted]
        if names:
            more = f" and {len(names) - MEMBERS_SHOWN:,} more" if len(names) > MEMBERS_SHOWN else ""
            lines.append(
                f"{_plain(sign)} {', '.join(_code(name) for name in names[:MEMBERS_SHOWN])}{more}"
            )
    return "<br>".join(lines)


def _change(change: Change) -> str:
    path = _code(short_path(change.path))
    before, after = (_code(printable_json(shown(value))) for value in (change.before, change.after))
    if change.before is None:
        return f"{path} {after}"
    return f"{path} {before} → {'removed' if change.after is None else after}"


def _plain(text: str) -> str:
    """Escape markup, mentions and table cells."""
    escaped = html.escape(printable(text), quote=False)
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+-.!|~@" else char for char in escaped)


def _code(text: str) -> str:
    """Return text in <code> tags, where Markdown still reads backslashes, pipes and emphasis."""
    return f"<code>{_plain(text)}</code>"
