"""Correct by hand which key a user has: at all targets, in the snapshots, and in the holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    bindparam,
    delete,
    exists,
    func,
    select,
    update,
)

from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind, Seq
from scimsync.model.links import LinkStatus
from scimsync.state import (
    holds,
    link_store,
    membership_store,
    moved_members,
    pin_store,
    record_rows,
)
from scimsync.state.many_rows import upsert
from scimsync.state.tables.link_tables import hold, link, reference
from scimsync.state.tables.source_tables import record, record_name, source

_SOME = 500
_ASIDE = "\x1f"
"""What a key begins with while it is changed, so that keys can be swapped."""


def accounts_of(connection: Connection, keys: Collection[Key]) -> dict[Key, list[str]]:
    """Return those of the users `keys` that have an account, with the targets that have it."""
    return _targets_of(connection, keys, link_store.has_account())


def in_doubt(connection: Connection, keys: Collection[Key]) -> dict[Key, list[str]]:
    """Return those of the users `keys` whose last request has an unknown outcome, and where."""
    return _targets_of(connection, keys, link.c.in_doubt)


def _targets_of(
    connection: Connection, keys: Collection[Key], condition: ColumnElement[bool]
) -> dict[Key, list[str]]:
    found: dict[Key, list[str]] = {}
    for some in batches(sorted(keys), _SOME):
        rows = connection.execute(
            select(link.c.key, link.c.target)
            .where(link.c.kind == Kind.USER, link.c.key.in_(some), condition)
            .order_by(link.c.target)
        )
        for key, target in rows:
            found.setdefault(Key(key), []).append(target)
    return found


def rekey(
    connection: Connection,
    pairs: Mapping[Key, Key],
    key_columns: Mapping[str, str],
    now: datetime,
    except_for: Collection[str] = (),
) -> None:
    """Move everything of the users with old keys to new keys (`pairs`: new -> old).

    Their links are due, so that the next push sends what differs. Unfinished reads and plans of a
    run are undone. New keys have no account, or give theirs away in the same call. `key_columns`
    are the columns of the keys, by source. The records of sources `except_for` are not users.
    """
    undo_unfinished(connection, now)
    move_accounts(connection, pairs, now)
    moved_members.move(connection, pairs)
    for name in connection.scalars(select(source.c.name)).all():
        if name not in except_for:
            _rename_records(connection, name, pairs, key_columns.get(name))


def undo_unfinished(connection: Connection, now: datetime) -> None:
    """Undo reads and plans of a run that were not accepted."""
    targets = list(connection.scalars(select(link.c.target).distinct()))
    membership_store.restore(connection, targets)
    record_rows.restore(connection, list(connection.scalars(select(source.c.name))), now)


def move_accounts(
    connection: Connection, pairs: Mapping[Key, Key], now: datetime, *, left: bool = False
) -> None:
    """Move the links of old keys to new keys, and make them due. Deprovisionings move with them.

    Who referred to an old key refers to the new one. With `left`, the users of the accounts have
    left: nobody refers to the new keys, and accounts that may still give access go on counting so.
    """
    of_users = link.c.kind == Kind.USER
    _move_holds(connection, pairs)
    for keys in batches(sorted({*pairs, *pairs.values()}), _SOME):
        pin_store.drop_everywhere(connection, keys)
    _rename(connection, link, link.c.key, pairs, of_users)
    for new in batches(sorted(pairs), _SOME):
        connection.execute(
            update(link)
            .where(of_users, link.c.key.in_(new))
            .values(
                next_try_at=now,
                failures=0,
                last_error=None,
                left_at=None,
                delete_after=None,
                deletion_seen_at=None,
                left_before=False,
                confirmed_seq=None,
            )
        )
        _note_access(connection, new, now, left=left)
    connection.execute(
        update(link)
        .where(of_users, link.c.key == bindparam("new_key"))
        .values(moved_from=bindparam("old_key")),
        [{"new_key": new, "old_key": old} for new, old in pairs.items()],
    )
    _rename(connection, reference, reference.c.key, pairs)
    if not left:
        _rename(connection, reference, reference.c.ref_key, pairs, keep=True)


def _note_access(connection: Connection, keys: Sequence[Key], now: datetime, *, left: bool) -> None:
    """Note that users deprovisioned by hand may have access, and others only if they have left."""
    ours = (link.c.kind == Kind.USER, link.c.key.in_(keys))
    is_held = link.c.key.in_(select(hold.c.key))
    if not left:
        connection.execute(update(link).where(*ours, ~is_held).values(may_have_access_since=None))
    connection.execute(
        update(link)
        .where(
            *ours,
            is_held,
            link.c.status == LinkStatus.ACTIVE,
            link.c.may_have_access_since.is_(None),
        )
        .values(may_have_access_since=now)
    )


def _move_holds(connection: Connection, pairs: Mapping[Key, Key]) -> None:
    """Move the holds of old keys to new keys. A new key that is held too keeps the earlier time."""
    olds = set(pairs.values())
    found: dict[Key, datetime] = {}
    for some in batches(sorted({*pairs, *olds}), _SOME):
        found |= holds.held(connection, some)
    for some in batches(sorted(olds), _SOME):
        connection.execute(delete(hold).where(hold.c.key.in_(some)))
    since = {
        new: [found[key] for key in (old, new) if key in found and (key == old or key not in olds)]
        for new, old in pairs.items()
    }
    rows = [{"key": new, "since": min(times)} for new, times in since.items() if times]
    upsert(connection, hold, rows)


def held_as_another(connection: Connection, key: Key, code: str) -> list[str]:
    """Return the targets at which a user with an account fails with the message `code`."""
    rows = connection.scalars(
        select(link.c.target).where(
            link.c.kind == Kind.USER,
            link.c.key == key,
            link_store.has_account(),
            link.c.last_error.contains(code),
        )
    )
    return sorted(rows)


def confirm(connection: Connection, target: str, key: Key, seq: Seq, now: datetime) -> None:
    """Note that version `seq` of the record is of the same person; the link is due."""
    connection.execute(
        update(link)
        .where(link.c.target == target, link.c.kind == Kind.USER, link.c.key == key)
        .values(confirmed_seq=seq, next_try_at=now, failures=0, last_error=None)
    )


def _rename(
    connection: Connection,
    table: Table,
    column: ColumnElement[Key],
    pairs: Mapping[Key, Key],
    condition: ColumnElement[bool] | None = None,
    *,
    keep: bool = False,
) -> None:
    """Replace old values of a column by new ones.

    Rows with a new value go unless `keep`. If the table has targets, only those at targets where
    the old value has a row go.
    """
    where = () if condition is None else (condition,)
    name = column.key
    assert name is not None  # noqa: S101 - it is a column of a table
    connection.execute(
        update(table)
        .where(*where, column == bindparam("old_key"))
        .values({name: bindparam("aside")}),
        [{"old_key": old, "aside": _ASIDE + old} for old in pairs.values()],
    )
    if not keep:
        connection.execute(
            delete(table).where(*where, column == bindparam("new_key"), *_has_moving(table, name)),
            [{"aside": _ASIDE + old, "new_key": new} for new, old in pairs.items()],
        )
    connection.execute(
        update(table)
        .where(*where, column == bindparam("aside"))
        .values({name: bindparam("new_key")}),
        [{"aside": _ASIDE + old, "new_key": new} for new, old in pairs.items()],
    )


def _has_moving(table: Table, name: str) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a row with an old value in column `name` has the same target."""
    if "target" not in table.c:
        return ()
    other = table.alias("other")
    moving = exists().where(other.c.target == table.c.target, other.c[name] == bindparam("aside"))
    return (moving,)


