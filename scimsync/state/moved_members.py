"""Memberships of users whose keys are corrected by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlalchemy import Connection, and_, bindparam, delete, exists, or_, select, update

from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind
from scimsync.model.memberships import separated
from scimsync.state import membership_store
from scimsync.state.tables.link_tables import membership as table

_SOME = 500
_ASIDE = "\x1f"
"""What a key begins with while it is changed, so that keys can be swapped."""

_OF_USERS = table.c.member_kind == Kind.USER
_OTHER = table.alias("other")
_SAME_GROUP = and_(
    _OTHER.c.target == table.c.target,
    _OTHER.c.group_key == table.c.group_key,
    _OTHER.c.member_kind == Kind.USER,
)


def move(connection: Connection, pairs: Mapping[Key, Key]) -> None:
    """Move the memberships of old keys to new keys (`pairs`: new -> old).

    Groups that want a new key already still want it. If it gives its own account away in the same
    call, these memberships go with that account.
    """
    connection.execute(
        update(table)
        .where(_OF_USERS, table.c.member_key == bindparam("old_key"))
        .values(member_key=bindparam("aside")),
        [{"old_key": old, "aside": _ASIDE + old} for old in pairs.values()],
    )
    moving = [{"aside": _ASIDE + old, "new_key": new} for new, old in pairs.items()]
    known = exists().where(_SAME_GROUP, _OTHER.c.member_key == bindparam("new_key"))
    connection.execute(
        update(table)
        .where(
            _OF_USERS,
            table.c.member_key == bindparam("aside"),
            table.c.wanted.is_(False),
            known.where(_OTHER.c.wanted.is_(True)),
        )
        .values(
            wanted=True,
            due=or_(table.c.in_doubt, table.c.revoked == table.c.acknowledged),
        ),
        moving,
    )
    moved = exists().where(_SAME_GROUP, _OTHER.c.member_key == bindparam("aside"))
    connection.execute(
        delete(table).where(
            _OF_USERS,
            table.c.member_key == bindparam("new_key"),
            or_(table.c.wanted.is_(False), moved),
        ),
        moving,
    )
    connection.execute(
        update(table)
        .where(_OF_USERS, table.c.member_key == bindparam("new_key"))
        .values(acknowledged=False, in_doubt=False, due=table.c.revoked.is_(False)),
        moving,
    )
    connection.execute(
        update(table)
        .where(_OF_USERS, table.c.member_key == bindparam("aside"))
        .values(member_key=bindparam("new_key")),
        moving,
    )


def separate(
    connection: Connection, key: Key, old: Key, names_members: Callable[[str, Key], bool]
) -> None:
    """Give the memberships of an account to the key `old` that it has from now on.

    `names_members` returns whether the record of a group at a target names its members. Such groups
    still name `key`, so that the account leaves them.
    """
    rows = select(table.c.target).where(_OF_USERS, table.c.member_key == key).distinct()
    for target in connection.scalars(rows).all():
        found = membership_store.of_members(connection, target, Kind.USER, [key])
        naming = [one for one in found if names_members(target, one.group)]
        moving = [one for one in found if not names_members(target, one.group)]
        after = [part for one in naming for part in separated(one, old)]
        after += [replace(one, member=old) for one in moving]
        membership_store.put(connection, target, after)
        for some in batches([one.group for one in moving], _SOME):
            connection.execute(
                delete(table).where(
                    _OF_USERS,
                    table.c.target == target,
                    table.c.member_key == key,
                    table.c.group_key.in_(some),
                )
            )
