"""Decide whether a run sends the writes for a target in bulk requests."""

from __future__ import annotations

from datetime import datetime

from scimsync.run.target_run import TargetRun
from scimsync.targets.bulk_sender import MAX_OPERATIONS, MAX_PAYLOAD, BulkLimits, BulkSender
from scimsync.targets.quarantine import remembered_bulk
from scimsync.transport.auth import Authenticator
from scimsync.transport.redaction import MAX_DETAIL, safe_line

MIN_OPERATIONS = 50
"""A run with fewer operations for a target sends no bulk, unless sync.toml says `bulk = true`."""


def prepare_bulk(
    target: TargetRun, operations: int, authenticator: Authenticator | None, now: datetime
) -> None:
    """Let the connection of a target send bulks, if the target accepts them and it is worth it.

    `operations` is the number of operations in the plan of the target.
    """
    wanted = target.compiled.bulk
    if wanted is False or target.connection.collector is not None:
        return
    if wanted is None and (
        operations < MIN_OPERATIONS or remembered_bulk(target.known, now) is not None
    ):
        return
    can = target.capabilities
    if wanted is None and can.bulk is not True:
        return
    limits = BulkLimits(
        can.bulk_max_operations or MAX_OPERATIONS, can.bulk_max_payload or MAX_PAYLOAD
    )
    if limits.operations < 2:
        return

    def redact(text: str, limit: int = MAX_DETAIL) -> str:
        return safe_line(text, limit, None if authenticator is None else authenticator.redact)

    target.connection.collector = BulkSender(
        target.name, target.connection, target.compiled.concurrency, limits, redact
    )