def _rename_records(
    connection: Connection, name: str, pairs: Mapping[Key, Key], column: str | None
) -> None:
    """Move records that the source still has to new keys, unless these have records there.

    Other values than that of the key's `column` stay, and each record counts as changed.
    """
    present = record.c.removed_at.is_(None)
    ours = record.c.source == name
    known: set[Key] = set()
    for some in batches(sorted({*pairs, *pairs.values()}), _SOME):
        rows = connection.scalars(select(record.c.key).where(ours, present, record.c.key.in_(some)))
        known |= {Key(key) for key in rows}
    moving = {
        new: old
        for new, old in pairs.items()
        if old in known and (new not in known or new in pairs.values())
    }
    if not moving:
        return
    _rename(connection, record, record.c.key, moving, ours)
    of_source = record_name.c.source == name
    _rename(connection, record_name, record_name.c.key, moving, of_source)
    seq = record_rows.last_seq(connection)
    for place, records in enumerate(_renamed(connection, name, moving, column)):
        first = seq + place * _SOME
        numbered = [(key, Seq(first + at), data) for at, (key, data) in enumerate(records, start=1)]
        record_rows.put_records(connection, name, numbered)
    connection.execute(
        update(source).where(source.c.name == name).values(head_seq=seq + len(moving), digest=None)
    )


def _renamed(
    connection: Connection, name: str, moving: Mapping[Key, Key], column: str | None
) -> Iterator[list[tuple[Key, str]]]:
    """Yield the new keys and the values of records, with the new key in its column."""
    for some in batches(sorted(moving), _SOME):
        found = record_rows.get_records(connection, [name], some)
        yield [
            (
                one.key,
                orjson.dumps(_with_key(one.data, column, moving[one.key], one.key)).decode(),
            )
            for one in found
        ]


def _with_key(data: Mapping[str, Any], column: str | None, old: Key, new: Key) -> Mapping[str, Any]:
    held = data.get(column) if column is not None else None
    if held is None or str(held).strip() != old:
        return data
    is_number = isinstance(held, int) and new.isdecimal()
    return {**data, str(column): int(new) if is_number else new}


def is_used(connection: Connection, key: Key) -> bool:
    """Return whether a user, a hold or a member has this key."""
    held = connection.scalar(select(func.count()).select_from(hold).where(hold.c.key == key))
    return bool(held) or link_store.is_known_key(connection, key)
