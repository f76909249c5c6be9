"""Given operations as JSON, for plan files that carry them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from scimsync.errors import ConfigError
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.operations import Action, Operation, OperationStatus, Phase
from scimsync.model.pins import Pin
from scimsync.plan.given_operations import GivenPlan, GivenTarget
from scimsync.plan.saved import SavedPlan
from scimsync.state.json_values import (
    dump_changes,
    dump_document,
    load_changes,
    load_document,
)

_INVALID = (KeyError, TypeError, ValueError, AttributeError)


def given_document(given: GivenPlan) -> dict[str, Any]:
    """Return given operations as JSON."""
    return {name: _target_document(target) for name, target in given.targets.items()}


def given_in(saved: SavedPlan) -> GivenPlan | None:
    """Return the operations that a saved plan carries, None if it carries none.

    Raise ConfigError for a file that holds no such operations.
    """
    if saved.carried is None:
        return None
    try:
        targets = {name: _target(document) for name, document in saved.carried.items()}
    except _INVALID as error:
        raise ConfigError(
            f"{saved.name}: this is not a saved plan",
            hint=f"scimsync {saved.command} --out {saved.name} makes the plan again",
            code="SYNC-0909",
        ) from error
    return GivenPlan(saved.command, targets)


def _target_document(given: GivenTarget) -> dict[str, Any]:
    return {
        "operations": [_operation_document(one) for one in given.operations],
        "pins": [
            {
                "kind": pin.kind,
                "key": pin.key,
                "undone": pin.undone,
                "values": orjson.loads(dump_document(pin.values)),
                "asked": pin.asked,
            }
            for pin in given.pins
        ],
        "unpinned": [[kind, key] for kind, key in given.unpinned],
        "pinned_members": [list(one) for one in given.pinned_members],
        "member_ids": [[kind, key, ident] for (kind, key), ident in given.member_ids.items()],
    }


def _target(document: Mapping[str, Any]) -> GivenTarget:
    return GivenTarget(
        operations=tuple(_operation(one) for one in document["operations"]),
        pins=tuple(
            Pin(
                kind=Kind(one["kind"]),
                key=Key(one["key"]),
                undone=int(one["undone"]),
                values=load_document(orjson.dumps(one["values"]).decode()),
                asked=str(one["asked"]),
            )
            for one in document["pins"]
        ),
        unpinned=tuple((Kind(kind), Key(key)) for kind, key in document["unpinned"]),
        pinned_members=tuple(
            (Key(group), Kind(kind), Key(member), bool(is_in))
            for group, kind, member, is_in in document["pinned_members"]
        ),
        member_ids={
            (Kind(kind), Key(key)): RemoteId(ident)
            for kind, key, ident in document.get("member_ids", ())
        },
    )


def _operation_document(operation: Operation) -> dict[str, Any]:
    document = {
        "phase": int(operation.phase),
        "kind": operation.kind,
        "key": operation.key,
        "action": operation.action,
        "reason": operation.reason,
        "changes": orjson.loads(dump_changes(operation.changes)),
        "status": operation.status,
        "remote_id": operation.remote_id,
        "unique_name": operation.unique_name,
        "waits_for": operation.waits_for,
        "delete_after": operation.delete_after and operation.delete_after.isoformat(),
        "base": None if operation.base is None else orjson.loads(dump_document(operation.base)),
        "matched": list(operation.matched),
        "detail": operation.detail,
    }
    return {name: value for name, value in document.items() if value not in (None, [])}


def _operation(document: Mapping[str, Any]) -> Operation:
    remote_id, waits_for = document.get("remote_id"), document.get("waits_for")
    delete_after, base = document.get("delete_after"), document.get("base")
    return Operation(
        phase=Phase(document["phase"]),
        kind=Kind(document["kind"]),
        key=Key(document["key"]),
        action=Action(document["action"]),
        reason=str(document["reason"]),
        changes=load_changes(orjson.dumps(document.get("changes", [])).decode()),
        status=OperationStatus(document["status"]),
        remote_id=None if remote_id is None else RemoteId(remote_id),
        unique_name=document.get("unique_name"),
        waits_for=None if waits_for is None else Key(waits_for),
        delete_after=None if delete_after is None else datetime.fromisoformat(delete_after),
        base=None if base is None else load_document(orjson.dumps(base).decode()),
        matched=tuple(document.get("matched", ())),
        detail=document.get("detail"),
    )
