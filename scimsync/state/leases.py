"""Leases: one holder at a time for each source and each target, so that two runs never work on one
target at once."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, or_, select, update

from scimsync.errors import LeaseHeld
from scimsync.state.bulk import upsert
from scimsync.state.tables import lease as table

LEASE_TIME = timedelta(minutes=2)
"""How long a lease lasts without being renewed; a crashed run blocks others no longer than this."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who works on the source or target `name` (`target wiki`), at least until `expires_at`."""

    name: str
    holder: str
    expires_at: datetime


def held(connection: Connection, now: datetime) -> list[Lease]:
    """The leases on sources and targets that somebody holds, by name: who has one is at work."""
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


def take(connection: Connection, names: Sequence[str], holder: str, now: datetime) -> None:
    """Takes the leases `names`, all or none. Raises `LeaseHeld` while somebody else's has not
    expired."""
    rows = connection.execute(select(table).where(table.c.name.in_(names))).mappings().all()
    for row in rows:
        if (
            row["holder"] not in ("", holder)
            and row["expires_at"] > now
            and not _is_dead(row["holder"])
        ):
            seconds = max(1, round((row["expires_at"] - now).total_seconds()))
            raise LeaseHeld(
                f"{row['name']}: another run is at work ({' '.join(row['holder'].split()[:3])})",
                hint=f"wait for it; if it has died, its lease expires in {seconds} s",
            )
    fences = {row["name"]: row["fence"] for row in rows}
    upsert(
        connection,
        table,
        [
            {
                "name": name,
                "holder": holder,
                "fence": fences.get(name, 0) + 1,
                "expires_at": now + LEASE_TIME,
            }
            for name in names
        ],
    )


def holder_name() -> str:
    """A name for whoever takes leases now: host, process, where that process number counts, and
    what no other run has."""
    return f"{socket.gethostname()} process {os.getpid()} {_kernel()}{secrets.token_hex(4)}"


def _kernel() -> str:
    """Stands for this boot of this kernel and this container's process numbers; empty where that
    cannot be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii") + str(
            Path("/proc/self/ns/pid").readlink()
        )
    except OSError:
        return ""
    return hashlib.blake2b(boot.encode(), digest_size=6).hexdigest() + "-"


def _is_dead(holder: str) -> bool:
    """Whether the holder was a process beside this one that has ended without giving its lease
    back."""
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


def renew(connection: Connection, names: Sequence[str], holder: str, now: datetime) -> bool:
    """Makes the leases last longer. False when one was lost: the holder must send nothing more.

    One that has run out is still the holder's as long as nobody has taken it: a clock that was set
    forward ends no run.
    """
    result = connection.execute(
        update(table)
        .where(table.c.name.in_(names), table.c.holder == holder)
        .values(expires_at=now + LEASE_TIME)
    )
    return result.rowcount == len(names)


def release(connection: Connection, names: Sequence[str], holder: str, now: datetime) -> None:
    """Gives the leases back; the fencing number stays."""
    connection.execute(
        update(table)
        .where(table.c.name.in_(names), table.c.holder == holder)
        .values(expires_at=now, holder="")
    )
