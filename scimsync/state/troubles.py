"""What people are told: troubles that are open, messages on their way to somebody, and the figures
of a summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, or_, select, tuple_, update

from scimsync.model.links import LinkStatus
from scimsync.state.bulk import upsert
from scimsync.state.tables import alert as trouble
from scimsync.state.tables import link, run
from scimsync.state.tables import notification as notice


@dataclass(frozen=True, slots=True)
class OpenTrouble:
    """What has been told and is not over. `event` is a word of `[notify]`; `text` names no
    people."""

    event: str
    subject: str
    since: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for one receiver that has not arrived yet. Ids of later messages are greater;
    `body` is JSON."""

    id: str
    receiver: str
    body: str
    created_at: datetime
    attempts: int
    next_try_at: datetime


def is_open(connection: Connection) -> bool:
    """Whether there is any trouble that is not over."""
    return connection.execute(select(trouble.c.event).limit(1)).first() is not None


def open_troubles(connection: Connection) -> list[OpenTrouble]:
    """All of them, the oldest first."""
    rows = connection.execute(
        select(trouble).order_by(trouble.c.since, trouble.c.event, trouble.c.subject)
    )
    return [OpenTrouble(**row) for row in rows.mappings()]


def put_troubles(connection: Connection, troubles: Iterable[OpenTrouble]) -> None:
    """Opens troubles, or gives those that are open other words."""
    upsert(connection, trouble, [asdict(one) for one in troubles])


def close_troubles(connection: Connection, which: Iterable[tuple[str, str]]) -> None:
    """Ends the troubles of these events and subjects."""
    which = list(which)
    if which:
        connection.execute(
            delete(trouble).where(tuple_(trouble.c.event, trouble.c.subject).in_(which))
        )


def add_notices(connection: Connection, notices: Sequence[Notice]) -> None:
    """Puts messages on their way."""
    if notices:
        connection.execute(insert(notice), [asdict(one) for one in notices])


def due_receivers(connection: Connection, now: datetime) -> list[str]:
    """The receivers for whom something is due, by name."""
    query = (
        select(notice.c.receiver)
        .where(notice.c.next_try_at <= now)
        .distinct()
        .order_by(notice.c.receiver)
    )
    return list(connection.scalars(query))


def notices_of(connection: Connection, receiver: str, limit: int) -> list[Notice]:
    """The first messages for a receiver, in the order in which they were written, whether they are
    due or not."""
    columns = (
        notice.c[name]
        for name in ("id", "receiver", "body", "created_at", "attempts", "next_try_at")
    )
    query = select(*columns).where(notice.c.receiver == receiver).order_by(notice.c.id).limit(limit)
    return [Notice(**row) for row in connection.execute(query).mappings()]


def delete_notices(connection: Connection, receiver: str) -> None:
    """There is nobody any more to take them."""
    connection.execute(delete(notice).where(notice.c.receiver == receiver))


def delete_notice(connection: Connection, notice_id: str) -> None:
    """It has arrived, or is given up."""
    connection.execute(delete(notice).where(notice.c.id == notice_id))


def put_off(
    connection: Connection, receiver: str, until: datetime, error: str, *, only: str | None = None
) -> None:
    """A receiver was tried and did not take what waits for it (or did not take the message of the
    id `only`), and is left alone until then. `error` says why and holds no secret."""
    which = notice.c.receiver == receiver if only is None else notice.c.id == only
    values = {"attempts": notice.c.attempts + 1, "next_try_at": until, "last_error": error}
    connection.execute(update(notice).where(which).values(values))


def give_up(connection: Connection, receiver: str, written_before: datetime) -> int:
    """Deletes the messages for a receiver that are older than that and were tried more than once;
    says how many."""
    old = (
        notice.c.receiver == receiver,
        notice.c.created_at <= written_before,
        notice.c.attempts > 1,
    )
    return connection.execute(delete(notice).where(*old)).rowcount


def last_notice(connection: Connection) -> str | None:
    """The greatest id of all that is on its way."""
    return connection.scalar(select(notice.c.id).order_by(notice.c.id.desc()).limit(1))


def next_try(connection: Connection) -> datetime | None:
    """When the next message is due; None where none is on its way."""
    return connection.scalar(select(notice.c.next_try_at).order_by(notice.c.next_try_at).limit(1))


def count_notices(connection: Connection) -> int:
    """How many messages are on their way."""
    return connection.scalar(select(func.count()).select_from(notice)) or 0


def keep_only(
    connection: Connection,
    known: Sequence[tuple[Sequence[str], Sequence[str]]],
    receivers: Sequence[str],
) -> None:
    """Forgets troubles of `known` (events, the subjects that they can have) about any other
    subject, and messages for others than `receivers`."""
    gone = [
        trouble.c.event.in_(events) & trouble.c.subject.not_in(subjects)
        for events, subjects in known
    ]
    connection.execute(delete(trouble).where(or_(*gone)))
    connection.execute(delete(notice).where(notice.c.receiver.not_in(receivers)))


def count_runs(connection: Connection, since: datetime, until: datetime) -> dict[str, int]:
    """Outcome -> how many runs began in that time."""
    query = (
        select(run.c.outcome, func.count())
        .where(run.c.started_at >= since, run.c.started_at < until)
        .group_by(run.c.outcome)
    )
    return {str(outcome): int(number) for outcome, number in connection.execute(query)}


def count_deletions_due(connection: Connection, target: str, until: datetime) -> int:
    """How many accounts that are switched off are to be deleted by then."""
    due = (
        link.c.target == target,
        link.c.status == LinkStatus.INACTIVE,
        link.c.delete_after <= until,
    )
    return connection.scalar(select(func.count()).select_from(link).where(*due)) or 0
