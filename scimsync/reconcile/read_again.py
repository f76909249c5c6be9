"""Read single resources again: a difference in a list counts once the resource itself shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from scimsync.model.ids import UNIQUE_ATTRIBUTE, Key, Kind
from scimsync.model.links import Link, LinkStatus, known_resource
from scimsync.plan.protection import link_protected_by, protected_by
from scimsync.reconcile.comparison import ResourceDifference, ShownRules, compare, is_removed
from scimsync.reconcile.drift_findings import Drift, FindingLog, ReconcileFinding
from scimsync.reconcile.opened import OpenedTarget
from scimsync.run.managed import create_only
from scimsync.scim.attributes import read, resource_id, short_text
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.listing import ListingError
from scimsync.state import link_store
from scimsync.state.known_resources import keys_in_hand
from scimsync.state.store import Store
from scimsync.targets.evidence import IdOfAnother, Purpose, Verdict, verdict

Resource = dict[str, Any]


class ResourceCheck:
    """Compares linked resources of one kind, each as it is when it is read by itself.

    A push may run at the same time: a resource is skipped if its link changes while it is read, or
    if it has an operation without an outcome. `also` is called with a resource that was read and
    its link. `gone` collects the keys of resources that no longer exist under their id, and
    `new_ids` the ids of those that have another one now.
    """

    def __init__(
        self,
        opened: OpenedTarget,
        store: Store,
        kind: Kind,
        log: FindingLog,
        *,
        members: bool = False,
        also: Callable[[Link, Resource], Awaitable[None]] | None = None,
    ) -> None:
        self._opened = opened
        self._store = store
        self._kind = kind
        self._log = log
        self._members = members
        self._also = also
        self._found: dict[Key, list[ReconcileFinding]] = {}
        self.new_ids: set[str] = set()
        self.gone: set[Key] = set()
        self.never_shown: frozenset[str] = frozenset()

    def rules(self, key: Key) -> ShownRules:
        """Return which attributes of a resource cannot be compared."""
        target = self._opened.compiled
        product = target.policy.product
        unseen = {*create_only(target, self._kind, key)}
        if self._kind is Kind.USER:
            unseen |= {*product.send_only, *product.left_out}
        return ShownRules(frozenset(unseen), invites=product.invites)

    async def check(self, keys: Sequence[Key], at_once: int) -> None:
        """Compare the resources of `keys`, `at_once` at the same time.

        Raise RequestError for errors that concern more than one resource.
        """
        found = self._links(keys)
        limit = asyncio.Semaphore(at_once)

        async def one(link: Link) -> None:
            async with limit:
                await self._check(link)

        async with asyncio.TaskGroup() as tasks:
            for link in found.values():
                tasks.create_task(one(link))
        self.flush(keys)

    def add(self, key: Key, finding: ReconcileFinding) -> None:
        """Note a finding about a resource, until `flush`."""
        self._found.setdefault(key, []).append(finding)

    def flush(self, keys: Sequence[Key]) -> None:
        """Write the notes about `keys` to the log, in their order."""
        for key in keys:
            for finding in self._found.pop(key, ()):
                self._log.add(finding)

    async def sample(self, keys: Iterable[Key]) -> list[Resource]:
        """Return the resources of some keys, as far as they can be read."""
        found: list[Resource] = []
        for link in self._links(list(keys)).values():
            try:
                resource = await self._read(link)
            except (ErrorResponse, ListingError, IdOfAnother):
                continue
            if resource is not None:
                found.append(resource)
        return found

    async def _check(self, link: Link) -> None:
        if link.remote_id is None or link.in_doubt:
            self._log.add_skipped(self._kind, link.key)
            return
        try:
            resource = await self._read(link)
        except IdOfAnother as error:
            if self._is_settled(link):
                self._add(link, Drift.REASSIGNED, detail=str(error))
            return
        except (ErrorResponse, ListingError) as error:
            if verdict(error, Purpose.READ) is Verdict.TOKEN:
                raise
            self._log.add_unreadable(self._kind, link.key, str(error))
            return
        if not self._is_settled(link):
            self._log.add_skipped(self._kind, link.key)
        elif resource is not None:
            await self._judge(link, resource)
        elif link.has_account and self._protection(link, {}) is None:
            self.gone.add(link.key)
            self._add(link, Drift.VANISHED)

    async def _read(self, link: Link) -> Resource | None:
        """Return the resource of a link, under a new id if it has one, or None if it is gone."""
        assert link.remote_id is not None  # noqa: S101 - the callers look
        matcher = self._opened.matcher_of(self._kind, link.key)
        if link.status is LinkStatus.DELETED:
            return await matcher.read(link.remote_id)
        return await matcher.locate(link.remote_id, link.document, members=self._members)

    async def _judge(self, link: Link, resource: Resource) -> None:
        if self._protection(link, resource) is not None:
            return
        remote_id = resource_id(resource)
        if remote_id is not None and remote_id != link.remote_id:
            self.new_ids.add(remote_id)
            self.gone.add(link.key)
            self._add(link, Drift.NEW_ID, resource, detail=remote_id)
            return
        known = known_resource(link)
        if self._kind is Kind.USER and is_removed(known, resource):
            self._log.add_removed(link.key)
        found = compare(self._kind, known, resource, self.rules(link.key))
        if found is not None and self.never_shown:
            found = found.without(self.never_shown)
        if found is not None:
            self._add_difference(link, resource, found)
        if self._also is not None:
            await self._also(link, resource)

    def _protection(self, link: Link, resource: Mapping[str, Any]) -> str | None:
        policy = self._opened.compiled.policy
        return link_protected_by(policy, link) or protected_by(policy, self._kind, resource)

    def _add_difference(self, link: Link, resource: Resource, found: ResourceDifference) -> None:
        if found.drift is not None:
            self._add(link, found.drift, resource)
        if found.changes:
            self.add(link.key, self._finding(link, Drift.CHANGED, resource, found))

    def _add(
        self, link: Link, drift: Drift, resource: Resource | None = None, detail: str = ""
    ) -> None:
        self.add(link.key, self._finding(link, drift, resource or {}, detail=detail))

    def _finding(
        self,
        link: Link,
        drift: Drift,
        resource: Mapping[str, Any],
        found: ResourceDifference | None = None,
        detail: str = "",
    ) -> ReconcileFinding:
        unique = UNIQUE_ATTRIBUTE[self._kind]
        name = short_text(read(resource, unique)) or short_text(link.document.get(unique))
        return ReconcileFinding(
            drift=drift,
            kind=self._kind,
            key=link.key,
            remote_id=link.remote_id,
            name=name,
            changes=() if found is None else found.changes,
            detail=detail,
        )

    def _links(self, keys: Sequence[Key]) -> dict[Key, Link]:
        with self._store.read() as connection:
            return link_store.get_links(connection, self._opened.name, self._kind, keys)

    def _is_settled(self, link: Link) -> bool:
        """Return whether a link is still as it was, and no request about it is in flight."""
        with self._store.read() as connection:
            now = link_store.get_links(connection, self._opened.name, self._kind, [link.key])
            in_hand = keys_in_hand(connection, self._opened.name, self._kind, [link.key])
        return now.get(link.key) == link and not in_hand
