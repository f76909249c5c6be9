"""Read and write the journal and the links of one target while a run executes.

Each function is one transaction. Every transaction that releases operations, or writes outcomes,
checks that the run still holds its lease.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from scimsync.errors import LeaseHeld
from scimsync.execute.event_notes import note_events
from scimsync.execute.operation_outcome import (
    OperationOutcome,
    belongs_to,
    requests_text,
)
from scimsync.execute.preparation import PreparedOperation
from scimsync.execute.recovery import close_orphaned, make_due
from scimsync.model.backoff import retry_delay
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus, failed_link, link_in_doubt, perhaps_named
from scimsync.model.memberships import member_of
from scimsync.model.operations import (
    MEMBERSHIP_ACTIONS,
    OPEN_STATUSES,
    Action,
    JournaledOperation,
    OperationFilter,
    OperationStatus,
    Phase,
)
from scimsync.state import (
    leases,
    link_changes,
    link_store,
    membership_store,
    operation_journal,
    pin_store,
    reference_rows,
)
from scimsync.state.acknowledged_members import acknowledged_member_ids
from scimsync.state.store import Store

_BATCH = 500
"""The number of keys in one query."""


class JournalWriter:
    """The journal and links of one target in one run. `clock` returns aware times.

    Events of operations are noted for `event_destinations`.
    """

    def __init__(
        self,
        store: Store,
        run: int,
        target: str,
        token: leases.FencingToken,
        clock: Callable[[], datetime],
        event_destinations: Sequence[str] = (),
    ) -> None:
        self._store = store
        self._run = run
        self._target = target
        self._token = token
        self._clock = clock
        self._event_destinations = event_destinations
        self._planned = OperationFilter(run=run, target=target, statuses=(OperationStatus.PLANNED,))

    # Reading

    def count_planned(self) -> dict[int, int]:
        """Return the number of planned operations by phase."""
        with self._store.read() as connection:
            return operation_journal.count_by_phase(connection, self._planned)

    def planned(self, phase: int, after_id: int, limit: int) -> list[JournaledOperation]:
        """Return the next planned operations of a phase."""
        with self._store.read() as connection:
            return operation_journal.planned(
                connection, self._run, self._target, phase, after_id, limit
            )

    def links_of(self, operations: Sequence[JournaledOperation]) -> dict[tuple[Kind, Key], Link]:
        """Return the links of the operations' resources."""
        keys_by_kind: dict[Kind, list[Key]] = {}
        for operation in operations:
            keys_by_kind.setdefault(operation.kind, []).append(operation.key)
        with self._store.read() as connection:
            return {
                (kind, link.key): link
                for kind, keys in keys_by_kind.items()
                for link in link_store.get_links(connection, self._target, kind, keys).values()
            }

    def accounts(self, keys: Sequence[Key]) -> dict[Key, RemoteId]:
        """Return the remote ids of the accounts of `keys` that exist."""
        if not keys:
            return {}
        with self._store.read() as connection:
            return link_store.remote_ids(connection, self._target, keys)

    def member_ids(
        self, operations: Sequence[JournaledOperation]
    ) -> dict[tuple[Kind, Key], RemoteId]:
        """Return the remote ids of members.

        For removals, include those of accounts that no longer exist.
        """
        wanted: dict[tuple[Kind, bool], list[Key]] = {}
        for operation in operations:
            if operation.action in MEMBERSHIP_ACTIONS:
                for kind, key, added in map(member_of, operation.changes):
                    wanted.setdefault((kind, added), []).append(key)
        if not wanted:
            return {}
        with self._store.read() as connection:
            return {
                (kind, key): remote_id
                for (kind, added), keys in wanted.items()
                for key, remote_id in link_store.remote_ids(
                    connection, self._target, keys, kind, deleted=not added
                ).items()
            }

    def known_members(self, group: Key) -> frozenset[RemoteId]:
        """Return the remote ids of the members that the target has acknowledged in a group."""
        with self._store.read() as connection:
            return acknowledged_member_ids(connection, self._target, group)

    def holders(self, kind: Kind, names: Sequence[str]) -> dict[str, Link]:
        """Return the links of the resources that hold, or may have got, these folded names.

        A resource that this run creates again is gone, and holds no name.
        """
        if not names:
            return {}
        with self._store.read() as connection:
            found = link_store.name_holders(connection, self._target, kind, names)
            keys = [link.key for link in found.values()]
            where = replace(self._planned, kind=kind, keys=keys, actions=(Action.CREATE,))
            created = operation_journal.keys_of(connection, where) if keys else set()
        return {
            name: link
            for name, link in found.items()
            if link.key not in created or not link.has_account or link.unique_name != name
        }

    def unfinished(self, phase: Phase, keys: Sequence[Key]) -> set[Key]:
        """Return those of `keys` with an operation of a phase that has no outcome yet."""
        where = OperationFilter(
            run=self._run, target=self._target, phase=phase, keys=keys, statuses=OPEN_STATUSES
        )
        with self._store.read() as connection:
            return operation_journal.keys_of(connection, where) if keys else set()

    def owner(self, kind: Kind, remote_id: RemoteId) -> Key | None:
        """Return the key that a resource is linked to."""
        with self._store.read() as connection:
            return link_store.owners(connection, self._target, kind, [remote_id]).get(remote_id)

    # Writing

    def commit_batch(
        self, outcomes: Sequence[OperationOutcome], to_send: Sequence[PreparedOperation]
    ) -> bool:
        """Write `outcomes`, and mark the operations `to_send` as sent.

        Return False if the lease is lost: nothing may be sent.
        """
        now = self._clock()
        with self._store.write() as connection:
            lease_held = leases.renew(connection, self._token, now)
            if not lease_held:
                self._write_in_doubt(connection, outcomes)
                return False
            self._write(connection, outcomes)
            requests = {
                prepared.operation.id: requests_text(prepared.requests) for prepared in to_send
            }
            operation_journal.mark_sent(connection, requests, now)
            return True

    def plan_again(self, operation: JournaledOperation, step: OperationOutcome) -> bool:
        """Put an operation back into the plan after only `step` of it was sent.

        Return False if the lease is lost.
        """
        with self._store.write() as connection:
            lease_held = leases.renew(connection, self._token, self._clock())
            if not lease_held:
                self._write_in_doubt(connection, [step])
            elif step.link is not None:
                link_store.put_links(connection, self._target, [step.link])
                operation_journal.reopen(connection, operation.id)
            return lease_held

    def give_up(self, operation: JournaledOperation, detail: str) -> None:
        """Fail an operation that was not sent; its resource stays due."""
        now = self._clock()
        with self._store.write() as connection:
            if leases.renew(connection, self._token, now):
                given_up = OperationFilter(ids=[operation.id])
                operation_journal.close_open(
                    connection, given_up, OperationStatus.FAILED, detail, now
                )
                make_due(connection, self._target, [operation], now)

    def fail_repeated(self, resources: Collection[tuple[Kind, Key]]) -> None:
        """Fail resources that this run planned repeatedly without effect."""
        now = self._clock()
        if not resources:
            return
        with self._store.write() as connection:
            if not leases.renew(connection, self._token, now):
                return
            for kind in {kind for kind, _ in resources}:
                keys = [key for of, key in resources if of is kind]
                self._fail_repeated(connection, kind, keys, now)

    def _fail_repeated(
        self, connection: Connection, kind: Kind, keys: Sequence[Key], now: datetime
    ) -> None:
        sent = OperationFilter(
            run=self._run, target=self._target, kind=kind, keys=keys, was_sent=True
        )
        last = {
            operation.key: operation for operation in operation_journal.last(connection, sent, None)
        }
        skipped = {
            key: operation
            for key, operation in last.items()
            if operation.status is OperationStatus.SKIPPED
        }
        operation_journal.fail(connection, [operation.id for operation in skipped.values()])
        known = link_store.get_links(connection, self._target, kind, keys)
        link_store.put_links(
            connection,
            self._target,
            [
                failed_link(known.get(key), kind, key, operation.detail or "", now + retry_delay(1))
                for key, operation in skipped.items()
            ],
        )

    def detach_all(self) -> None:
        """Forget the ids of all accounts: the next run looks them up before it sends anything."""
        now = self._clock()
        with self._store.write() as connection:
            if leases.renew(connection, self._token, now):
                link_changes.detach(connection, self._target, now)

    def close(self, why: str) -> None:
        """Skip the operations without an outcome at the end of the run: they were not sent."""
        fenced = self._store.fenced(
            lambda connection: leases.require(connection, self._token, self._clock())
        )
        try:
            close_orphaned(fenced, [self._target], why, self._clock(), run=self._run)
        except LeaseHeld:
            return

    def _write(self, connection: Connection, outcomes: Sequence[OperationOutcome]) -> None:
        if not outcomes:
            return
        target = self._target
        outcomes = self._without_rivals(connection, outcomes)
        self._put_results(connection, outcomes)
        changed = [outcome.link for outcome in outcomes if outcome.link is not None]
        link_store.put_links(connection, target, changed)
        members = [row for outcome in outcomes for row in outcome.members]
        membership_store.acknowledge(connection, target, members)
        membership_store.mark_in_doubt(
            connection, target, [row for outcome in outcomes for row in outcome.in_doubt]
        )
        self._forget_members(connection, outcomes)
        created = _created_groups(outcomes)
        if created:
            membership_store.clear_groups(connection, target, created)
        for kind in {link.kind for link in changed}:
            documents = {link.key: link.document for link in changed if link.kind is kind}
            reference_rows.acknowledge_references(connection, target, kind, documents)

    def _put_results(self, connection: Connection, outcomes: Sequence[OperationOutcome]) -> None:
        operation_journal.put_results(connection, [outcome.result for outcome in outcomes])
        if self._event_destinations:
            now = self._clock()
            note_events(connection, self._event_destinations, self._target, outcomes, now)

    def _without_rivals(
        self, connection: Connection, outcomes: Sequence[OperationOutcome]
    ) -> list[OperationOutcome]:
        """Fail the arrivals at a resource that another key is linked to.

        The request may have changed the resource, so its owner's link is put in doubt.
        """
        arrived = [
            outcome.link
            for outcome in outcomes
            if outcome.arrives and outcome.link is not None and outcome.link.has_account
        ]
        rivals = link_store.rivals(connection, self._target, arrived) if arrived else {}
        if not rivals:
            return list(outcomes)
        now = self._clock()
        kept = [self._without_rival(connection, one, rivals, now) for one in outcomes]
        claims = {(link.kind, link.key): link for link in arrived}
        owned = {(kind, owner): claims[kind, key] for (kind, key), owner in rivals.items()}
        kept = [_in_doubt_if(outcome, owned, now) for outcome in kept]
        for kind, owner in owned.keys() - {_id(outcome) for outcome in kept}:
            known = link_store.get_links(connection, self._target, kind, [owner]).values()
            doubted = [_perhaps_like(link, owned[kind, owner], now) for link in known]
            link_store.put_links(connection, self._target, doubted)
        return kept

    def _without_rival(
        self,
        connection: Connection,
        outcome: OperationOutcome,
        rivals: Mapping[tuple[Kind, Key], Key],
        now: datetime,
    ) -> OperationOutcome:
        link = outcome.link
        owner = None if link is None else rivals.get((link.kind, link.key))
        if link is None or owner is None:
            return outcome
        before = link_store.get_links(connection, self._target, link.kind, [link.key])
        return belongs_to(outcome, owner, before.get(link.key), now)

    def _write_in_doubt(self, connection: Connection, outcomes: Sequence[OperationOutcome]) -> None:
        """Write outcomes after another run took over, and put their resources in doubt for it."""
        now = self._clock()
        self._put_results(connection, outcomes)
        for kind in Kind:
            sent = {
                outcome.link.key: outcome.link
                for outcome in outcomes
                if outcome.link is not None and outcome.link.kind is kind
            }
            known = link_store.get_links(connection, self._target, kind, list(sent)).values()
            in_doubt = [
                _perhaps_like(link, sent[link.key], now) for link in known if link.has_account
            ]
            link_store.put_links(connection, self._target, in_doubt)
        members = [row.id for outcome in outcomes for row in outcome.members]
        membership_store.mark_in_doubt(connection, self._target, members)

    def _forget_members(self, connection: Connection, outcomes: Sequence[OperationOutcome]) -> None:
        """Delete the memberships of resources that are gone, and the members of deleted groups."""
        for outcome in outcomes:
            link = outcome.link
            if link is None or link.has_account:
                continue
            membership_store.forget_members(connection, self._target, link.kind, [link.key])
            if link.kind is Kind.GROUP and (link.status is LinkStatus.DELETED or outcome.again):
                pinned = pin_store.get_pins(connection, self._target, Kind.GROUP, [link.key])
                waits = (
                    outcome.again or link.key in pinned
                )  # a revert deleted it, and may be lifted
                membership_store.forget_group(connection, self._target, link.key, wanted=waits)


def _in_doubt_if(
    outcome: OperationOutcome, owned: Mapping[tuple[Kind, Key], Link], now: datetime
) -> OperationOutcome:
    link = outcome.link
    claim = None if link is None else owned.get((link.kind, link.key))
    if link is None or claim is None:
        return outcome
    return replace(outcome, link=_perhaps_like(link, claim, now))


def _perhaps_like(link: Link, claim: Link, now: datetime) -> Link:
    """Return the link, in doubt, of a resource that may now contain the document of `claim`."""
    return perhaps_named(link_in_doubt(link, now), claim.unique_name)


def _id(outcome: OperationOutcome) -> tuple[Kind, Key] | None:
    return None if outcome.link is None else (outcome.link.kind, outcome.link.key)


def _created_groups(outcomes: Sequence[OperationOutcome]) -> list[Key]:
    return [
        outcome.link.key
        for outcome in outcomes
        if outcome.created and outcome.link is not None and outcome.link.kind is Kind.GROUP
    ]
