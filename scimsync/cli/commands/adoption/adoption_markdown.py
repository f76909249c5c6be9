"""The report as GitHub-flavoured Markdown, without markup from records and accounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scimsync.adoption.report import AdoptionReport, TargetReport
from scimsync.adoption.rows import AdoptionOutcome, GroupRow, UserRow
from scimsync.cli.commands.adoption.adoption_words import (
    GROUPS,
    USERS,
    account_words,
    change_words,
    group_notes,
    list_sentence,
    matched_words,
    user_notes,
)
from scimsync.formatting import plural
from scimsync.markdowntext import code, plain

_ROOM = 60_000
"""The number of characters of the rows; a comment on a pull request may hold 65,536."""


def markdown_report(report: AdoptionReport) -> Iterator[str]:
    """Yield the lines of the report. Each target has an equal part of the room for rows."""
    yield "## scimsync adoption"
    for target in report.targets:
        yield from _target(target, _Room(_ROOM // len(report.targets)))


@dataclass(slots=True)
class _Room:
    """The number of characters that are left for rows."""

    left: int

    def take(self, rows: Iterable[str], number: int, columns: int) -> Iterator[str]:
        """Yield the rows that fit, and how many of the `number` rows are left out."""
        for done, row in enumerate(rows):
            self.left -= len(row) + 1
            if self.left < 0:
                yield f"| … {number - done:,} more{' |' * columns}"
                return
            yield row


def _target(target: TargetReport, room: _Room) -> Iterator[str]:
    yield ""
    yield f"### {plain(target.name)}"
    yield ""
    if target.error is not None:
        yield f"> **No report:** {plain(target.error.message)}"
        return
    yield f"{plain(list_sentence(target.accounts, 'account'))}."
    yield ""
    yield "| | accounts and users | |"
    yield "| ---: | --- | --- |"
    counts = target.users.counts()
    for outcome, heading in USERS.items():
        if outcome in counts:
            yield f"| {counts[outcome]:,} | {heading.title} | {heading.meaning} |"
    if target.out_of_scope:
        yield ""
        yield f"{plural(target.out_of_scope, 'record')} out of scope, without an account."
    yield from _suggestions(target)
    for outcome, heading in USERS.items():
        number = counts.get(outcome, 0)
        if not number or outcome is AdoptionOutcome.LINKED:
            continue
        yield ""
        yield f"#### {heading.title} ({number:,})"
        yield ""
        yield "| user | account | matched by | overwrites | notes |"
        yield "| --- | --- | --- | --- | --- |"
        yield from room.take(map(_user, target.users.select(outcome)), number, 5)
    yield from _groups(target, room)


def _user(row: UserRow) -> str:
    name = row.name or row.user_name or ""
    user = "" if row.key is None else f"{code(row.key)} {plain(name)}"
    return _cells(
        user,
        _joined(account_words(account) for account in row.accounts),
        plain(matched_words(row).removeprefix("matches by ")),
        _joined(change_words(change) for change in row.overwritten),
        _joined(user_notes(row)),
    )


def _groups(target: TargetReport, room: _Room) -> Iterator[str]:
    others = [outcome for outcome in AdoptionOutcome if outcome is not AdoptionOutcome.LINKED]
    rows = target.group_rows.select(*others)
    if not len(rows):
        return
    yield ""
    yield f"#### groups ({len(rows):,})"
    yield ""
    yield "| | group | notes |"
    yield "| --- | --- | --- |"
    yield from room.take(map(_group, rows), len(rows), 3)


def _group(row: GroupRow) -> str:
    return _cells(GROUPS[row.outcome].title, plain(row.name), _joined(group_notes(row)))


def _suggestions(target: TargetReport) -> Iterator[str]:
    if target.suggestions:
        yield ""
        yield "#### Before the first push"
        yield ""
    for number, one in enumerate(target.suggestions, 1):
        lines = [] if one.setting is None else one.setting.splitlines()
        setting = "".join(f" {code(line)}" for line in lines)
        yield f"{number}. {plain(one.text)}{setting}"
        if one.examples:
            yield f"   <br>{plain('; '.join(one.examples))}"


def _joined(texts: Iterable[str]) -> str:
    return "<br>".join(map(plain, texts))


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
