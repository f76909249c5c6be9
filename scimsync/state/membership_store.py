"""Memberships: the members that the rules want in each group, and those that are acknowledged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    not_,
    or_,
    select,
    true,
    update,
)

from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind
from scimsync.model.memberships import Membership
from scimsync.model.pins import PinnedMember
from scimsync.state.many_rows import stream, upsert
from scimsync.state.tables.link_tables import membership as table
from scimsync.state.tables.link_tables import replaced_membership as replaced

_SOME = 500


_REPLACED = ("wanted", "revoked", "acknowledged", "in_doubt", "pinned")


def of_members(
    connection: Connection, target: str, kind: Kind, members: Sequence[Key]
) -> list[Membership]:
    """Return all memberships of some members."""
    return _rows(
        connection,
        (table.c.target == target)
        & (table.c.member_kind == kind)
        & table.c.member_key.in_(members),
    )


def of_group(connection: Connection, target: str, group: Key) -> Iterator[Membership]:
    """Yield all memberships of one group."""
    yield from _stream(connection, (table.c.target == target) & (table.c.group_key == group))


def due(connection: Connection, target: str) -> Iterator[Membership]:
    """Yield the memberships that need a request, group by group."""
    yield from _stream(connection, (table.c.target == target) & table.c.due.is_(True))


def put(
    connection: Connection, target: str, rows: Iterable[Membership], *, keep_empty: bool = False
) -> None:
    """Store memberships. Delete those that are neither wanted, acknowledged, in doubt nor pinned.

    `keep_empty` keeps these too: in an overlay they hide the stored ones.
    """
    kept: list[Membership] = []
    gone: list[Membership] = []
    for row in rows:
        is_kept = row.wanted or row.acknowledged or row.in_doubt or row.pinned
        (kept if keep_empty or is_kept else gone).append(row)
    upsert(
        connection,
        table,
        [
            {
                "target": target,
                "group_key": row.group,
                "member_kind": row.member_kind,
                "member_key": row.member,
                "wanted": row.wanted,
                "revoked": row.revoked,
                "acknowledged": row.acknowledged,
                "in_doubt": row.in_doubt,
                "pinned": row.pinned,
                "due": row.due,
            }
            for row in kept
        ],
    )
    for row in gone:
        connection.execute(
            delete(table).where(
                table.c.target == target,
                table.c.group_key == row.group,
                table.c.member_kind == row.member_kind,
                table.c.member_key == row.member,
            )
        )


def keep_replaced(
    connection: Connection,
    target: str,
    rows: Sequence[Membership],
    before: Mapping[tuple[Key, Kind, Key], Membership],
) -> None:
    """Keep what the memberships `rows`, about to be stored, replace until the plan is accepted.

    Values that were kept earlier stay. Memberships that are not in `before` are new.
    """
    kept = []
    for row in rows:
        old = before.get(row.id)
        kept.append(
            {
                "target": target,
                "group_key": row.group,
                "member_kind": row.member_kind,
                "member_key": row.member,
                "wanted": None if old is None else old.wanted,
                "revoked": None if old is None else old.revoked,
                "acknowledged": None if old is None else old.acknowledged,
                "in_doubt": None if old is None else old.in_doubt,
                "pinned": None if old is None else old.pinned,
            }
        )
    upsert(connection, replaced, kept, keep=_REPLACED)


def before_plan(connection: Connection, target: str) -> Iterator[Membership]:
    """Yield memberships as they were before a plan that was not accepted.

    Where there was none, nothing is wanted or acknowledged.
    """
    for row in stream(connection, 2000, select(replaced).where(replaced.c.target == target)):
        yield _membership(row)


def accept(connection: Connection, targets: Sequence[str]) -> None:
    """Make the plans for these targets permanent."""
    connection.execute(delete(replaced).where(replaced.c.target.in_(targets)))


def replaced_by_plan(targets: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition for the rows of these targets that are kept from before a plan."""
    return replaced.c.target.in_(targets)


