"""The words of the report, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scimsync.adoption.existing_accounts import ExistingAccount
from scimsync.adoption.report import Listing
from scimsync.adoption.rows import AdoptionOutcome, GroupRow, UserRow
from scimsync.formatting import plural
from scimsync.jsontext import json_text
from scimsync.model.changes import Change
from scimsync.plan.adoption import describe_match
from scimsync.plan.document_diff import short_path
from scimsync.plan.requests import shown


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of the rows of one outcome, what it means, and the style and tone of its word."""

    title: str
    meaning: str
    style: str
    tone: str


USERS: Mapping[AdoptionOutcome, Heading] = {
    AdoptionOutcome.AMBIGUOUS: Heading(
        "ambiguous", "several accounts match a user; nothing is sent", "red", "bad"
    ),
    AdoptionOutcome.CONTESTED: Heading(
        "contested", "the account belongs to another user; nothing is sent", "red", "bad"
    ),
    AdoptionOutcome.FAILED: Heading("failed", "the user cannot be planned", "red", "bad"),
    AdoptionOutcome.WEAK_MATCH: Heading(
        "weak match", "taken over if you allow it; it may be another person's", "yellow", "warn"
    ),
    AdoptionOutcome.LEAVER: Heading(
        "leaver", "the account of a user who should have none", "red", "bad"
    ),
    AdoptionOutcome.PROTECTED: Heading(
        "protected", "protect keeps the account as it is", "cyan", "info"
    ),
    AdoptionOutcome.NOT_ADOPTED: Heading(
        "not adopted", "matches; actions or adopt prevent the takeover", "yellow", "warn"
    ),
    AdoptionOutcome.CREATE: Heading(
        "create", "no account yet; a push creates one", "green", "good"
    ),
    AdoptionOutcome.NOT_CREATED: Heading(
        "not created", "no account, and actions prevent its creation", "dim", "quiet"
    ),
    AdoptionOutcome.UNMATCHED: Heading(
        "unmatched", "no record matches the account; it stays as it is", "dim", "quiet"
    ),
    AdoptionOutcome.MATCH: Heading(
        "match", "the user's account; a push takes it over", "green", "good"
    ),
    AdoptionOutcome.LINKED: Heading(
        "linked", "scimsync manages the account already", "dim", "quiet"
    ),
}
"""Outcome of a user or account -> its heading, in the order in which they are shown."""

GROUPS: Mapping[AdoptionOutcome, Heading] = {
    AdoptionOutcome.AMBIGUOUS: Heading("ambiguous", "several groups match", "red", "bad"),
    AdoptionOutcome.CONTESTED: Heading("contested", "it belongs to another table", "red", "bad"),
    AdoptionOutcome.FAILED: Heading("failed", "it cannot be planned", "red", "bad"),
    AdoptionOutcome.NOT_ADOPTED: Heading(
        "not adopted", "exists, but its table does not take it over", "yellow", "warn"
    ),
    AdoptionOutcome.MATCH: Heading("match", "exists; a push takes it over", "green", "good"),
    AdoptionOutcome.CREATE: Heading(
        "create", "no such group yet; a push creates it", "green", "good"
    ),
    AdoptionOutcome.NOT_CREATED: Heading("not created", "not created", "dim", "quiet"),
    AdoptionOutcome.UNMATCHED: Heading(
        "unmatched", "no table asks for it; it stays as it is", "dim", "quiet"
    ),
    AdoptionOutcome.LINKED: Heading("linked", "scimsync manages it already", "dim", "quiet"),
}
"""Outcome of a group -> its heading, in the order in which they are shown."""


_SAID = (AdoptionOutcome.AMBIGUOUS, AdoptionOutcome.PROTECTED)
"""Outcomes of users with a detail that adds nothing to the rest of the row."""


def list_sentence(listing: Listing, noun: str) -> str:
    """Return how many accounts or groups a list has, and whether it is shown to be whole."""
    if listing.number is None:
        return f"{noun}s cannot be listed: {listing.problem}"
    number = plural(listing.number, noun)
    return number if listing.problem is None else f"{number} listed; {listing.problem}"


def matched_words(row: UserRow | GroupRow) -> str:
    """Return `matches by userName only`, or nothing without a match."""
    if not row.matched:
        return ""
    return describe_match(row.matched, may_be_weak=row.outcome is AdoptionOutcome.WEAK_MATCH)


def account_words(account: ExistingAccount) -> str:
    """Describe an account for people: userName, name, state, and id."""
    name = f" ({account.name})" if account.name and account.name != account.user_name else ""
    state = ", deactivated" if account.active is False else ""
    return f"{account.label}{name}{state}"


def user_notes(row: UserRow) -> list[str]:
    """Return the notes on a row besides its key, account, and changes."""
    notes = [row.detail] if row.detail is not None and row.outcome not in _SAID else []
    if row.account is not None and row.account.protected_by is not None:
        notes.append(f"protected by {row.account.protected_by}")
    if row.is_reactivated:
        notes.append("reactivates the account")
    if row.filled:
        notes.append(f"sets {', '.join(short_path(change.path) for change in row.filled)}")
    for alike in row.resembles:
        what = "may be" if row.outcome is AdoptionOutcome.CREATE else "may also have"
        notes.append(f"{what} {account_words(alike.account)}: same {', '.join(alike.shared)}")
    return notes


def change_words(change: Change) -> str:
    """Return `title: "Engineer" → "Developer"`."""
    before, after = (json_text(shown(value)) for value in (change.before, change.after))
    to = "removed" if change.after is None else after
    return f"{short_path(change.path)}: {before} → {to}"


def group_notes(row: GroupRow) -> list[str]:
    """Return what happens to a group and its members."""
    notes = [] if row.detail is None else [row.detail]
    if row.members is not None:
        notes.append(plural(row.members, "member"))
    for members, what in (
        (row.added, "to add"),
        (row.removed, "to take out"),
        (row.kept, "in it already"),
        (row.unwanted, "in it who match no rule"),
        (row.unknown, "in it without a user"),
    ):
        if members:
            names = ", ".join(member.label for member in members[:5])
            more = f" and {len(members) - 5:,} more" if len(members) > 5 else ""
            notes.append(f"{len(members):,} {what}: {names}{more}")
    return notes
