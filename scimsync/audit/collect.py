"""Collect the users of an audit report from the state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from scimsync.audit.leave import find_leave, find_return
from scimsync.audit.report_values import AccountHistory, LeaveStep, PersonHistory
from scimsync.config.models import Config
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link
from scimsync.model.memberships import member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS, OperationFilter, Run
from scimsync.model.records import Record
from scimsync.state import audit_rows, holds, link_store, operation_journal, record_rows, run_rows

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` up to but not including `until`, None for no end."""

    since: datetime
    until: datetime | None


def leavers(
    connection: Connection, config: Config, targets: Sequence[str], period: Period
) -> list[Key]:
    """Return the keys of all who left in a period, in order.

    Their record was removed from a source of the targets, they were deprovisioned by hand, or an
    operation that was to end their access was planned.
    """
    sources = {source for name in targets for source in config.targets[name].source}
    found = audit_rows.leavers(connection, targets, sorted(sources), period.since, period.until)
    return sorted(found)


def audit_people(
    connection: Connection,
    config: Config,
    targets: Sequence[str],
    keys: Sequence[Key],
    now: datetime,
    sla: timedelta | None,
    since: datetime | None = None,
) -> list[PersonHistory]:
    """Return the history of `keys` at `targets` from the journal, in the order of `keys`.

    With `since`, of changes of memberships only what happened then or later.
    """
    return [
        person
        for some in batches(keys, _BATCH)
        for person in _batch(connection, config, targets, some, now, sla, since)
    ]


def _batch(
    connection: Connection,
    config: Config,
    targets: Sequence[str],
    keys: Sequence[Key],
    now: datetime,
    sla: timedelta | None,
    since: datetime | None,
) -> Iterator[PersonHistory]:
    steps = _steps(connection, targets, keys, since)
    known = {name: link_store.get_links(connection, name, Kind.USER, keys) for name in targets}
    held = holds.held(connection, keys)
    records = _records(connection, config, targets, keys)
    for key in keys:
        removed = {one.source: one.removed_at for one in records.get(key, ()) if one.removed_at}
        accounts = []
        for name in targets:
            of_account = steps.get((name, key), ())
            link = known[name].get(key)
            if of_account or link is not None:
                sources = config.targets[name].source
                gone = {source: at for source, at in removed.items() if source in sources}
                account = _account(config, name, of_account, link, gone, now=now, sla=sla)
                accounts.append(account if since is None else _since_leave(account))
        yield PersonHistory(
            key=key, targets=tuple(accounts), removed=removed, held_since=held.get(key)
        )


def _account(
    config: Config,
    target: str,
    steps: Sequence[LeaveStep],
    link: Link | None,
    removed: Mapping[str, datetime],
    *,
    now: datetime,
    sla: timedelta | None,
) -> AccountHistory:
    leave = find_leave(steps, link, removed, now, sla)
    account = AccountHistory(
        target=target,
        steps=tuple(steps),
        leave=leave,
        returned=None if leave is not None else find_return(steps),
        keeps_leavers=_keeps_leavers(config, target),
    )
    if link is None:
        return account
    return replace(
        account,
        status=link.status,
        remote_id=link.remote_id,
        may_have_access_since=link.may_have_access_since,
        next_try_at=link.next_try_at,
        last_error=link.last_error,
        delete_after=link.delete_after,
    )


def _since_leave(account: AccountHistory) -> AccountHistory:
    """Return what was done for a user from the first operation on that was to end the access."""
    first = None if account.leave is None else account.leave.steps[0].operation.id
    if account.returned is not None:
        first = account.returned.ended.operation.id
    steps = [step for step in account.steps if first is not None and step.operation.id >= first]
    return replace(account, steps=tuple(steps))


def _keeps_leavers(config: Config, target: str) -> str | None:
    """Return the setting that keeps the accounts of leavers at a target, if there is one."""
    settings = config.targets[target]
    if not settings.actions.remove:
        return "actions.remove = false"
    return 'leave.action = "keep"' if settings.leave.action == "keep" else None


def _records(
    connection: Connection, config: Config, targets: Sequence[str], keys: Sequence[Key]
) -> dict[Key, list[Record]]:
    sources = sorted({source for name in targets for source in config.targets[name].source})
    found: dict[Key, list[Record]] = {}
    for record in record_rows.get_records(connection, sources, keys):
        found.setdefault(record.key, []).append(record)
    return found


def _steps(
    connection: Connection, targets: Sequence[str], keys: Sequence[Key], since: datetime | None
) -> dict[tuple[str, Key], list[LeaveStep]]:
    """Return (target, key) -> the operations of the account and of its memberships, in order."""
    own = OperationFilter(targets=targets, kind=Kind.USER, keys=keys)
    operations = [(one.key, one) for one in operation_journal.last(connection, own, None)]
    groups = OperationFilter(
        targets=targets, kind=Kind.GROUP, actions=MEMBERSHIP_ACTIONS, since=since
    )
    mentioning = keys[0] if len(keys) == 1 else None
    wanted = set(keys)
    for operation in audit_rows.member_operations(connection, groups, mentioning):
        members = dict.fromkeys(
            key
            for kind, key, _ in map(member_of, operation.changes)
            if kind is Kind.USER and key in wanted
        )
        operations += [(key, operation) for key in members]
    operations.sort(key=lambda one: one[1].id)
    runs = _runs(connection, {operation.run for _, operation in operations})
    found: dict[tuple[str, Key], list[LeaveStep]] = {}
    for key, operation in operations:
        step = LeaveStep(operation, runs.get(operation.run))
        found.setdefault((operation.target, key), []).append(step)
    return found


def _runs(connection: Connection, ids: Iterable[int]) -> dict[int, Run]:
    return {
        run.id: run
        for some in batches(sorted(ids), _BATCH)
        for run in run_rows.get_runs(connection, some)
    }
