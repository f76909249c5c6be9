"""Leases: each source and each target has at most one holder at a time.

Taking leases gives a `FencingToken`. Every write of a run compares the token with the leases in the
same transaction, so that a run which was suspended and lost a lease writes nothing about resources
that another run now holds.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, or_, select, update

from scimsync.errors import LeaseHeld
from scimsync.state.many_rows import upsert
from scimsync.state.tables.run_tables import lease as table

LEASE_TIME = timedelta(minutes=2)
"""How long a lease lasts without renewal. A run that crashed blocks others no longer than this."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The holder of the source or target `name` (`target wiki`), at least until `expires_at`."""

    name: str
    holder: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class FencingToken:
    """Proof that `holder` took the leases `names` under the number `fence`.

    The number of a lease grows each time that the lease is taken.
    """

    names: tuple[str, ...]
    holder: str
    fence: int

    def only(self, name: str) -> FencingToken:
        """Return the token for one of the leases."""
        return replace(self, names=(name,))


def held(connection: Connection, now: datetime) -> list[Lease]:
    """Return the leases on sources and targets that a live run holds, by name."""
    at_work = or_(table.c.name.startswith("source "), table.c.name.startswith("target "))
    rows = connection.execute(
        select(table)
        .where(at_work, table.c.holder != "", table.c.expires_at > now)
        .order_by(table.c.name)
    )
    return [
        Lease(row["name"], row["holder"], row["expires_at"])
        for row in rows.mappings()
        if not _is_dead(row["holder"])
    ]


def take(connection: Connection, names: Sequence[str], holder: str, now: datetime) -> FencingToken:
    """Take the leases `names`, all or none.

    Raise `LeaseHeld` while another holder has one that has not expired.
    """
    rows = connection.execute(select(table).where(table.c.name.in_(names))).mappings().all()
    for row in rows:
        if row["holder"] and row["expires_at"] > now and not _is_dead(row["holder"]):
            seconds = max(1, round((row["expires_at"] - now).total_seconds()))
            raise LeaseHeld(
                f"{row['name']}: another run is active ({' '.join(row['holder'].split()[:3])})",
                hint=f"wait for it to finish; if it died, its lease expires in {seconds} s",
                code="SYNC-0701",
            )
    fence = max((row["fence"] for row in rows), default=0) + 1
    upsert(
        connection,
        table,
        [
            {"name": name, "holder": holder, "fence": fence, "expires_at": now + LEASE_TIME}
            for name in names
        ],
    )
    return FencingToken(tuple(names), holder, fence)


def holder_name() -> str:
    """Return a name for a new holder: host, process, its kernel, and random characters."""
    return f"{socket.gethostname()} process {os.getpid()} {_kernel()}{secrets.token_hex(4)}"


def _kernel() -> str:
    """Return a digest of this boot and this container, in which process numbers are unique.

    Empty if the platform does not provide it.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii") + str(
            Path("/proc/self/ns/pid").readlink()
        )
    except OSError:
        return ""
    return hashlib.blake2b(boot.encode(), digest_size=6).hexdigest() + "-"


def _is_dead(holder: str) -> bool:
    """Return whether the holder was a process on this machine that no longer runs."""
    number, _, rest = holder.partition(" process ")[2].partition(" ")
    kernel = _kernel()
    if not kernel or not rest.startswith(kernel) or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def renew(connection: Connection, token: FencingToken, now: datetime) -> bool:
    """Extend the leases. Return False when one was lost: the holder must send nothing more.

    An expired lease that no other run has taken is renewed: a clock that was set forward ends no
    run.
    """
    result = connection.execute(
        update(table).where(*_is_ours(token)).values(expires_at=now + LEASE_TIME)
    )
    return result.rowcount == len(token.names)


def require(connection: Connection, token: FencingToken, now: datetime) -> None:
    """Extend the leases. Raise `LeaseHeld` when one was lost."""
    if not renew(connection, token, now):
        raise LeaseHeld(
            "the lease went to another run",
            hint="nothing more was sent, nothing was stored",
            code="SYNC-0702",
        )


def release(connection: Connection, token: FencingToken, now: datetime) -> None:
    """Release the leases. Their numbers stay."""
    connection.execute(update(table).where(*_is_ours(token)).values(expires_at=now, holder=""))


def _is_ours(token: FencingToken) -> tuple[ColumnElement[bool], ...]:
    # the holder too: a state that was restored from a backup has lower numbers
    return (
        table.c.name.in_(token.names),
        table.c.fence == token.fence,
        table.c.holder == token.holder,
    )
