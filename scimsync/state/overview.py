"""Summaries of links for administrators, and the keys that a mistyped one may mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, and_, exists, func, literal_column, or_, select, union
from sqlalchemy.sql.elements import ColumnElement

from scimsync.model.echoes import EchoCount
from scimsync.model.ids import Key, Kind, fold_name
from scimsync.model.links import AccessToRemove, LinkStatus, Waiting
from scimsync.state.json_values import load_echoes
from scimsync.state.link_store import rare_links_of
from scimsync.state.tables.link_tables import link
from scimsync.state.tables.run_tables import operation
from scimsync.state.tables.source_tables import record

_MOST_KEYS = 2000


@dataclass(frozen=True, slots=True)
class FailingLink:
    """A link that failed last. `next_try_at` is None if it is not retried automatically."""

    kind: Kind
    key: Key
    failures: int
    last_error: str | None
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class FailingLinks:
    """The failing links of a target.

    It has their number, the time when the first is retried, and the `first` of them: those that
    failed most often.
    """

    count: int
    next_try_at: datetime | None
    first: tuple[FailingLink, ...]


def count_by_status(connection: Connection, target: str) -> dict[tuple[Kind, LinkStatus], int]:
    """Return (kind, status) -> number of links of a target."""
    query = (
        select(link.c.kind, link.c.status, func.count())
        .where(link.c.target == target)
        .group_by(link.c.kind, link.c.status)
    )
    return {
        (Kind(kind), LinkStatus(status)): number
        for kind, status, number in connection.execute(query)
    }


def failing_links(connection: Connection, target: str, most: int) -> FailingLinks:
    """Return the links of a target that failed last, at most `most` of them in detail."""
    failing = _is_failing(target)
    count, next_try_at = connection.execute(
        select(func.count(), func.min(link.c.next_try_at)).where(failing)
    ).one()
    columns = (link.c.kind, link.c.key, link.c.failures, link.c.last_error, link.c.next_try_at)
    rows = connection.execute(
        select(*columns).where(failing).order_by(link.c.failures.desc(), link.c.key).limit(most)
    )
    first = [
        FailingLink(Kind(kind), Key(key), failures, error, again)
        for kind, key, failures, error, again in rows
    ]
    return FailingLinks(count, next_try_at, tuple(first))


def echo_counts(connection: Connection, target: str) -> list[EchoCount]:
    """Return the attributes that a target shows differently from what was sent, by frequency."""
    columns = (link.c.kind, link.c.key, link.c.echoes)
    rows = connection.execute(
        select(*columns)
        .where(link.c.target == target, link.c.echoes.is_not(None))
        .order_by(link.c.kind, link.c.key)
    )
    found: dict[tuple[Kind, str], EchoCount] = {}
    for kind, key, text in rows:
        for echo in load_echoes(text):
            known = found.get((Kind(kind), echo.path))
            found[Kind(kind), echo.path] = (
                EchoCount(Kind(kind), 1, key, echo)
                if known is None
                else replace(known, count=known.count + 1)
            )
    return sorted(found.values(), key=lambda one: -one.count)


def count_failed(connection: Connection, target: str) -> int:
    """Return how many links of a target failed last.

    Links that only wait because their run was interrupted do not count.
    """
    query = (
        select(func.count())
        .select_from(link)
        .where(link.c.target == target, link.c.next_try_at.is_not(None))
    )
    return connection.scalar(query.where(link.c.failures > 0)) or 0


def waiting_from_earlier(connection: Connection, target: str, run: int, now: datetime) -> Waiting:
    """Return the links that failed before `run`, and that it did not try again.

    Leavers who may still have access do not count: `access_to_remove` has them.
    """
    tried = exists().where(
        operation.c.run_id == run,
        operation.c.target == target,
        operation.c.kind == link.c.kind,
        operation.c.key == link.c.key,
    )
    count, next_try_at = connection.execute(
        select(func.count(), func.min(link.c.next_try_at)).where(
            _is_failing(target),
            link.c.failures > 0,
            link.c.next_try_at > now,
            link.c.may_have_access_since.is_(None),
            ~tried,
        )
    ).one()
    return Waiting(count, next_try_at)


def access_to_remove(connection: Connection, target: str, most: int) -> AccessToRemove:
    """Return the leavers who may still have access at a target, the first `most` of them by name.

    The order is that of time.
    """
    since = link.c.may_have_access_since
    rows = connection.execute(
        select(link.c.key, since, func.count().over())
        .where(rare_links_of(target), since.is_not(None))
        .order_by(since, link.c.key)
        .limit(most)
    ).all()
    first = tuple((Key(key), moment) for key, moment, _ in rows)
    return AccessToRemove(rows[0][2] if rows else 0, first)


def keys_with_access(connection: Connection, target: str) -> list[Key]:
    """Return the keys of all leavers who may still have access at a target, in order."""
    query = (
        select(link.c.key)
        .where(rare_links_of(target), link.c.may_have_access_since.is_not(None))
        .order_by(link.c.key)
    )
    return [Key(key) for key in connection.scalars(query)]


def failing_keys(connection: Connection, target: str, kind: Kind) -> list[Key]:
    """Return the keys of links that failed last, or wait for another try, in order."""
    query = select(link.c.key).where(_is_failing(target), link.c.kind == kind).order_by(link.c.key)
    return [Key(key) for key in connection.scalars(query)]


def _is_failing(target: str) -> ColumnElement[bool]:
    some = link.c.failures > literal_column("0")  # as IS_FAILING says, for its index
    return and_(rare_links_of(target), or_(some, link.c.next_try_at.is_not(None)))


def keys_like(connection: Connection, sources: Sequence[str], text: str) -> list[Key]:
    """Return keys of records that `text` may mean: equal but for case, or with a common prefix."""
    same = select(record.c.key).where(
        record.c.source.in_(sources), func.lower(record.c.key) == text.lower()
    )
    start = text[: max(1, len(text) // 2)]
    near = (
        select(record.c.key)
        .where(
            record.c.source.in_(sources),
            or_(record.c.key.startswith(start, autoescape=True), record.c.key > text),
        )
        .order_by(record.c.key)
        .limit(_MOST_KEYS)
    )
    return [Key(key) for key in connection.scalars(union(same, select(near.subquery().c.key)))]


def keys_named(connection: Connection, user_name: str) -> list[tuple[str, Key]]:
    """Return (target, key) of the links with this userName."""
    query = (
        select(link.c.target, link.c.key)
        .where(link.c.unique_name == fold_name(user_name))
        .order_by(link.c.target)
    )
    return [(target, Key(key)) for target, key in connection.execute(query)]
