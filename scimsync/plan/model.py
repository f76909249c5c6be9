"""The words of a plan: actions, their order, what a planner is told about each person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from scimsync.desired.values import Desired
from scimsync.model.accounts import Account
from scimsync.model.ids import Document, Key, RemoteId
from scimsync.model.links import Link, Reference
from scimsync.model.operations import Action, Operation

REMOVALS = (Action.DEACTIVATE, Action.DELETE)
"""What `max_removals` counts."""

UPDATES = (Action.UPDATE, Action.REACTIVATE)
"""What `max_updates` counts; an adopted account was not scimsync's before."""


MADE_UNSEEN = "an earlier run made it, and no answer said so"
"""The reason to adopt what `doubts` found."""


# Values that are known only when a request is made stand in changes as one of these markers.
REF = "$ref"
GENERATE = "$generate"
SECRET = "$secret"  # noqa: S105 - the name of a marker


def marker(value: Any) -> str | None:
    """Which marker a value is: `REF`, `GENERATE`, `SECRET`, or None for a plain value."""
    if type(value) is dict and len(value) == 1:
        name = next(iter(value))
        if name in (REF, GENERATE, SECRET):
            return str(name)
    return None


def holds_marker(value: object) -> bool:
    """Whether a value is a marker or holds one anywhere."""
    if isinstance(value, Mapping):
        return marker(value) is not None or any(holds_marker(item) for item in value.values())
    return isinstance(value, list) and any(holds_marker(item) for item in value)


@dataclass(frozen=True, slots=True)
class Leaving:
    """`leave` of a target. `delete_after` counts from the deactivation; None for never."""

    action: str
    delete_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What sync.toml says of a target, as far as planning needs it. `scope` is the text of the
    expression, for reasons; `revoke` is what leavers lose besides their access: memberships,
    attributes."""

    target: str
    scope: str | None
    leave: Leaving
    create: bool = True
    update: bool = True
    remove: bool = True
    revoke: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person to be compared. `desired` is None where no source has a record of the key any
    more.

    `before` is what the target holds at the managed paths; `read_again` says that it was read now
    because the last outcome is unknown: the account is `gone`, or an earlier run made it `unseen`,
    without an answer. `accounts` are what matching found for somebody without a link. `held_since`
    says that somebody is deprovisioned by hand; `desired` is None then.
    """

    key: Key
    desired: Desired | None
    link: Link | None = None
    before: Document = field(default_factory=dict)
    read_again: bool = False
    gone: bool = False
    unseen: bool = False
    accounts: tuple[Account, ...] = ()
    failure: str | None = None
    held_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a userName at the target, and whether this plan makes them give it up."""

    key: Key
    frees: bool
    active: bool = True


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a batch of candidates needs to know of everybody else at the target.

    `accounts`: key -> remote id, for references. `coming`: keys that get an account in this plan.
    `holders`: folded userName -> who holds it. `claimed`: folded userName -> who was given it
    earlier in this plan; `adopted`: the same of accounts.
    """

    accounts: Mapping[Key, RemoteId] = field(default_factory=dict)
    coming: frozenset[Key] = frozenset()
    holders: Mapping[str, Holder] = field(default_factory=dict)
    claimed: Mapping[str, Key] = field(default_factory=dict)
    adopted: Mapping[RemoteId, Key] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """Operations for a batch of candidates.

    `references` are what the candidates refer to from now on; `settled` are links that change
    without a request; `unwanted` are keys that wait for an account and are no longer wanted;
    `returned` are those of people who had left and are to have their account again, whether or not
    that succeeds.
    """

    operations: tuple[Operation, ...]
    references: tuple[Reference, ...]
    settled: tuple[Link, ...]
    unwanted: tuple[Key, ...]
    returned: tuple[Key, ...]