def restore(connection: Connection, targets: Sequence[str]) -> None:
    """Restore the memberships of these targets to those before a plan that was not accepted."""
    ours = replaced_by_plan(targets)
    if connection.execute(select(replaced.c.target).where(ours).limit(1)).first() is None:
        return
    same = [
        table.c[name] == replaced.c[name]
        for name in ("target", "group_key", "member_kind", "member_key")
    ]
    connection.execute(delete(table).where(table.c.target.in_(targets), exists().where(*same)))
    due = case(
        (replaced.c.in_doubt.is_(True), true()),
        (_effective(replaced), replaced.c.acknowledged.is_(False)),
        else_=replaced.c.acknowledged.is_(True),
    )
    names = [column.name for column in replaced.columns]
    values = [
        func.coalesce(column, false()) if column.name == "pinned" else column
        for column in replaced.columns
    ]
    before = select(*values, due).where(ours, replaced.c.wanted.is_not(None))
    connection.execute(insert(table).from_select([*names, "due"], before))
    connection.execute(delete(replaced).where(ours))


def clear_groups(connection: Connection, target: str, groups: Sequence[Key]) -> None:
    """Note that these groups were created again: they have no members, and are in no group."""
    held = table.c.acknowledged.is_(True) | table.c.in_doubt.is_(True)
    for ours in (
        table.c.group_key.in_(groups),
        (table.c.member_kind == Kind.GROUP) & table.c.member_key.in_(groups),
    ):
        _empty(connection, (table.c.target == target) & ours & held)


def acknowledge(connection: Connection, target: str, rows: Sequence[Membership]) -> None:
    """Store `acknowledged` of `rows`, with certainty. Delete those that are no longer wanted.

    Whether a member is wanted stays as it is stored.
    """
    if not rows:
        return
    here = (
        (table.c.target == target)
        & (table.c.group_key == bindparam("the_group"))
        & (table.c.member_kind == bindparam("the_kind"))
        & (table.c.member_key == bindparam("the_member"))
    )
    for held in (True, False):
        some = [
            {"the_group": row.group, "the_kind": row.member_kind, "the_member": row.member}
            for row in rows
            if row.acknowledged is held
        ]
        if not some:
            continue
        effective = _effective(table)
        connection.execute(
            update(table)
            .where(here)
            .values(acknowledged=held, in_doubt=False, due=not_(effective) if held else effective),
            some,
        )
        if not held:
            unasked = table.c.wanted.is_(False) & table.c.pinned.is_(False)
            connection.execute(delete(table).where(here, unasked), some)


def mark_in_doubt(
    connection: Connection, target: str, rows: Sequence[tuple[Key, Kind, Key]]
) -> None:
    """Mark memberships (group, kind of member, member) whose last request has an unknown outcome.

    Another request is due, whether or not they are wanted by then.
    """
    upsert(
        connection,
        table,
        [
            {
                "target": target,
                "group_key": group,
                "member_kind": kind,
                "member_key": member,
                "wanted": False,
                "revoked": False,
                "acknowledged": False,
                "in_doubt": True,
                "pinned": False,
                "due": True,
            }
            for group, kind, member in rows
        ],
        keep=("wanted", "revoked", "acknowledged", "pinned"),
    )


def count_wanted(connection: Connection, target: str, groups: Sequence[Key]) -> dict[Key, int]:
    """Return how many members are wanted in each group. Groups without any are left out."""
    return _count(connection, target, groups, table.c.wanted.is_(True))


def count_acknowledged(
    connection: Connection, target: str, groups: Sequence[Key]
) -> dict[Key, int]:
    """Return how many members the target has acknowledged in each group.

    Groups without any are left out.
    """
    return _count(connection, target, groups, table.c.acknowledged.is_(True))


def forget_group(connection: Connection, target: str, group: Key, *, wanted: bool) -> None:
    """Record that the group is gone at the target.

    With `wanted`, its wanted members wait for a new group.
    """
    condition = (table.c.target == target) & (table.c.group_key == group)
    if wanted:
        _empty(connection, condition)
    else:
        connection.execute(delete(table).where(condition))


