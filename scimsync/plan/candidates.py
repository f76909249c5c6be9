"""The input of the decisions: one user or group, and all other resources at the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scimsync.desired import Desired
from scimsync.model.accounts import Account
from scimsync.model.clock import ClockDoubt
from scimsync.model.ids import Document, Key, RemoteId
from scimsync.model.links import Link
from scimsync.plan.product import GENERIC, ProductRules
from scimsync.scim.filters import Filter


@dataclass(frozen=True, slots=True)
class Leaving:
    """`leave` of a target.

    `action` is `deactivate`, `delete` or `keep`. `delete_after` counts from the deactivation; None
    means never.
    """

    action: str
    delete_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of a target in sync.toml that planning needs.

    `scope` is the text of the expression, for reasons. `create`, `update` and `remove` switch kinds
    of action. `revoke` names what leavers lose besides their access: memberships, attributes.
    `adopting` are the group tables whose groups may exist already, with the attributes by which
    these are found. `protect` are filters: users of
    the target that match one are out of reach. `match` are the attributes that tell users apart.
    `product` is what the product of the target does with requests.
    """

    target: str
    scope: str | None
    leave: Leaving
    create: bool = True
    update: bool = True
    remove: bool = True
    revoke: tuple[str, ...] = ()
    adopting: Mapping[str, Sequence[str]] = field(default_factory=dict)
    protect: tuple[Filter, ...] = ()
    match: tuple[str, ...] = ()
    product: ProductRules = GENERIC


@dataclass(frozen=True, slots=True)
class Candidate:
    """One user or group to be planned.

    `desired` is None if no record asks for the resource. `before` has the values at the target
    for the managed paths. `read_again` is set where the resource was read in this run because the
    outcome of its last request was unknown: it may be `gone`, or `unacknowledged`, that is, an
    earlier run created it without receiving the response. `accounts` are the existing resources
    that matching found for a candidate without a link. `failure` is why it cannot be planned.
    `held_since` is when the user was deprovisioned by hand; `desired` is None then. `leave` is the
    leave action of a group's own table, and None for users. `protected_by` is the filter of
    `protect` that keeps the linked account as it is. `moved` is why the account is moved to this
    key, where this plan does that.
    """

    key: Key
    desired: Desired | None
    link: Link | None = None
    before: Document = field(default_factory=dict)
    read_again: bool = False
    gone: bool = False
    unacknowledged: bool = False
    accounts: tuple[Account, ...] = ()
    failure: str | None = None
    held_since: datetime | None = None
    leave: str | None = None
    protected_by: str | None = None
    moved: str | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether the resource should exist at the target."""
        return self.desired is not None and self.desired.in_scope


@dataclass(frozen=True, slots=True)
class NameHolder:
    """The resource that holds a unique name, and whether this plan makes it give the name up.

    It is not `certain` that it holds the name if it may have got it from a request with an unknown
    outcome.
    """

    key: Key
    frees: bool
    active: bool = True
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The other resources at the target, as far as a batch of candidates needs them.

    `accounts` maps keys to remote ids, for references. `arriving` are keys that get an account in
    this plan, and `waiting` those that should have one and failed recently. `holders` maps folded
    unique names to who holds them now, `claimed` to the key that was given the name earlier in this
    plan, and `adopted` does the same for remote ids. `clock_doubt` is why no account is deleted by
    the clock, and `gives_no_access` why no user gets an account, or gets access back.
    """

    accounts: Mapping[Key, RemoteId] = field(default_factory=dict)
    arriving: frozenset[Key] = frozenset()
    waiting: frozenset[Key] = frozenset()
    holders: Mapping[str, NameHolder] = field(default_factory=dict)
    claimed: Mapping[str, Key] = field(default_factory=dict)
    adopted: Mapping[RemoteId, Key] = field(default_factory=dict)
    clock_doubt: ClockDoubt | None = None
    gives_no_access: str | None = None
