"""Correct by hand which key a user has. Nothing is sent: the next push sends what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from scimsync.config.models import Config
from scimsync.desired.groups import name_of
from scimsync.errors import ConfigError
from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import Action, Operation, OperationStatus, Phase, RunOrigin
from scimsync.plan.identities import ANOTHER
from scimsync.run.lease_keeper import changing_by_hand
from scimsync.run.origin import run_origin
from scimsync.snapshot.view import SnapshotView
from scimsync.state import link_store, moved_members, operation_journal, run_rows, user_keys
from scimsync.state.store import Store


def rekey(
    config: Config, store: Store, pairs: Sequence[tuple[Key, Key]], clock: Callable[[], datetime]
) -> dict[Key, list[str]]:
    """Move the accounts of old keys to new ones, all or none (`pairs`: old, new).

    Return the targets of each old key's accounts. Raise ConfigError for keys that cannot be moved,
    and LeaseHeld while a run is active.
    """
    with changing_by_hand(config, store, clock) as connection:
        moved = _check(connection, pairs)
        by_new = {new: old for old, new in pairs}
        columns = {name: source.key for name, source in config.sources.items()}
        user_keys.rekey(connection, by_new, columns, clock(), except_for=config.table_values)
        origin = run_origin(config, tuple(f"{old} {new}" for old, new in pairs))
        _note(connection, ("rekey", origin), pairs, moved, "by hand", clock())
        return moved


def confirm(config: Config, store: Store, key: Key, clock: Callable[[], datetime]) -> list[str]:
    """Note that the record of a key, which seems to be another person's, is of the same person.

    This applies to the version of the record that was last read. Return the targets that waited for
    it. Raise ConfigError if none did, and LeaseHeld while a run is active.
    """
    view = SnapshotView(store)
    with changing_by_hand(config, store, clock) as connection:
        targets = user_keys.held_as_another(connection, key, ANOTHER)
        for name in targets:
            table = config.targets.get(name)
            found = {} if table is None else view.get(table.source, [key])
            if key in found:
                user_keys.confirm(connection, name, key, found[key].seq, clock())
        if not targets:
            raise ConfigError(
                f"{key}: no target holds it back as another person",
                hint="scimsync explain shows what a push would do",
                code="SYNC-0384",
            )
        return targets


def forget(
    config: Config, store: Store, key: Key, clock: Callable[[], datetime]
) -> tuple[Key, list[str]]:
    """Separate a key from its accounts: these are leavers' accounts, and the key gets new ones.

    A deprovisioning by hand stays with the accounts. Return the key that these have from now on,
    and their targets. Raise ConfigError if there are none, and LeaseHeld while a run is active.
    """
    with changing_by_hand(config, store, clock) as connection:
        targets = user_keys.accounts_of(connection, [key]).get(key)
        if not targets:
            raise _unknown(key)
        old = _unused(connection, f"{key} (forgotten {clock():%Y-%m-%d})")
        user_keys.undo_unfinished(connection, clock())
        user_keys.move_accounts(connection, {old: key}, clock(), left=True)
        moved_members.separate(connection, key, old, partial(_names_members, config))
        pending = Link(Kind.USER, key, LinkStatus.PENDING, next_try_at=clock())
        for name in targets:
            link_store.put_links(connection, name, [pending])
        started = "forget", run_origin(config, (key,))
        _note(connection, started, [(key, old)], {key: targets}, "by hand: forgotten", clock())
        return old, targets


def _names_members(config: Config, target: str, group: Key) -> bool:
    """Return whether a group at a target comes from a source, whose record names its members."""
    table = config.targets[target].groups.get(name_of(group)) if target in config.targets else None
    return table is not None and table.source is not None


def _check(connection: Connection, pairs: Sequence[tuple[Key, Key]]) -> dict[Key, list[str]]:
    """Return the targets of the old keys' accounts. Raise ConfigError if a pair is impossible."""
    olds, news = [old for old, _ in pairs], [new for _, new in pairs]
    problems = _contradictions(pairs)
    accounts = user_keys.accounts_of(connection, {*olds, *news})
    for old, new in pairs:
        if old not in accounts and not user_keys.is_used(connection, old):
            problems.append(f'unknown key "{old}": no source record and no linked account')
        if new in accounts and new not in olds:
            problems.append(f"{new} has an account of its own at {', '.join(accounts[new])}")
    unknown = user_keys.in_doubt(connection, {*olds, *news})
    problems += [
        f"{key}: the outcome of its last request at {', '.join(names)} is not known yet: push first"
        for key, names in unknown.items()
    ]
    if problems:
        raise ConfigError(
            problems[0],
            details=problems[1:20],
            hint="nothing was changed",
            code="SYNC-0385",
        )
    return {old: accounts.get(old, []) for old in olds}


def _contradictions(pairs: Sequence[tuple[Key, Key]]) -> list[str]:
    """Return what pairs of an old and a new key contradict by themselves."""
    sides = {"an old": [old for old, _ in pairs], "a new": [new for _, new in pairs]}
    twice = [
        f"{key} is named twice as {side} key"
        for side, keys in sides.items()
        for key, number in Counter(keys).items()
        if number > 1
    ]
    return twice + [f"{old}: both keys are the same" for old, new in pairs if old == new]


def _unknown(key: Key) -> ConfigError:
    return ConfigError(f"{key} has no account to forget", code="SYNC-0386")


def _unused(connection: Connection, text: str) -> Key:
    key, number = Key(text), 1
    while user_keys.is_used(connection, key):
        number += 1
        key = Key(f"{text} {number}")
    return key


def _note(
    connection: Connection,
    started: tuple[str, RunOrigin],
    pairs: Sequence[tuple[Key, Key]],
    targets: Mapping[Key, Sequence[str]],
    how: str,
    now: datetime,
) -> None:
    """Record the change in the journal as a separate run: its command, and who started it."""
    command, origin = started
    run = run_rows.start(connection, command, now, origin)
    by_target: dict[str, list[Operation]] = {}
    for old, new in pairs:
        for target in targets[old]:
            by_target.setdefault(target, []).append(
                Operation(
                    phase=Phase.UPDATE,
                    kind=Kind.USER,
                    key=new,
                    action=Action.MOVE,
                    reason=f"moved from {old} {how}",
                    status=OperationStatus.APPLIED,
                )
            )
    for target, operations in by_target.items():
        operation_journal.add_operations(connection, run, target, operations, now)
    run_rows.finish(connection, run, "done", now, {})
