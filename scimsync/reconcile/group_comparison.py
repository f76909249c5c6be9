"""Compare the groups of a target, and their members, with what it acknowledged.

Each linked group is read by itself: lists leave members out, or cut them. Groups that scimsync did
not create or adopt are ignored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scimsync.formatting import plural
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link
from scimsync.model.repairs import ShownMember, is_unlinked
from scimsync.reconcile.account_comparison import Progress
from scimsync.reconcile.drift_findings import Drift, FindingLog, ReconcileFinding
from scimsync.reconcile.opened import OpenedTarget
from scimsync.reconcile.read_again import ResourceCheck
from scimsync.scim.attributes import member_id, read
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.listing import ListingError
from scimsync.state import known_resources, link_store
from scimsync.state.store import Store
from scimsync.targets.evidence import Purpose, Verdict, verdict

AT_ONCE: Final = 4
"""The number of groups that are read at the same time. Each may have many members."""

_BATCH: Final = 200
_PAGE: Final = 100
"""A list of members of which this many or a multiple are shown may be cut there."""


@dataclass(frozen=True, slots=True)
class _KnownMember:
    """A membership in the state, of a member with an id."""

    kind: Kind
    key: Key
    remote_id: RemoteId
    wanted: bool
    acknowledged: bool
    in_doubt: bool

    @property
    def is_open(self) -> bool:
        """Whether a request about it is due or in doubt."""
        return self.in_doubt or self.wanted != self.acknowledged


class GroupComparison:
    """The comparison of the groups of one target with their members.

    `gone` are the users whose account is gone: that they are in no group follows from it.
    """

    def __init__(
        self, opened: OpenedTarget, store: Store, log: FindingLog, gone: Collection[Key]
    ) -> None:
        self._opened = opened
        self._store = store
        self._log = log
        self._gone = gone
        self._check = ResourceCheck(
            opened, store, Kind.GROUP, log, members=True, also=self._compare_members
        )
        self._exists: dict[tuple[Kind, str], bool | None] = {}
        self._shows_members = False
        self._without_members: list[tuple[Link, list[_KnownMember]]] = []
        self.compared = 0
        self.notes: list[str] = []

    async def run(self, progress: Progress) -> None:
        """Read all linked groups, and compare them. Raise RequestError."""
        with self._store.read() as connection:
            linked = known_resources.accounts(connection, self._opened.name, Kind.GROUP)
            keys = [key for key, _ in linked]
        at_once = min(AT_ONCE, self._opened.compiled.concurrency)
        for some in batches(sorted(keys), _BATCH):
            await self._check.check(some, at_once)
            self.compared += len(some)
            progress("reading groups", len(some), len(keys))
        for link, known in self._without_members:
            await self._settle_without_members(link, known)
            self._check.flush([link.key])
        if self._hides_members and keys and not self._opened.reader.finds_members:
            product = self._opened.compiled.policy.product.name
            self.notes.append(f"members are not compared: {product} does not show them")

    @property
    def _hides_members(self) -> bool:
        return not self._opened.compiled.policy.product.members_returned

    async def _compare_members(self, link: Link, group: dict[str, Any]) -> None:
        """Compare the members that a group shows with those that are acknowledged."""
        known = self._known(link.key)
        shown = _shown_members(group)
        if self._hides_members or (not shown and any(_is_expected(one) for one in known)):
            self._without_members.append((link, known))
            return
        self._shows_members = self._shows_members or bool(shown)
        for one in known:
            if one.is_open:
                self._log.add_open_member(
                    ShownMember(link.key, one.kind, one.key, one.remote_id, one.remote_id in shown)
                )
        missing = [one for one in known if _is_expected(one) and one.remote_id not in shown]
        if missing and len(shown) >= _PAGE and len(shown) % _PAGE == 0:
            await self._ask_for(link, missing, f"the group shows {len(shown)} members only")
        else:
            self._add_removed(link, missing)
        await self._add_more(link, known, shown)

    async def _settle_without_members(self, link: Link, known: Sequence[_KnownMember]) -> None:
        """Decide about a group that shows no member, although it should have some.

        That counts if the target shows the members of another group, or finds none by a filter.
        """
        expected = [one for one in known if _is_expected(one)]
        if self._shows_members and not self._hides_members:
            self._add_removed(link, expected)
        elif self._opened.reader.finds_members:
            await self._ask_for(link, expected, "the group shows no members")
        elif not self._hides_members:
            why = f"the group shows none of {plural(len(expected), 'member')}, and no other does"
            self._log.add_unreadable(Kind.GROUP, link.key, why)

    async def _ask_for(self, link: Link, members: Sequence[_KnownMember], why: str) -> None:
        """Ask by a filter whether a group has some members, one by one."""
        assert link.remote_id is not None  # noqa: S101 - it was read
        matcher = self._opened.matcher_of(Kind.GROUP, link.key)
        removed, unknown = [], 0
        try:
            for member in members:
                is_member = await matcher.is_member(link.remote_id, member.remote_id)
                if is_member is None:
                    unknown += 1
                elif not is_member:
                    removed.append(member)
        except (ErrorResponse, ListingError) as error:
            if verdict(error, Purpose.SEARCH) is Verdict.TOKEN:
                raise
            self._log.add_unreadable(Kind.GROUP, link.key, f"{why}: {error}")
            return
        self._add_removed(link, removed)
        if unknown:
            number = plural(unknown, "member")
            self._log.add_unreadable(Kind.GROUP, link.key, f"{why}; {number} cannot be looked up")

    def _add_removed(self, link: Link, members: Sequence[_KnownMember]) -> None:
        for one in members:
            if not self._is_gone(one.kind, one.key):
                self._add(link, Drift.MEMBER_REMOVED, one.remote_id, one.kind, one.key)

    async def _add_more(
        self, link: Link, known: Sequence[_KnownMember], shown: Mapping[RemoteId, Any]
    ) -> None:
        """Add the members that should not be in the group, and those that do not exist."""
        of_id = {one.remote_id: one for one in known}
        strange = [
            remote_id
            for remote_id in shown
            if (one := of_id.get(remote_id)) is None
            or not (one.wanted or one.acknowledged or one.in_doubt)
            or self._is_gone(one.kind, one.key)
        ]
        for some in batches(strange, _BATCH):
            owners = {
                remote_id: (kind, key)
                for remote_id, (kind, key) in self._owners(some).items()
                if not self._is_gone(kind, key)
            }
            for remote_id in some:
                if remote_id in owners:
                    kind, key = owners[remote_id]
                    self._add(link, Drift.MEMBER_ADDED, remote_id, kind, key)
                elif not link.adopted:  # in an adopted group, members of others stay
                    await self._add_unlinked(link, remote_id, shown[remote_id])

    async def _add_unlinked(self, link: Link, remote_id: RemoteId, member: Any) -> None:
        """Add a member that no link has: an account or group of others, or none at all."""
        shown = str(read(member, "type") or "") + str(read(member, "$ref") or "")
        kinds = [Kind.GROUP, Kind.USER] if "group" in shown.lower() else [Kind.USER, Kind.GROUP]
        exists: list[bool | None] = []
        for kind in kinds:
            exists.append(await self._does_exist(kind, remote_id))
            if exists[-1]:
                self._add(link, Drift.MEMBER_ADDED, remote_id, kind, None)
                return
        if None in exists:
            why = f"its member {remote_id} cannot be identified"
            self._log.add_unreadable(Kind.GROUP, link.key, why)
        else:
            self._add(link, Drift.DANGLING_MEMBER, remote_id, None, None)

    async def _does_exist(self, kind: Kind, remote_id: RemoteId) -> bool | None:
        """Return whether a resource exists, None if that cannot be read."""
        if (kind, remote_id) not in self._exists:
            matcher = self._opened.matcher_of(kind, Key(""))
            try:
                found = await matcher.read(remote_id)
                self._exists[kind, remote_id] = found is not None
            except (ErrorResponse, ListingError) as error:
                if verdict(error, Purpose.READ) is Verdict.TOKEN:
                    raise
                self._exists[kind, remote_id] = None
        return self._exists[kind, remote_id]

    def _is_gone(self, kind: Kind, key: Key) -> bool:
        """Return whether a member no longer exists under the id that is linked."""
        return key in (self._gone if kind is Kind.USER else self._check.gone)

    def _known(self, group: Key) -> list[_KnownMember]:
        with self._store.read() as connection:
            rows = known_resources.members_with_ids(connection, self._opened.name, group)
            return [_KnownMember(*row) for row in rows]

    def _owners(self, ids: Sequence[RemoteId]) -> dict[RemoteId, tuple[Kind, Key]]:
        with self._store.read() as connection:
            return {
                remote_id: (kind, key)
                for kind in reversed(Kind)
                for remote_id, key in link_store.owners(
                    connection, self._opened.name, kind, ids
                ).items()
                if not is_unlinked(key)
            }

    def _add(
        self,
        link: Link,
        drift: Drift,
        remote_id: RemoteId,
        kind: Kind | None,
        key: Key | None,
    ) -> None:
        self._check.add(
            link.key,
            ReconcileFinding(
                drift=drift,
                kind=Kind.GROUP,
                key=link.key,
                remote_id=link.remote_id,
                name=link.document.get("displayName"),
                member_kind=kind,
                member=key,
                member_id=remote_id,
            ),
        )


def _is_expected(member: _KnownMember) -> bool:
    return member.wanted and member.acknowledged and not member.in_doubt


def _shown_members(group: Mapping[str, Any]) -> dict[RemoteId, Any]:
    """Return id -> element of the members that a group shows."""
    members = read(group, "members")
    elements = members if isinstance(members, list) else []
    named = ((member_id(element), element) for element in elements)
    return {RemoteId(one): element for one, element in named if one is not None}
