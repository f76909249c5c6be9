"""Operations as planners draft them, for people and groups alike."""

from __future__ import annotations

from typing import Any

from scimsync.model.changes import Change
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Key, Kind, fold_name
from scimsync.model.links import Link
from scimsync.model.operations import Action, Operation, OperationStatus, Phase


def draft(
    kind: Kind,
    key: Key,
    phase: Phase,
    action: Action,
    reason: str,
    changes: tuple[Change, ...],
    **more: Any,
) -> Operation:
    """An operation; the unique name that it gives stands among `changes`, unless `more` tells
    it."""
    named = next(
        (change.after for change in changes if change.path == UNIQUE_ATTRIBUTE[kind]), None
    )
    fields: dict[str, Any] = {"unique_name": fold_name(named), **more}
    return Operation(
        phase=phase, kind=kind, key=key, action=action, reason=reason, changes=changes, **fields
    )


def not_planned(
    kind: Kind, key: Key, link: Link | None, phases: tuple[Phase, Phase], detail: str
) -> Operation:
    """The entry of somebody who could not be planned; `phases` are those of a change and of a
    creation."""
    linked = link is not None and link.has_account
    return Operation(
        phase=phases[0] if linked else phases[1],
        kind=kind,
        key=key,
        action=Action.UPDATE if linked else Action.CREATE,
        reason="could not be planned",
        status=OperationStatus.FAILED,
        remote_id=link.remote_id if link is not None else None,
        detail=detail,
    )