def forget_members(connection: Connection, target: str, kind: Kind, members: Sequence[Key]) -> None:
    """Note that the accounts of these members are gone.

    Where they are wanted they wait for new ones; elsewhere they still have to be removed.
    """
    theirs = (
        (table.c.target == target) & (table.c.member_kind == kind) & table.c.member_key.in_(members)
    )
    unpin(connection, theirs)
    connection.execute(
        update(table)
        .where(theirs, table.c.wanted.is_(True))
        .values(acknowledged=False, in_doubt=False, due=table.c.revoked.is_(False))
    )


def pin(connection: Connection, target: str, members: Iterable[PinnedMember]) -> None:
    """Keep members in or out of groups, until the rules ask for something else.

    Memberships that the rules ask for anyway are not pinned.
    """
    wanted = {(group, kind, member): is_in for group, kind, member, is_in in members}
    rows: list[Membership] = []
    for kind in Kind:
        keys = sorted({member for _, of, member in wanted if of is kind})
        for some in batches(keys, _SOME):
            rows += of_members(connection, target, kind, some)
    known = {row.id: row for row in rows if row.id in wanted}
    new = [Membership(*one, wanted=False, acknowledged=False) for one in wanted if one not in known]
    put(
        connection,
        target,
        [replace(row, pinned=row.asked is not wanted[row.id]) for row in (*known.values(), *new)],
    )


def unpin(connection: Connection, condition: ColumnElement[bool]) -> None:
    """Let what the rules ask for apply again to pinned memberships."""
    asked = table.c.wanted.is_(True) & table.c.revoked.is_(False)
    differs = or_(and_(asked, not_(table.c.acknowledged)), and_(not_(asked), table.c.acknowledged))
    connection.execute(
        update(table)
        .where(condition, table.c.pinned.is_(True))
        .values(pinned=False, due=or_(table.c.in_doubt, differs))
    )


def unpin_members(connection: Connection, target: str, kind: Kind, members: Sequence[Key]) -> None:
    """Let what the rules ask for apply again to the memberships of some members."""
    unpin(
        connection,
        (table.c.target == target)
        & (table.c.member_kind == kind)
        & table.c.member_key.in_(members),
    )


def _effective(rows: Table) -> ColumnElement[bool]:
    """Return the condition that a member should be in its group; see `Membership.effective`."""
    asked = rows.c.wanted.is_(True) & rows.c.revoked.is_(False)
    pinned = rows.c.pinned.is_(True)
    return or_(and_(asked, not_(pinned)), and_(not_(asked), pinned))


def _empty(connection: Connection, condition: ColumnElement[bool]) -> None:
    """Note that none of these is a member. Keep the wanted ones, which wait; delete the others."""
    connection.execute(delete(table).where(condition, table.c.wanted.is_(False)))
    connection.execute(
        update(table)
        .where(condition)
        .values(
            acknowledged=False,
            in_doubt=False,
            due=table.c.revoked.is_(False) & table.c.pinned.is_(False),
        )
    )


def _count(
    connection: Connection, target: str, groups: Sequence[Key], condition: ColumnElement[bool]
) -> dict[Key, int]:
    rows = connection.execute(
        select(table.c.group_key, func.count())
        .where(table.c.target == target, table.c.group_key.in_(groups), condition)
        .group_by(table.c.group_key)
    )
    return {Key(group): number for group, number in rows}


def _rows(connection: Connection, condition: ColumnElement[bool]) -> list[Membership]:
    return list(_stream(connection, condition))


def _stream(connection: Connection, condition: ColumnElement[bool]) -> Iterator[Membership]:
    query = (
        select(table)
        .where(condition)
        .order_by(table.c.group_key, table.c.member_kind, table.c.member_key)
    )
    for row in stream(connection, 2000, query):
        yield _membership(row)


def _membership(row: Row[Any]) -> Membership:
    """Return the membership of a row of either table. NULL is false."""
    return Membership(
        group=Key(row.group_key),
        member_kind=Kind(row.member_kind),
        member=Key(row.member_key),
        wanted=bool(row.wanted),
        revoked=bool(row.revoked),
        acknowledged=bool(row.acknowledged),
        in_doubt=bool(row.in_doubt),
        pinned=bool(row.pinned),
    )
