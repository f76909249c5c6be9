"""The requests that earlier runs have sent to a target, as the journal has them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, func, or_, select

from scimsync.scim.messages import ScimRequest
from scimsync.state.tables.run_tables import operation, run


def sent_requests(
    connection: Connection, target: str, since: datetime, most: int
) -> list[tuple[datetime, ScimRequest]]:
    """Return the requests that changed something at a target, and when, in order.

    `since` is aware. At most `most` operations count, the latest ones. Reads are not in the
    journal, and neither are attempts before the last one.
    """
    sent_at = func.coalesce(operation.c.done_at, operation.c.sent_at)
    rows = connection.execute(
        select(sent_at, operation.c.request)
        .join(run, run.c.id == operation.c.run_id)
        .where(
            or_(run.c.finished_at.is_(None), run.c.finished_at >= since),
            operation.c.target == target,
            operation.c.sent_at.is_not(None),
            operation.c.request.is_not(None),
            sent_at >= since,
        )
        .order_by(sent_at.desc())
        .limit(most)
    ).all()
    return [(at, one) for at, text in reversed(rows) for one in _requests(text)]


def _requests(text: str) -> list[ScimRequest]:
    documents: list[dict[str, Any]] = orjson.loads(text)
    return [ScimRequest(one["method"], one["path"], one["body"]) for one in documents]
