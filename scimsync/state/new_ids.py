"""Put the memberships of resources in doubt whose remote id changes.

A resource that was deleted at the target and created again has the same values and another id. It
is in no group under that id, or as a group it has no members.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    false,
    func,
    not_,
    or_,
    select,
    update,
)

from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link
from scimsync.state.tables.link_tables import link as link_table
from scimsync.state.tables.link_tables import membership, replaced_membership

Condition = ColumnElement[bool]


def doubt_memberships(
    connection: Connection, target: str, links: Iterable[Link], has_account: Condition
) -> None:
    """Put the memberships in doubt of the resources to which `links` give another remote id.

    Call it before `links` are stored. `has_account` is the condition that a stored link has an
    account.
    """
    ids: dict[Kind, dict[Key, RemoteId]] = {}
    for one in links:
        if one.has_account and one.remote_id is not None:
            ids.setdefault(one.kind, {})[one.key] = one.remote_id
    for kind, new in ids.items():
        known = connection.execute(
            select(link_table.c.key, link_table.c.remote_id).where(
                link_table.c.target == target,
                link_table.c.kind == kind,
                link_table.c.key.in_(list(new)),
                has_account,
            )
        )
        changed = [Key(key) for key, remote_id in known if remote_id != new[Key(key)]]
        if changed:
            doubt_resources(connection, target, kind, changed)


def doubt_resources(
    connection: Connection, target: str, kind: Kind, keys: Sequence[Key] | Select[str]
) -> None:
    """Put the memberships of resources in doubt, and the members of groups.

    This holds too if a plan that replaced them is not accepted.
    """
    for table in (membership, replaced_membership):
        for theirs in _memberships_of(table, kind, keys):
            _doubt(connection, table, (table.c.target == target) & theirs)


def _memberships_of(
    table: Table, kind: Kind, keys: Sequence[Key] | Select[str]
) -> Iterator[Condition]:
    yield and_(table.c.member_kind == kind, table.c.member_key.in_(keys))
    if kind is Kind.GROUP:
        yield table.c.group_key.in_(keys)


def _doubt(connection: Connection, table: Table, condition: Condition) -> None:
    """Do in the database what `model.memberships.in_doubt_at_new_id` does."""
    asked = table.c.wanted.is_(True) & table.c.revoked.is_(False)
    pinned = func.coalesce(table.c.pinned, false())
    is_out = or_(and_(asked, pinned), and_(not_(asked), not_(pinned)))
    held = table.c.acknowledged.is_(True) | table.c.in_doubt.is_(True)
    values = {"acknowledged": table.c.acknowledged & is_out, "in_doubt": True}
    if "due" in table.c:
        values["due"] = True
    connection.execute(update(table).where(condition, held).values(values))
