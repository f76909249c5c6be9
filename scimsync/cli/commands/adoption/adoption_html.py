"""The report as a self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from scimsync.adoption.report import AdoptionReport, Suggestion, TargetReport
from scimsync.adoption.rows import AdoptionOutcome, GroupRow, UserRow
from scimsync.cli.commands.adoption.adoption_words import (
    GROUPS,
    USERS,
    Heading,
    account_words,
    group_notes,
    list_sentence,
    matched_words,
    user_notes,
)
from scimsync.htmlpage import html_page
from scimsync.jsontext import json_text
from scimsync.model.changes import Change
from scimsync.plan.document_diff import short_path
from scimsync.plan.requests import shown

_SHOWN = 1000
"""The number of rows of each outcome that are shown; a browser is slow with more."""


@dataclass(frozen=True, slots=True)
class _ShownChange:
    path: str
    before: str
    after: str | None


@dataclass(frozen=True, slots=True)
class _User:
    key: str | None
    name: str
    accounts: Sequence[str]
    matched: str
    overwrites: Sequence[_ShownChange]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class _OutcomeSection:
    """The rows of one outcome, and the number of those not shown."""

    heading: Heading
    number: int
    rows: Iterator[_User]
    more: int


@dataclass(frozen=True, slots=True)
class _Group:
    heading: Heading
    name: str
    matched: str
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Target:
    name: str
    url: str
    error: str | None
    lists: Sequence[str]
    counts: Sequence[tuple[Heading, int]]
    suggestions: Sequence[Suggestion]
    sections: Sequence[_OutcomeSection]
    groups: Sequence[_Group]
    more_groups: int


def html_report(report: AdoptionReport, facts: Mapping[str, str]) -> Iterator[str]:
    """Return the page in pieces. `facts` are shown below the title."""
    return html_page(
        "scimsync.cli.commands.adoption",
        "adoption.html",
        {"facts": facts, "targets": [_target(target) for target in report.targets]},
    )


def _target(target: TargetReport) -> _Target:
    counts = target.users.counts()
    groups = chain.from_iterable(map(target.group_rows.select, GROUPS))
    lists = [list_sentence(target.accounts, "account")]
    if target.groups.number is not None or target.groups.problem is not None:
        lists.append(list_sentence(target.groups, "group"))
    return _Target(
        name=target.name,
        url=target.url,
        error=None if target.error is None else target.error.message,
        lists=lists,
        counts=[(USERS[one], counts[one]) for one in USERS if one in counts],
        suggestions=target.suggestions,
        sections=[_section(target, one, counts[one]) for one in USERS if one in counts],
        groups=[_group(row) for row in islice(groups, _SHOWN)],
        more_groups=max(len(target.group_rows) - _SHOWN, 0),
    )


def _section(target: TargetReport, outcome: AdoptionOutcome, number: int) -> _OutcomeSection:
    rows = islice(target.users.select(outcome), _SHOWN)
    return _OutcomeSection(USERS[outcome], number, map(_user, rows), max(number - _SHOWN, 0))


def _user(row: UserRow) -> _User:
    return _User(
        key=row.key,
        name=row.name or row.user_name or "",
        accounts=[account_words(account) for account in row.accounts],
        matched=matched_words(row).removeprefix("matches by "),
        overwrites=[_change(change) for change in row.overwritten],
        notes=user_notes(row),
    )


def _change(change: Change) -> _ShownChange:
    after = None if change.after is None else json_text(shown(change.after))
    return _ShownChange(short_path(change.path), json_text(shown(change.before)), after)


def _group(row: GroupRow) -> _Group:
    matched = matched_words(row).removeprefix("matches by ")
    return _Group(GROUPS[row.outcome], row.name, matched, group_notes(row))
