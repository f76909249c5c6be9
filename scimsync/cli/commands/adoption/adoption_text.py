"""The report as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from scimsync.adoption.report import Suggestion, TargetReport
from scimsync.adoption.row_files import GroupRows, Trait, UserRows
from scimsync.adoption.rows import AdoptionOutcome, UserRow
from scimsync.cli.commands.adoption.adoption_words import (
    GROUPS,
    USERS,
    Heading,
    account_words,
    change_words,
    group_notes,
    list_sentence,
    matched_words,
    user_notes,
)
from scimsync.cli.ui.output import Output, Part
from scimsync.formatting import plural, printable

_SHOWN = 10
"""The number of rows of each outcome that are shown without -v."""


def print_report(output: Output, target: TargetReport, *, detailed: bool) -> None:
    """Print the report about one target; `detailed` with all rows."""
    output.line((target.name, "bold"), "  ", (printable(target.url), "dim"))
    if target.error is not None:
        return
    output.line(printable(list_sentence(target.accounts, "account")), indent=2)
    if target.groups.number is not None or target.groups.problem is not None:
        output.line(printable(list_sentence(target.groups, "group")), indent=2)
    _print_counts(output, target)
    for outcome, heading in USERS.items():
        if outcome is AdoptionOutcome.LINKED and not detailed:
            continue
        rows = target.users.select(outcome)
        _print_heading(output, heading, len(rows))
        left = len(rows)
        for row in rows if detailed else _first(target.users, outcome):
            _print_user(output, row)
            left -= 1
        _print_rest(output, left, is_first=left == len(rows))
    _print_groups(output, target.group_rows, detailed=detailed)
    _print_suggestions(output, target.suggestions)


def _print_counts(output: Output, target: TargetReport) -> None:
    counts = target.users.counts()
    rows: list[list[Part]] = [
        [f"{counts[outcome]:>7,}", (heading.title, heading.style), (heading.meaning, "dim")]
        for outcome, heading in USERS.items()
        if outcome in counts
    ]
    output.blank()
    output.rows(rows, indent=2)
    if target.out_of_scope:
        output.line(
            f"{plural(target.out_of_scope, 'record')} out of scope, without an account", indent=2
        )


def _print_heading(output: Output, heading: Heading, number: int) -> None:
    if number:
        output.blank()
        output.line((f"{heading.title} ({number:,})", "bold"), (f"  {heading.meaning}", "dim"))


def _first(rows: UserRows, outcome: AdoptionOutcome) -> Iterator[UserRow]:
    """Yield the first rows of an outcome; of matches, those that lose a value."""
    trait = Trait.OVERWRITES if outcome is AdoptionOutcome.MATCH else None
    yield from islice(rows.select(outcome, trait=trait), _SHOWN)


def _print_rest(output: Output, number: int, *, is_first: bool = False) -> None:
    """Print how many rows of an outcome are left out; `is_first` if none is shown."""
    if number:
        what = "no value would be overwritten" if is_first else f"and {number:,} more"
        output.line((f"{what}; -v or --format csv shows all", "dim"), indent=2)


def _print_user(output: Output, row: UserRow) -> None:
    who = [row.key, row.name or row.user_name] if row.key is not None else []
    accounts = [account_words(account) for account in row.accounts]
    first: list[Part] = []
    if row.key is not None:
        first.append((printable("  ".join(one for one in who if one)), "bold"))
    if accounts:
        first.append(printable(f"{'  = ' if first else ''}{'; '.join(accounts)}"))
    matched = matched_words(row)
    if matched:
        first.append((f"  {printable(matched)}", "dim"))
    output.line(*first, indent=2)
    for change in row.overwritten:
        output.line(("overwrites ", "yellow"), printable(change_words(change)), indent=6)
    for note in user_notes(row):
        output.line((printable(note), "dim"), indent=6)


def _print_groups(output: Output, rows: GroupRows, *, detailed: bool) -> None:
    for outcome, heading in GROUPS.items():
        some = rows.select(outcome)
        if not len(some) or (outcome is AdoptionOutcome.LINKED and not detailed):
            continue
        output.blank()
        output.line(
            (f"groups: {heading.title} ({len(some):,})", "bold"), (f"  {heading.meaning}", "dim")
        )
        for row in islice(some, None if detailed else _SHOWN):
            key = f"  {row.key}" if row.key is not None and row.key != row.name else ""
            matched = matched_words(row)
            output.line(
                (printable(row.name), "bold"),
                printable(key),
                (f"  {printable(matched)}" if matched else "", "dim"),
                indent=2,
            )
            for note in group_notes(row):
                output.line((printable(note), "dim"), indent=6)
        _print_rest(output, 0 if detailed else max(len(some) - _SHOWN, 0))


def _print_suggestions(output: Output, suggestions: Sequence[Suggestion]) -> None:
    if not suggestions:
        return
    output.blank()
    output.line(("Before the first push", "bold"))
    for number, suggestion in enumerate(suggestions, 1):
        output.rows([[f"{number}.", printable(suggestion.text)]], indent=2)
        if suggestion.setting is not None:
            for line in suggestion.setting.splitlines():
                output.line((printable(line), "cyan"), indent=7)
        if suggestion.examples:
            output.line((printable("; ".join(suggestion.examples)), "dim"), indent=7)
