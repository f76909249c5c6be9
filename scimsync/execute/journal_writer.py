"""What one run writes about one target while it works: outcomes, links, and which operations go out
next.

Everything is one transaction each, and every transaction that lets operations go out makes sure
that the lease still is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from scimsync.errors import LeaseHeld
from scimsync.execute.known import as_settled, sent_members
from scimsync.execute.outcome import OperationOutcome
from scimsync.model.backoff import retry_delay
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus, failed_link
from scimsync.model.operations import (
    MEMBERSHIP_ACTIONS,
    OPEN_STATUSES,
    JournaledOperation,
    OperationFilter,
    OperationStatus,
)
from scimsync.plan.groups import member_of
from scimsync.state import journal, leases, links, memberships
from scimsync.state.store import Store


class JournalWriter:
    """The journal and links of one target in one run.

    `token` is that of the target's lease. Nothing but the outcomes of operations that this run sent
    is written once the lease is lost; the run that holds it recovers the others. `clock` gives
    aware times.
    """

    def __init__(
        self,
        store: Store,
        run: int,
        target: str,
        token: leases.FencingToken,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._run = run
        self._target = target
        self._token = token
        self._clock = clock

    def waiting(self, phase: int, after_id: int, limit: int) -> list[JournaledOperation]:
        """The next planned operations of a phase."""
        with self._store.read() as connection:
            return journal.planned(connection, self._run, self._target, phase, after_id, limit)

    def count_waiting(self, phase: int) -> int:
        """How many operations of a phase are planned."""
        planned = OperationFilter(
            run=self._run, target=self._target, phase=phase, statuses=(OperationStatus.PLANNED,)
        )
        with self._store.read() as connection:
            return sum(journal.count(connection, planned).values())

    def links_of(self, entries: Sequence[JournaledOperation]) -> dict[tuple[Kind, Key], Link]:
        """The links of the operations' resources."""
        keys: dict[Kind, list[Key]] = {}
        for entry in entries:
            keys.setdefault(entry.kind, []).append(entry.key)
        with self._store.read() as connection:
            return {
                (kind, link.key): link
                for kind, some in keys.items()
                for link in links.get_links(connection, self._target, kind, some).values()
            }

    def accounts(self, keys: Sequence[Key]) -> dict[Key, RemoteId]:
        """Remote ids of the accounts of `keys` that exist."""
        if not keys:
            return {}
        with self._store.read() as connection:
            return links.remote_ids(connection, self._target, keys)

    def member_ids(self, entries: Sequence[JournaledOperation]) -> dict[tuple[Kind, Key], RemoteId]:
        """Remote ids of the members that operations put in or take out: of accounts that are there,
        to take out also of those that were."""
        wanted: dict[tuple[Kind, bool], list[Key]] = {}
        for entry in entries:
            if entry.action in MEMBERSHIP_ACTIONS:
                for kind, key, added in map(member_of, entry.changes):
                    wanted.setdefault((kind, added), []).append(key)
        with self._store.read() as connection:
            return {
                (kind, key): remote_id
                for (kind, added), keys in wanted.items()
                for key, remote_id in links.remote_ids(
                    connection, self._target, keys, kind, deleted=not added
                ).items()
            }

    def holders(self, kind: Kind, names: Sequence[str]) -> dict[str, Link]:
        """Folded userName -> the link that holds it."""
        if not names:
            return {}
        with self._store.read() as connection:
            return links.name_holders(connection, self._target, kind, names)

    def owner(self, kind: Kind, remote_id: RemoteId) -> Key | None:
        """The key that an account is linked to."""
        with self._store.read() as connection:
            return links.owners(connection, self._target, kind, [remote_id]).get(remote_id)

    def commit_batch(
        self, done: Sequence[OperationOutcome], going_out: Sequence[JournaledOperation]
    ) -> bool:
        """Writes what became of `done` and lets `going_out` be sent, at once. False: the lease is
        lost, nothing may go out."""
        now = self._clock()
        with self._store.write() as connection:
            ours = leases.renew(connection, self._token, now)
            if ours:
                self._write(connection, done)
            else:
                self._doubt(connection, done)
            if ours and going_out:
                journal.mark_sent(connection, [entry.id for entry in going_out], now)
            return ours

    def put_back(self, entry: JournaledOperation, step: OperationOutcome) -> bool:
        """`entry` has not been sent as a whole and waits again; the link of `step` is what the
        target holds meanwhile. False: the lease is lost."""
        with self._store.write() as connection:
            ours = leases.renew(connection, self._token, self._clock())
            if not ours:
                self._doubt(connection, [step])
            elif step.link is not None:
                links.put_links(connection, self._target, [step.link])
                journal.put_back(connection, entry.id)
            return ours

    def give_up(
        self, entries: Sequence[JournaledOperation], status: OperationStatus, detail: str
    ) -> None:
        """Operations that were not sent: they get `status`, and their people stay due."""
        now = self._clock()
        with self._store.write() as connection:
            if not leases.renew(connection, self._token, now):
                return
            given_up = OperationFilter(ids=[entry.id for entry in entries])
            journal.close_open(connection, given_up, status, detail, now)
            _stay_due(connection, self._target, entries, now)

    def fail_again(self, keys: Collection[tuple[Kind, Key]], now: datetime) -> None:
        """Whatever was planned again and again in this run, and came to nothing each time, has
        failed."""
        if not keys:
            return
        with self._store.write() as connection:
            if not leases.renew(connection, self._token, now):
                return
            for kind in {kind for kind, _ in keys}:
                some = [key for of, key in keys if of is kind]
                sent = OperationFilter(
                    run=self._run, target=self._target, kind=kind, keys=some, was_sent=True
                )
                last = {entry.key: entry for entry in journal.last(connection, sent, None)}
                ids = [
                    entry.id for entry in last.values() if entry.status is OperationStatus.SKIPPED
                ]
                journal.fail(connection, ids)
                known = links.get_links(connection, self._target, kind, some)
                troubled = [
                    failed_link(
                        known.get(key), kind, key, last[key].detail or "", now + retry_delay(1)
                    )
                    for key in some
                    if key in last and last[key].id in ids
                ]
                links.put_links(connection, self._target, troubled)

    def close(self, why: str) -> int:
        """Whatever has no outcome at the end of the run was not sent: it is skipped, and its people
        stay due."""
        fenced = self._store.fenced(
            lambda connection: leases.require(connection, self._token, self._clock())
        )
        try:
            return settle(fenced, self._target, why, self._clock(), run=self._run)
        except LeaseHeld:
            return 0

    def _write(self, connection: Connection, done: Sequence[OperationOutcome]) -> None:
        journal.put_results(connection, [outcome.result for outcome in done])
        changed = [outcome.link for outcome in done if outcome.link is not None]
        links.put_links(connection, self._target, changed)
        memberships.acknowledge(
            connection, self._target, [row for outcome in done for row in outcome.members]
        )
        memberships.doubt(
            connection, self._target, [row for outcome in done for row in outcome.doubted]
        )
        self._forget(connection, done)
        made = [
            one.link.key
            for one in done
            if one.made and one.link is not None and one.link.kind is Kind.GROUP
        ]
        if made:
            memberships.begin_anew(connection, self._target, made)
        for kind in {link.kind for link in changed}:
            documents = {link.key: link.document for link in changed if link.kind is kind}
            links.acknowledge_references(connection, self._target, kind, documents)

    def _doubt(self, connection: Connection, done: Sequence[OperationOutcome]) -> None:
        """Another run took over and knows nothing of these: what they did stands in the journal,
        and whoever plans next reads what came of it."""
        now = self._clock()
        journal.put_results(connection, [outcome.result for outcome in done])
        for kind in Kind:
            keys = [
                outcome.link.key
                for outcome in done
                if outcome.link is not None and outcome.link.kind is kind
            ]
            known = links.get_links(connection, self._target, kind, keys).values()
            links.put_links(
                connection,
                self._target,
                [replace(one, in_doubt=True, next_try_at=now) for one in known if one.has_account],
            )
        memberships.doubt(
            connection, self._target, [row.id for outcome in done for row in outcome.members]
        )

    def _forget(self, connection: Connection, done: Sequence[OperationOutcome]) -> None:
        """Where an account or a group is gone, nobody is a member any more."""
        for outcome in done:
            link = outcome.link
            if link is None or link.has_account:
                continue
            memberships.forget_members(connection, self._target, link.kind, [link.key])
            if link.kind is Kind.GROUP and (link.status is LinkStatus.DELETED or outcome.again):
                memberships.forget_group(connection, self._target, link.key, wanted=outcome.again)


def settle(store: Store, target: str, why: str, now: datetime, *, run: int | None = None) -> int:
    """Operations of `target` (and `run`) without an outcome: closed as skipped, their people due
    from now on.

    What may have been sent makes its link doubtful: the account is read before anything else is
    decided. Returns how many.
    """
    number = 0
    left_open = OperationFilter(run=run, target=target, statuses=OPEN_STATUSES)
    with store.read() as connection:
        if not journal.has_any(connection, left_open):
            return number
    while True:
        with store.write() as connection:
            entries = list(journal.find(connection, left_open, limit=500))
            if not entries:
                return number
            number += len(entries)
            journal.close_open(
                connection,
                OperationFilter(ids=[entry.id for entry in entries]),
                OperationStatus.SKIPPED,
                why,
                now,
            )
            _stay_due(connection, target, entries, now)
            memberships.doubt(connection, target, sent_members(entries))


def _stay_due(
    connection: Connection, target: str, entries: Sequence[JournaledOperation], now: datetime
) -> None:
    for kind in {entry.kind for entry in entries}:
        ours = [entry for entry in entries if entry.kind is kind]
        known = links.get_links(connection, target, kind, list({entry.key for entry in ours}))
        links.put_links(connection, target, as_settled(kind, ours, known, now))
