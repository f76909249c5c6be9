"""When each target was last reconciled, and what was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from scimsync.state.many_rows import upsert
from scimsync.state.tables.target_tables import reconciliation as table


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The last reconciliation that could read a target: when, and the number of its findings.

    It is `complete` if all accounts and groups could be compared.
    """

    target: str
    at: datetime
    findings: int
    complete: bool


def put_reconciliations(connection: Connection, done: Iterable[Reconciliation]) -> None:
    """Store reconciliations, replacing earlier ones of the same targets."""
    upsert(connection, table, [asdict(one) for one in done])


def last_reconciliations(
    connection: Connection, targets: Sequence[str]
) -> dict[str, Reconciliation]:
    """Return the last reconciliation of each of `targets` that has one."""
    rows = connection.execute(select(table).where(table.c.target.in_(targets))).mappings()
    return {row["target"]: Reconciliation(**row) for row in rows}
