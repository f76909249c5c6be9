"""Limits that stop a run before it does damage, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scimsync.model.limits import Limit
from scimsync.plan.model import REMOVALS, UPDATES

ALWAYS_FINE = 5
"""Up to so many accounts a share never stops: ten percent of three people would be nobody."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the person at the command line lifts for one run: at most so many; None for the limit of
    sync.toml."""

    removals: int | None = None
    updates: int | None = None
    records: int | None = None
    new_url: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """How many operations of a kind a plan holds for a target, and the first keys of them."""

    target: str
    accounts: int
    number: int
    first: Sequence[str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a run must not go on. `brief` names nobody; `names` are the first of those whom it is
    about; `how` is what lifts it."""

    brief: str
    names: str = ""
    how: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.brief, self.names, self.how) if part)

    @property
    def nameless(self) -> str:
        """The same without names."""
        return " ".join(part for part in (self.brief, self.how) if part)


def check_removals(tally: Tally, limit: Limit, allowed: int | None) -> Refusal | None:
    """Why the plan must not run, or None."""
    most = _most(limit, tally.accounts, allowed)
    if tally.number <= most:
        return None
    return _sentence(
        tally,
        f"{tally.number} of {tally.accounts} accounts would be deactivated or deleted",
        f"guard.max_removals allows {_limit_words(limit, most, allowed)}",
        f"if that is right: scimsync push --allow-removals {tally.number}",
    )


def check_members(tally: Tally, limit: Limit, allowed: int | None) -> Refusal | None:
    """Why the plan must not run, or None. `tally` is of one group: its members, and those who would
    be taken out."""
    most = _most(limit, tally.accounts, allowed)
    if tally.number <= most:
        return None
    return _sentence(
        tally,
        f"{tally.number} of {tally.accounts} members would be taken out",
        f"guard.max_removals allows {_limit_words(limit, most, allowed)}",
        f"if that is right: scimsync push --allow-removals {tally.number}",
    )


def check_updates(tally: Tally, limit: Limit, allowed: int | None) -> Refusal | None:
    """Why the plan must not run, or None."""
    most = _most(limit, tally.accounts, allowed)
    if tally.number <= most:
        return None
    return _sentence(
        tally,
        f"{tally.number} of {tally.accounts} accounts would be changed",
        f"guard.max_updates allows {_limit_words(limit, most, allowed)}",
        f"if that is right: scimsync push --allow-updates {tally.number}",
    )


def counted_for(limit: str) -> tuple[str, ...]:
    """The actions that `max_removals` or `max_updates` counts."""
    return REMOVALS if limit == "max_removals" else UPDATES


def _most(limit: Limit, accounts: int, allowed: int | None) -> int:
    if allowed is not None:
        return allowed
    return max(limit.of(accounts), ALWAYS_FINE) if limit.is_share else limit.of(accounts)


def _limit_words(limit: Limit, most: int, allowed: int | None) -> str:
    if allowed is not None:
        return f"{most} by --allow"
    return f"{limit}, here {most}" if limit.is_share else str(most)


def _sentence(tally: Tally, what: str, rule: str, how: str) -> Refusal:
    names = ", ".join(tally.first)
    more = tally.number - len(tally.first)
    return Refusal(
        f"{tally.target}: {what}; {rule}.",
        f"First: {names}{f' and {more} more' if more > 0 else ''}.",
        how,
    )
