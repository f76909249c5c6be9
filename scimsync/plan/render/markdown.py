"""Render a plan for a pull request, as GitHub-flavoured Markdown without injected markup.

The text has at most 60,000 characters. A comment on GitHub holds 65,536 ("Body is too long (maximum
is 65536 characters)", and https://github.com/orgs/community/discussions/27190), and one on GitLab
1,048,576 bytes (merge request 18605 of gitlab-org/gitlab).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from scimsync.jsontext import json_text
from scimsync.markdowntext import plain
from scimsync.model.changes import Change
from scimsync.model.ids import Kind
from scimsync.model.operations import MEMBERSHIP_ACTIONS
from scimsync.model.records import Problem
from scimsync.plan.document_diff import describe_counts, short_path
from scimsync.plan.render.words import MEMBERS_SHOWN, SIGNS, adoption_notes
from scimsync.plan.requests import shown
from scimsync.plan.shown_plan import ShownOperation, ShownPlan, ShownTarget

MOST_CHARS = 60_000
"""The length of the text in characters, which leaves room for words around it."""

_LONGEST = 300
"""Longer values, reasons, and messages are cut. Escaped, a character takes up to ten."""

_FOR_REMARKS = 20_000
"""The characters for the guard and errors at the top, and again for problems at the end."""


_FOR_COUNTS = 200
"""The characters for the last lines, which say how much is left out."""


def markdown_plan(plan: ShownPlan, whole: str | None = None) -> Iterator[str]:
    """Return the lines of a plan. `whole` is the file that has the operations which are left out.

    Each target gets an equal share of the space, plus the space that smaller ones did not need.
    """
    problems = list(_fitting(_problems(plan), _FOR_REMARKS, "problems"))
    start = list(_fitting(_start(plan), _FOR_REMARKS, "lines"))
    heads = [list(_head(target)) for target in plan.targets]
    left = MOST_CHARS - _FOR_COUNTS - sum(map(_length, [start, problems, *heads]))
    yield from start
    if left < 0:
        yield from ("", f"{len(heads):,} targets, too many to be listed here")
    else:
        tables = _tables(plan.targets, left, whole)
        for head, rows in zip(heads, tables, strict=True):
            yield from (*head, *rows)
    yield from problems


def _tables(targets: Sequence[ShownTarget], room: int, whole: str | None) -> list[list[str]]:
    """Return the rows of each target. Larger tables get the space that smaller ones do not need."""
    tables: dict[int, list[str]] = {}
    by_size = sorted(range(len(targets)), key=lambda at: sum(targets[at].counts.values()))
    for done, at in enumerate(by_size):
        rows = list(_rows(targets[at], room // (len(targets) - done), whole))
        room -= _length(rows)
        tables[at] = rows
    return [tables[at] for at in range(len(targets))]


def _length(lines: Iterable[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _fitting(lines: Iterator[str], room: int, noun: str) -> Iterator[str]:
    """Give the lines that fit into `room` characters, and how many others there are."""
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            yield f"- … and {1 + sum(1 for _ in lines):,} more {noun}"
            return
        yield line


def _start(plan: ShownPlan) -> Iterator[str]:
    yield "## scimsync plan"
    if plan.guard:
        yield ""
        everywhere = len(plan.stops) == len(plan.targets)
        where = "" if everywhere else f" to {_plain(', '.join(plan.stops))}"
        yield f"> **A guard would abort this push. Nothing would be sent{where}.**"
        yield from (f"> {_plain(line, 4 * _LONGEST)}" for line in plan.guard)


def _problems(plan: ShownPlan) -> Iterator[str]:
    if plan.problems:
        yield ""
        yield "### Problems"
        yield ""
        yield from map(_problem, plan.problems)


def _problem(problem: Problem) -> str:
    line = f" line {problem.line}" if problem.line is not None else ""
    key = f" {problem.key}" if problem.key is not None else ""
    return f"- {_plain(problem.source + line + key)}: {_plain(problem.detail)}"


def _head(target: ShownTarget) -> Iterator[str]:
    yield ""
    yield f"### {_plain(target.name)}: {describe_counts(target.counts)}"
    if target.error is not None:
        yield ""
        yield f"> **No plan:** {_plain(target.error, 4 * _LONGEST)}"
    for warning in target.warnings:
        yield ""
        yield f"> **Warning:** {_plain(warning, 4 * _LONGEST)}"
    if target.counts:
        yield ""
        yield "| | key | why | changes |"
        yield "| --- | --- | --- | --- |"


def _rows(target: ShownTarget, room: int, whole: str | None) -> Iterator[str]:
    """Give the rows that fit into `room` characters, and how many others there are."""
    number = sum(target.counts.values())
    where = "" if whole is None else f" in {_code(whole)}"
    room -= len(_more(number, where)) + 1
    for done, entry in enumerate(target.operations() if number else ()):
        row = _row(entry)
        room -= len(row) + 1
        if room < 0:
            yield _more(number - done, where)
            return
        yield row


def _more(number: int, where: str) -> str:
    return f"| | … | {number:,} more{where} | |"


def _row(entry: ShownOperation) -> str:
    operation = entry.operation
    sign, _ = SIGNS[operation.action]
    changes = (
        _members(entry)
        if operation.action in MEMBERSHIP_ACTIONS
        else "<br>".join(_change(change) for change in operation.changes)
    )
    group = "group " if operation.kind is Kind.GROUP else ""
    reason = "; ".join([operation.reason, *adoption_notes(operation)])
    return (
        f"| {_plain(sign)} {operation.action} | {group}{_named(operation.key, entry.name)} |"
        f" {_plain(reason)} | {changes} |"
    )


def _members(entry: ShownOperation) -> str:
    """Return the removed and the added members, the first of them by name."""
    lines = []
    for sign, added in (("-", False), ("+", True)):
        members = entry.members(added=added)
        if members:
            left = len(members) - MEMBERS_SHOWN
            more = f" and {left:,} more" if left > 0 else ""
            first = ", ".join(_named(*member) for member in members[:MEMBERS_SHOWN])
            lines.append(f"{_plain(sign)} {first}{more}")
    return "<br>".join(lines)


def _named(key: str, name: str | None) -> str:
    return _code(key) if name is None else f"{_code(key)} {_plain(name)}"


def _change(change: Change) -> str:
    path = _code(short_path(change.path))
    before, after = (_code(json_text(shown(value))) for value in (change.before, change.after))
    if change.before is None:
        return f"{path} {after}"
    return f"{path} {before} → {'removed' if change.after is None else after}"


def _plain(text: str, longest: int = _LONGEST) -> str:
    """Escape markup, mentions and table cells, after cutting a long text."""
    return plain(text if len(text) <= longest else f"{text[: longest - 1]}…")


def _code(text: str) -> str:
    """Return text in <code> tags, where Markdown still reads backslashes, pipes and emphasis."""
    return f"<code>{_plain(text)}</code>"
