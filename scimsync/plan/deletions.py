"""When a deactivated account is deleted: after its delay, and after two runs that find it due.

A clock may be wrong in one run. A deletion therefore needs a run that finds it due, another one at
least an hour later, and no doubt about the clock. Until then the account stays deactivated.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from scimsync.model.clock import ClockDoubt
from scimsync.model.links import Link, LinkStatus
from scimsync.plan.candidates import Policy

CONFIRM_AFTER = timedelta(hours=1)
"""The shortest time between the first run that finds a deletion due and the one that deletes."""


def deletion_time(link: Link | None, policy: Policy, now: datetime) -> datetime | None:
    """Return when an account is to be deleted, or None for never.

    The time counts from when its user left, or from `now` where that is not known. An account that
    was found after its user had left is never deleted later.
    """
    leave = policy.leave
    if leave.action != "deactivate" or leave.delete_after is None:
        return None
    if link is not None and link.left_before:
        return None
    left_at = link.left_at if link is not None and link.left_at is not None else now
    return left_at + leave.delete_after


def is_due(link: Link, policy: Policy, now: datetime) -> bool:
    """Return whether the delay of a deactivated account is over."""
    deletion = deletion_time(link, policy, now)
    return link.status is LinkStatus.INACTIVE and deletion is not None and deletion <= now


def is_confirmed(link: Link, policy: Policy, now: datetime, doubt: ClockDoubt | None) -> bool:
    """Return whether a deactivated account is to be deleted in this run."""
    seen_at = _seen_at(link, policy, now)
    return doubt is None and seen_at is not None and seen_at <= now - CONFIRM_AFTER


def first_seen(link: Link, policy: Policy, now: datetime) -> Link | None:
    """Return the link with the first run that finds its deletion due, None if one did before."""
    deletion = deletion_time(link, policy, now)
    if deletion is None or _seen_at(link, policy, now) is not None:
        return None
    return replace(
        link,
        left_at=link.left_at or now,
        deletion_seen_at=now,
        delete_after=max(deletion, now + CONFIRM_AFTER),
    )


def decides_by_clock(link: Link | None, policy: Policy, now: datetime) -> bool:
    """Return whether the clock decides what happens to an unwanted account in this run."""
    if link is None or link.status is not LinkStatus.INACTIVE:
        return False
    begins = link.left_at is None and deletion_time(link, policy, now) is not None
    return begins or is_confirmed(link, policy, now, None)


def uncounted(link: Link, now: datetime) -> Link:
    """Return a link whose delay does not begin yet: a later run checks it again."""
    return replace(
        link,
        left_at=None,
        delete_after=None,
        deletion_seen_at=None,
        next_try_at=now + CONFIRM_AFTER,
    )


def _seen_at(link: Link, policy: Policy, now: datetime) -> datetime | None:
    """Return when a run first found the deletion due; a time from a wrong clock does not count."""
    seen_at, deletion = link.deletion_seen_at, deletion_time(link, policy, now)
    if seen_at is None or deletion is None or not deletion <= seen_at <= now:
        return None
    return seen_at
