"""Memberships: who is wanted in which group at a target, and who the target has acknowledged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    not_,
    select,
    true,
    update,
)

from scimsync.model.ids import Key, Kind
from scimsync.model.memberships import Membership
from scimsync.state.bulk import stream, upsert
from scimsync.state.tables import membership as table
from scimsync.state.tables import replaced_membership as replaced


def of_members(
    connection: Connection, target: str, kind: Kind, members: Sequence[Key]
) -> list[Membership]:
    """All rows of some members."""
    return _rows(
        connection,
        (table.c.target == target)
        & (table.c.member_kind == kind)
        & table.c.member_key.in_(members),
    )


def of_group(connection: Connection, target: str, group: Key) -> Iterator[Membership]:
    """All rows of one group."""
    yield from _stream(connection, (table.c.target == target) & (table.c.group_key == group))


def due(connection: Connection, target: str) -> Iterator[Membership]:
    """Rows that the target has to be told of, group by group."""
    yield from _stream(connection, (table.c.target == target) & table.c.due.is_(True))


def put(
    connection: Connection, target: str, rows: Iterable[Membership], *, keep_empty: bool = False
) -> None:
    """Stores rows; those that are neither wanted nor acknowledged are removed, unless `keep_empty`
    (they hide others)."""
    kept: list[Membership] = []
    gone: list[Membership] = []
    for row in rows:
        (kept if keep_empty or row.wanted or row.acknowledged or row.in_doubt else gone).append(row)
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
    """Notes what the rows to be stored replace, unless that is noted already; those that are not in
    `before` are new."""
    noted = []
    for row in rows:
        old = before.get(row.id)
        noted.append(
            {
                "target": target,
                "group_key": row.group,
                "member_kind": row.member_kind,
                "member_key": row.member,
                "wanted": None if old is None else old.wanted,
                "revoked": None if old is None else old.revoked,
                "acknowledged": None if old is None else old.acknowledged,
                "in_doubt": None if old is None else old.in_doubt,
            }
        )
    upsert(connection, replaced, noted, keep=("wanted", "revoked", "acknowledged", "in_doubt"))


def before_plan(connection: Connection, target: str) -> Iterator[Membership]:
    """Rows as they were before a plan that nobody accepted, empty where there were none."""
    for row in stream(connection, 2000, select(replaced).where(replaced.c.target == target)):
        yield _membership(row)


def accept(connection: Connection, targets: Sequence[str]) -> None:
    """What was planned for these targets counts from now on."""
    connection.execute(delete(replaced).where(replaced.c.target.in_(targets)))


def put_back(connection: Connection, targets: Sequence[str]) -> None:
    """Restore the memberships of these targets to what they were before a plan that was not
    accepted."""
    ours = replaced.c.target.in_(targets)
    if connection.execute(select(replaced.c.target).where(ours).limit(1)).first() is None:
        return
    same = [
        table.c[name] == replaced.c[name]
        for name in ("target", "group_key", "member_kind", "member_key")
    ]
    connection.execute(delete(table).where(table.c.target.in_(targets), exists().where(*same)))
    asked = replaced.c.wanted.is_(True) & replaced.c.revoked.is_(False)
    due = case(
        (replaced.c.in_doubt.is_(True), true()),
        (asked, replaced.c.acknowledged.is_(False)),
        else_=replaced.c.acknowledged.is_(True),
    )
    names = [column.name for column in replaced.columns]
    before = select(*(replaced.c[name] for name in names), due).where(
        ours, replaced.c.wanted.is_not(None)
    )
    connection.execute(insert(table).from_select([*names, "due"], before))
    connection.execute(delete(replaced).where(ours))


def begin_anew(connection: Connection, target: str, groups: Sequence[Key]) -> None:
    """These groups were made anew: nobody is in them yet, and they are in no other."""
    held = table.c.acknowledged.is_(True) | table.c.in_doubt.is_(True)
    for ours in (
        table.c.group_key.in_(groups),
        (table.c.member_kind == Kind.GROUP) & table.c.member_key.in_(groups),
    ):
        _empty(connection, (table.c.target == target) & ours & held)


def acknowledge(connection: Connection, target: str, rows: Sequence[Membership]) -> None:
    """The target holds these as `acknowledged` says; who is wanted stays as it is. What nobody
    wants any more is forgotten."""
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
        asked = table.c.wanted.is_(True) & table.c.revoked.is_(False)
        connection.execute(
            update(table)
            .where(here)
            .values(acknowledged=held, in_doubt=False, due=not_(asked) if held else asked),
            some,
        )
        if not held:
            connection.execute(delete(table).where(here, table.c.wanted.is_(False)), some)


def doubt(connection: Connection, target: str, rows: Sequence[tuple[Key, Kind, Key]]) -> None:
    """Of these (group, kind of member, member) a request was sent whose outcome is unknown: the
    target has to be told again, whatever is wanted by then."""
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
                "due": True,
            }
            for group, kind, member in rows
        ],
        keep=("wanted", "revoked", "acknowledged"),
    )


def count_wanted(connection: Connection, target: str, groups: Sequence[Key]) -> dict[Key, int]:
    """How many members are wanted in each group; groups without any are left out."""
    return _count(connection, target, groups, table.c.wanted.is_(True))


def count_acknowledged(
    connection: Connection, target: str, groups: Sequence[Key]
) -> dict[Key, int]:
    """How many members the target has acknowledged in each group; groups without any are left
    out."""
    return _count(connection, target, groups, table.c.acknowledged.is_(True))


def forget_group(connection: Connection, target: str, group: Key, *, wanted: bool) -> None:
    """The group is gone at the target: nobody is in it any more. With `wanted`, who is wanted there
    waits for a new one."""
    condition = (table.c.target == target) & (table.c.group_key == group)
    if wanted:
        _empty(connection, condition)
    else:
        connection.execute(delete(table).where(condition))


def forget_members(connection: Connection, target: str, kind: Kind, members: Sequence[Key]) -> None:
    """The members' accounts are gone: where they are wanted they wait for new ones, elsewhere they
    are still to be taken out."""
    connection.execute(
        update(table)
        .where(
            table.c.target == target,
            table.c.member_kind == kind,
            table.c.member_key.in_(members),
            table.c.wanted.is_(True),
        )
        .values(acknowledged=False, in_doubt=False, due=table.c.revoked.is_(False))
    )


def _empty(connection: Connection, condition: ColumnElement[bool]) -> None:
    """Nobody of these is a member: who is wanted waits, the others are forgotten."""
    connection.execute(delete(table).where(condition, table.c.wanted.is_(False)))
    connection.execute(
        update(table)
        .where(condition)
        .values(acknowledged=False, in_doubt=False, due=table.c.revoked.is_(False))
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
    """Of a row of either table; no value is false."""
    return Membership(
        group=Key(row.group_key),
        member_kind=Kind(row.member_kind),
        member=Key(row.member_key),
        wanted=bool(row.wanted),
        revoked=bool(row.revoked),
        acknowledged=bool(row.acknowledged),
        in_doubt=bool(row.in_doubt),
    )
