"""Pins: users and groups that stay as a revert left them; see `model.pins`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from scimsync.model.ids import Key, Kind
from scimsync.model.pins import Pin
from scimsync.state import membership_store
from scimsync.state.json_values import dump_document, load_document
from scimsync.state.many_rows import upsert
from scimsync.state.tables.link_tables import link, membership
from scimsync.state.tables.link_tables import pin as table


@dataclass(frozen=True, slots=True)
class PinSummary:
    """The pins of a target: their number, and the `first` of them."""

    count: int = 0
    first: tuple[Pin, ...] = ()


def put_pins(connection: Connection, target: str, pins: Iterable[Pin], now: datetime) -> None:
    """Store pins, replacing those of the same users and groups."""
    rows = [
        {
            "target": target,
            "kind": pin.kind,
            "key": pin.key,
            "undone": pin.undone,
            "document": dump_document(pin.values),
            "asked": pin.asked,
            "since": now,
        }
        for pin in pins
    ]
    upsert(connection, table, rows)


def put_values(connection: Connection, target: str, pins: Iterable[Pin]) -> None:
    """Store the values of pins that exist, and nothing else of them."""
    for pin in pins:
        connection.execute(
            update(table)
            .where(table.c.target == target, table.c.kind == pin.kind, table.c.key == pin.key)
            .values(document=dump_document(pin.values))
        )


def all_pins(connection: Connection, target: str) -> list[Pin]:
    """Return all pins of a target."""
    query = select(table).where(table.c.target == target)
    return [_pin(row) for row in connection.execute(query.order_by(table.c.kind, table.c.key))]


def get_pins(
    connection: Connection, target: str, kind: Kind, keys: Sequence[Key]
) -> dict[Key, Pin]:
    """Return the pins of those of `keys` that have one."""
    rows = connection.execute(
        select(table).where(table.c.target == target, table.c.kind == kind, table.c.key.in_(keys))
    )
    return {Key(row.key): _pin(row) for row in rows}


def pinned(connection: Connection, target: str, most: int) -> PinSummary:
    """Return how many pins a target has, and the first `most`."""
    query = select(table, func.count().over().label("number")).where(table.c.target == target)
    rows = connection.execute(query.order_by(table.c.kind.desc(), table.c.key).limit(most)).all()
    return PinSummary(rows[0].number if rows else 0, tuple(map(_pin, rows)))


def undone_by(connection: Connection, target: str, run: int) -> list[Pin]:
    """Return the pins of the revert of a run."""
    query = select(table).where(table.c.target == target, table.c.undone == run)
    return [_pin(row) for row in connection.execute(query.order_by(table.c.kind, table.c.key))]


def drop(connection: Connection, target: str, kind: Kind, keys: Sequence[Key]) -> None:
    """Drop pins, and those of the memberships of these users or groups."""
    connection.execute(
        delete(table).where(table.c.target == target, table.c.kind == kind, table.c.key.in_(keys))
    )
    membership_store.unpin_members(connection, target, kind, keys)


def lift(
    connection: Connection, target: str, kind: Kind, keys: Sequence[Key], now: datetime
) -> None:
    """Drop pins by hand: the next push plans these users or groups."""
    drop(connection, target, kind, keys)
    if kind is Kind.GROUP:
        ours = (membership.c.target == target) & membership.c.group_key.in_(keys)
        membership_store.unpin(connection, ours)
    connection.execute(
        update(link)
        .where(link.c.target == target, link.c.kind == kind, link.c.key.in_(keys))
        .values(next_try_at=now)
    )


def drop_everywhere(connection: Connection, keys: Sequence[Key]) -> None:
    """Drop the pins of users at all targets, and those of their memberships."""
    connection.execute(delete(table).where(table.c.kind == Kind.USER, table.c.key.in_(keys)))
    membership_store.unpin(
        connection,
        (membership.c.member_kind == Kind.USER) & membership.c.member_key.in_(keys),
    )


def _pin(row: Row[Any]) -> Pin:
    return Pin(
        kind=Kind(row.kind),
        key=Key(row.key),
        undone=row.undone,
        values=load_document(row.document),
        asked=row.asked,
        since=row.since,
    )
