"""The interfaces that the planner needs: the state, the snapshot, the target, and sync.toml."""

from __future__ import annotations

from collections.abc import Collection, Container, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from scimsync.desired import Program
from scimsync.desired.groups import GroupRule
from scimsync.model.accounts import Account
from scimsync.model.ids import Document, Key, Kind, RemoteId, Seq
from scimsync.model.links import Link, Reference
from scimsync.model.memberships import Membership
from scimsync.model.operations import Operation
from scimsync.model.pins import Pin
from scimsync.model.records import Record
from scimsync.plan.candidates import Policy


class TargetRules(Protocol):
    """The compiled settings of one target."""

    @property
    def policy(self) -> Policy: ...

    @property
    def program(self) -> Program:
        """Scope and mapping of its users."""
        ...

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of its users, in order of precedence."""
        ...

    @property
    def groups(self) -> Mapping[str, GroupRule]: ...

    @property
    def members_per_request(self) -> int: ...

    @property
    def removals_per_request(self) -> int | None:
        """The number of members that one request may remove, if it may not add others."""
        ...


def sources_of_groups(rules: TargetRules) -> set[str]:
    """Return the sources whose records are groups of a target, and no users."""
    return {one.source for one in rules.groups.values() if one.source is not None}


class Records(Protocol):
    """The records of all sources, as last read."""

    def get(self, sources: Sequence[str], keys: Sequence[Key]) -> dict[Key, Record]:
        """Return the record of each key, from the first of `sources` that has it."""
        ...

    def doubles(self, sources: Sequence[str], keys: Sequence[Key]) -> dict[Key, list[str]]:
        """Return the keys that more than one of `sources` has now, with these sources."""
        ...

    def unusable(self, sources: Sequence[str], keys: Sequence[Key]) -> dict[Key, str]:
        """Return those of `keys` that an unusable row of one of `sources` may be of, with it."""
        ...

    def never_accepted(self, sources: Sequence[str], keys: Sequence[Key]) -> set[Key]:
        """Return those of `keys` whose record was only in a file that a guard refused."""
        ...

    def known_elsewhere(self, keys: Sequence[Key], except_for: Collection[str]) -> set[Key]:
        """Return those of `keys` that a record of any source has or had, but for some sources."""
        ...

    def named(self, sources: Sequence[str], names: Sequence[str]) -> dict[str, list[Key]]:
        """Return the keys of the records that have each of `names` (see `model.names`)."""
        ...

    def changed_keys(self, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
        """Return the keys of the records that changed after `cursor`, in order, each once."""
        ...


class PlanningState(Protocol):
    """The state of one target, and the plan that is being written for it.

    There are two implementations. `state.planning.LiveState` writes to the state database.
    `state.planning_overlay.OverlayState` writes to a scratch database above it, for a plan that
    stores nothing. Both show the state as the next push will find it.
    """

    def keys_to_plan(
        self, sources: Sequence[str], cursor: Seq, *, everybody: bool
    ) -> Generator[Key, None, None]:
        """Return the keys of users to be planned, in order, each once.

        These are changed records, due links, references that can be resolved, and operations
        without an outcome. `everybody` adds all users with an account.
        """
        ...

    def arrivals(self, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
        """Return keys of users without an account whose record changed, or that wait, in order.

        There are none at a target without any account.
        """
        ...

    def removed_keys(self, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
        """Return the keys of records that were removed after `cursor`."""
        ...

    def deactivated(self, since: datetime) -> Iterator[Link]:
        """Return the links of users that were deactivated, or changed after that, since a time."""
        ...

    def move(self, pairs: Mapping[Key, Key]) -> None:
        """Move the accounts of the old keys in `pairs` (new -> old) to the new ones in this plan.

        It is stored when the plan is accepted.
        """
        ...

    def moved_keys(self) -> Mapping[Key, Key]:
        """Return the keys that accounts were moved from, with the keys that they have now."""
        ...

    # Links

    def links(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Link]:
        """Return the links of `keys` that exist."""
        ...

    def note_link(self, link: Link) -> None:
        """Store the values found in a resource."""
        ...

    def in_doubt_keys(self, kind: Kind) -> list[Key]:
        """Return the keys whose last request has an unknown outcome and that may be read now."""
        ...

    def paused_keys(self, kind: Kind) -> set[Key]:
        """Return the keys that failed recently and are not to be tried yet."""
        ...

    def name_holders(self, kind: Kind, names: Sequence[str]) -> dict[str, Link]:
        """Return the links that hold these folded unique names, by name."""
        ...

    def owners(self, kind: Kind, ids: Sequence[RemoteId]) -> dict[RemoteId, Key]:
        """Return the keys that are linked to these remote ids."""
        ...

    def sharers(self, kind: Kind, ids: Sequence[RemoteId]) -> dict[RemoteId, list[Key]]:
        """Return all keys that are linked to each of these accounts."""
        ...

    def remote_ids(
        self, kind: Kind, keys: Sequence[Key], *, include_deleted: bool = False
    ) -> dict[Key, RemoteId]:
        """Return the remote ids of the resources that exist, and of deleted ones if asked to."""
        ...

    def group_keys(self, *, existing: bool) -> list[Key]:
        """Return the keys of all links of groups, or of those that exist at the target."""
        ...

    def due_groups(self) -> list[Key]:
        """Return the keys of groups that are due although no record changed."""
        ...

    def referrers(self, keys: Sequence[Key]) -> set[Key]:
        """Return the keys of the users that refer to one of `keys`."""
        ...

    def held(self, keys: Sequence[Key]) -> dict[Key, datetime]:
        """Return those of `keys` that were deprovisioned by hand, and when."""
        ...

    def absent_users(self, keys: Sequence[Key]) -> dict[Key, str]:
        """Return those of `keys` for which a look-up found nothing to remove.

        The value identifies what was looked up by.
        """
        ...

    def put_absent_users(self, found: Mapping[Key, str], protected: Mapping[Key, str]) -> None:
        """Keep, once the plan is accepted, that look-ups of these users found nothing to remove.

        `found` says what they were looked up by. The users `protected` have an account that stays
        as it is, and are looked up again.
        """
        ...

    def pins(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Pin]:
        """Return the pins of those of `keys` that a revert has pinned."""
        ...

    def unpin(self, kind: Kind, keys: Collection[Key]) -> None:
        """Drop the pins of `keys` once the plan is accepted: they no longer have an effect."""
        ...

    def all_held(self) -> Collection[Key]:
        """Return all keys that were deprovisioned by hand."""
        ...

    # Memberships

    def memberships_of_members(
        self, members: Sequence[Key], kind: Kind = Kind.USER
    ) -> list[Membership]:
        """Return all memberships of these members."""
        ...

    def memberships_of_group(self, group: Key) -> list[Membership]:
        """Return all memberships of one group."""
        ...

    def put_memberships(
        self, memberships: Sequence[Membership], before: Iterable[Membership]
    ) -> None:
        """Store memberships as this plan wants them; `before` holds what they replace."""
        ...

    def due_memberships(self) -> Iterator[Membership]:
        """Return the memberships that need a request, group by group."""
        ...

    def groups_with_wanted(self, groups: Sequence[Key]) -> set[Key]:
        """Return those of `groups` that have wanted members."""
        ...

    def count_acknowledged(self, groups: Sequence[Key]) -> dict[Key, int]:
        """Return how many members the target has acknowledged in each group."""
        ...

    # The plan so far

    def add_operations(self, operations: Sequence[Operation]) -> None:
        """Append operations to the plan."""
        ...

    def planned_keys(self, kind: Kind, keys: Sequence[Key], *actions: str) -> set[Key]:
        """Return those of `keys` with an open operation, of one of `actions` if there are any."""
        ...

    def touched_keys(self, kind: Kind, keys: Sequence[Key]) -> set[Key]:
        """Return those of `keys` that this run has planned, whatever the outcome."""
        ...

    def keys_with(self, kind: Kind, actions: Sequence[str], size: int) -> Iterator[list[Key]]:
        """Return the keys with an open operation of `actions`, in order, `size` at a time."""
        ...

    def claimed_names(self, kind: Kind, names: Sequence[str]) -> dict[str, Key]:
        """Return the keys that were given these folded names in this plan."""
        ...

    def adopted(self, kind: Kind, ids: Sequence[RemoteId]) -> dict[RemoteId, Key]:
        """Return the keys that adopt these remote ids in this plan."""
        ...

    def adopted_ids(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, RemoteId]:
        """Return the remote ids that `keys` adopt in this plan."""
        ...

    # Changes without an operation

    def put_references(self, keys: Sequence[Key], references: Sequence[Reference]) -> None:
        """Make `references` the references of the users `keys`."""
        ...

    def update_links(
        self,
        kind: Kind,
        links: Sequence[Link],
        unwanted: Sequence[Key],
        returned: Sequence[Key],
        due: Container[Key],
    ) -> None:
        """Store links that change without an operation.

        Pending links of `unwanted` keys are dropped. For `returned` keys the time until a deletion
        starts over when they leave again. Both, and the links of keys in `due`, wait until the plan
        is accepted: before that, their resources have to be planned again.
        """
        ...

    def put_links(self, links: Sequence[Link]) -> None:
        """Store links at once, whether or not the plan is accepted: failures, due times."""
        ...


class Finder(Protocol):
    """A search for resources of one kind that already exist at the target."""

    async def find(
        self,
        wanted: Mapping[Key, Document],
        paths: Mapping[Key, Sequence[str]],
        *,
        proving: bool = False,
    ) -> tuple[dict[Key, tuple[Account, ...]], dict[Key, str]]:
        """Return the accounts that match each document, and why some could not be looked up.

        `paths` are the managed paths of each key. With `proving`, that nothing is found counts only
        if the search is shown to find others. Raise RequestError for errors that concern more than
        one resource: no connection, a refused token.
        """
        ...


class ReadResources(Protocol):
    """Resources by their keys, which need not be in memory."""

    def __contains__(self, key: object, /) -> bool: ...

    def __getitem__(self, key: Key, /) -> dict[str, Any] | None: ...


class InDoubtResources(Protocol):
    """A reader of resources of one kind whose last request has an unknown outcome."""

    @property
    def resources(self) -> ReadResources:
        """The resources that were read; None where the resource is gone."""
        ...

    failures: dict[Key, str]
    """Why some could not be read."""

    unacknowledged: set[Key]
    """Resources that an earlier run created without receiving the response."""

    invited: set[Key]
    """Users who were not active when they were read, because they have an invitation."""

    def start_round(self) -> None:
        """Forget what was read: it may have changed since."""
        ...

    async def read_due(self) -> None:
        """Read every resource in doubt. Raise RequestError for errors that affect several."""
        ...

    async def read(self, links: dict[Key, Link]) -> None:
        """Read those of `links` that are in doubt, and replace them with the results."""
        ...

    def held(
        self, link: Link, resource: Mapping[str, object], wanted: Iterable[str] = ()
    ) -> Document:
        """Return the values of a resource at the acknowledged paths and at the paths `wanted`."""
        ...
