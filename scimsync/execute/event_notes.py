"""Store the events of operations for export as Security Event Tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from scimsync.execute.operation_outcome import OperationOutcome
from scimsync.model.ids import Key, Kind
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import OperationResult, OperationStatus
from scimsync.state import link_store, pending_events
from scimsync.state.pending_events import NewEvent


def note_events(
    connection: Connection,
    destinations: Sequence[str],
    target: str,
    outcomes: Sequence[OperationOutcome],
    now: datetime,
) -> None:
    """Store the events of those `outcomes` that had an effect.

    Call this after their results are stored, but before their links are, because a deletion empties
    its link.
    """
    effective = [outcome for outcome in outcomes if _had_effect(outcome.result)]
    if not (destinations and effective):
        return
    deleted = [
        outcome.link
        for outcome in effective
        if outcome.link is not None and outcome.link.status is LinkStatus.DELETED
    ]
    before = {
        (kind, key): link
        for kind in {link.kind for link in deleted}
        for key, link in link_store.get_links(
            connection, target, kind, [link.key for link in deleted if link.kind is kind]
        ).items()
    }
    pending_events.note(connection, destinations, list(_events(effective, before)), now)


def _had_effect(result: OperationResult) -> bool:
    """Return whether an operation changed its resource.

    A deletion that failed has an effect if a deactivation took its place, which is confirmed.
    """
    return result.status is OperationStatus.APPLIED or (
        result.status is OperationStatus.FAILED and result.confirmed_by is not None
    )


def _events(
    outcomes: Sequence[OperationOutcome], before: Mapping[tuple[Kind, Key], Link]
) -> Iterator[NewEvent]:
    for outcome in outcomes:
        number, link = outcome.result.operation_id, outcome.link
        if link is None:
            yield NewEvent(number)
            continue
        known = before.get((link.kind, link.key), link)
        yield NewEvent(number, link.remote_id or known.remote_id, known.external_id, link.etag)
