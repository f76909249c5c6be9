"""Troubles and messages in the state: what has been told, and what is on its way.

A message is written in the transaction that opens or closes its trouble. Whatever becomes of the
process, nothing is told twice and nothing is forgotten.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from scimsync.config.models import Config
from scimsync.config.notifications import Event
from scimsync.daemon.notify.model import Change, Finding, Message
from scimsync.daemon.notify.summary import Happenings, happenings
from scimsync.daemon.notify.telling import news
from scimsync.state import troubles
from scimsync.state.store import Store
from scimsync.state.troubles import Notice, OpenTrouble


def note(store: Store, config: Config, findings: Sequence[Finding], now: datetime) -> list[Change]:
    """Opens the troubles that are new and closes those that are over, and puts messages about them
    on their way. Says what that was. Of a trouble that is open already only the words change.
    Raises StateError."""
    # mostly there is no news, and nobody need wait for a turn to write
    with store.read() as connection:
        found = news(_open(connection), findings, now)
    if not (found.opened or found.ended or found.reworded):
        return []
    with store.write() as connection:
        found = news(_open(connection), findings, now)
        troubles.put_troubles(connection, [*found.opened, *found.reworded])
        troubles.close_troubles(connection, [(one.event, one.subject) for one in found.ended])
        zone = config.schedule.zone
        messages = {personal: found.messages(zone, personal=personal) for personal in (False, True)}
        _send(connection, config, messages, now)
    return found.changes()


def _open(connection: Connection) -> dict[tuple[str, str], OpenTrouble]:
    return {(one.event, one.subject): one for one in troubles.open_troubles(connection)}


def note_summary(store: Store, config: Config, since: datetime, now: datetime) -> None:
    """Puts what has happened since then on its way, also where that is nothing. Raises
    StateError."""
    with store.write() as connection:
        message = happenings(connection, config, since, now).message()
        _send(connection, config, {False: [message], True: [message]}, now)


def summary(store: Store, config: Config, since: datetime, now: datetime) -> str:
    """What has happened since then, as its receivers read it. Raises StateError."""
    with store.read() as connection:
        found: Happenings = happenings(connection, config, since, now)
    return found.message().body


def forget_unknown(store: Store, config: Config) -> None:
    """Forgets troubles of targets and sources, and messages for receivers, that are not in
    sync.toml any more. Nobody is told. Raises StateError."""
    known = [
        ([Event.GUARD.value, Event.TARGET.value, Event.FAILURES.value], list(config.targets)),
        ([Event.SOURCE.value, Event.STALE.value], list(config.sources)),
    ]
    with store.write() as connection:
        troubles.keep_only(connection, known, list(config.notify.to))


def _send(
    connection: Connection,
    config: Config,
    messages: Mapping[bool, Sequence[Message]],
    now: datetime,
) -> None:
    """Puts messages (with and without what names people) on their way to all who want them."""
    wanted = [
        (name, message)
        for name, receiver in config.notify.to.items()
        for message in messages[receiver.personal]
        if message.event in receiver.events
    ]
    first = _next_number(troubles.last_notice(connection), now)
    troubles.add_notices(
        connection,
        [
            Notice(_id(first + at), name, message.stored(), now, attempts=0, next_try_at=now)
            for at, (name, message) in enumerate(wanted)
        ],
    )


_START = "msg_"
_DIGITS = 16


def _id(number: int) -> str:
    """An id that nobody else gives. It holds no full stop (Standard Webhooks 1.0)."""
    return f"{_START}{number:0{_DIGITS}x}{secrets.token_hex(8)}"


def _next_number(last: str | None, now: datetime) -> int:
    """Milliseconds and a counter: greater than that of the id `last`, also where the clock stands
    still or was set back."""
    number = int(now.timestamp() * 1000) << 16
    return (
        number
        if last is None
        else max(number, int(last[len(_START) : len(_START) + _DIGITS], 16) + 1)
    )
