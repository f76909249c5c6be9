"""The report as rows for a spreadsheet, one for each account, user without one, and group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scimsync.adoption.existing_accounts import ExistingAccount
from scimsync.adoption.report import AdoptionReport
from scimsync.adoption.rows import GroupRow, UserRow
from scimsync.cli.commands.adoption.adoption_words import (
    GROUPS,
    USERS,
    change_words,
    group_notes,
    user_notes,
)
from scimsync.plan.document_diff import short_path

COLUMNS = (
    "decision", "target", "kind", "outcome", "key", "name", "userName", "account_id",
    "account_userName", "account_name", "account_emails", "account_externalId", "account_active",
    "account_created", "protected_by", "matched_by", "overwrites", "notes",
)  # fmt: skip
"""The columns. `decision` is empty: it is for the person who goes through the rows."""


def csv_rows(report: AdoptionReport) -> Iterator[Sequence[object]]:
    """Yield the header, then the rows in the order of the outcomes."""
    yield COLUMNS
    for target in report.targets:
        for outcome in USERS:
            for row in target.users.select(outcome):
                yield from _user_rows(target.name, row)
        for outcome in GROUPS:
            for group in target.group_rows.select(outcome):
                yield _group_row(target.name, group)


def _user_rows(target: str, row: UserRow) -> Iterator[Sequence[object]]:
    """Yield a row for each account that matches, so that the right one can be ticked off."""
    for account in row.accounts or (None,):
        yield (
            "",
            target,
            "user",
            row.outcome.value,
            row.key,
            row.name,
            row.user_name,
            *_account_cells(account),
            ", ".join(map(short_path, row.matched)),
            "; ".join(map(change_words, row.overwritten)),
            "; ".join(user_notes(row)),
        )


def _account_cells(account: ExistingAccount | None) -> Sequence[object]:
    if account is None:
        return ("",) * 8
    return (
        account.remote_id,
        account.user_name,
        account.name,
        ", ".join(account.emails),
        account.external_id,
        "" if account.active is None else str(account.active).lower(),
        account.created,
        account.protected_by,
    )


def _group_row(target: str, row: GroupRow) -> Sequence[object]:
    return (
        "",
        target,
        "group",
        row.outcome.value,
        row.key,
        row.name,
        "",
        row.remote_id,
        *("",) * 7,
        ", ".join(map(short_path, row.matched)),
        "",
        "; ".join(group_notes(row)),
    )
