"""Read a plan back from a file, to show it: one that `plan --out` saved, or a `plan --json`.

The operations are those that the file lists. Nothing in it is compared with sources or state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.memberships import member_of
from scimsync.model.operations import MEMBERSHIP_ACTIONS, Action, Operation, Phase
from scimsync.model.records import Problem
from scimsync.plan.saved import SavedPlan, load_file, no_plan
from scimsync.plan.shown_plan import ShownOperation, ShownPlan, ShownTarget

Json = Mapping[str, Any]
"""An object of a plan file."""


@dataclass(frozen=True, slots=True)
class PlanFile:
    """The content of a plan file.

    `document` is the plan in the form of `plan --json`, but that its operations may be read one by
    one. `saved` is the rest of a plan file; a `plan --json` has none.
    """

    name: str
    document: Json
    plan: ShownPlan
    saved: SavedPlan | None = None


@dataclass(frozen=True, slots=True)
class ListedOperation:
    """An operation of a plan file, beside the object that describes it."""

    document: Json
    shown: ShownOperation


def read_plan(path: Path) -> PlanFile:
    """Return the plan in a file.

    Raise ConfigError if it cannot be read, has no plan, or is not as it was written.
    """
    loaded = load_file(path)
    saved = loaded.saved
    try:
        shown = _shown(loaded.document, {} if saved is None else saved.urls)
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # JSONDecodeError too
        raise no_plan(path) from error
    return PlanFile(path.name, loaded.document, shown, saved)


def listed(document: Json) -> ListedOperation:
    """Return the operation that an object of a plan file describes.

    Raise KeyError, TypeError, AttributeError, or ValueError for anything else.
    """
    return ListedOperation(document, _operation(document))


def _shown(document: Json, urls: Mapping[str, str]) -> ShownPlan:
    targets = {
        name: _target(name, urls.get(name, ""), target)
        for name, target in document["targets"].items()
    }
    guard = document["guard"]
    return ShownPlan(
        targets=tuple(targets.values()),
        guard=() if guard is None else tuple(guard.splitlines()),
        stops=()
        if guard is None
        else tuple(
            name
            for name, target in document["targets"].items()
            if target["error"] is not None and targets[name].error is None
        ),
        problems=tuple(map(_problem, document["problems"])),
    )


def _target(name: str, url: str, target: Json) -> ShownTarget:
    for document in target["operations"]:
        _operation(document)  # raises for values that cannot be shown
    counted = target["counts"]
    counts = {action.value: _number(counted[action]) for action in Action if action in counted}
    return ShownTarget(
        name=name,
        url=url,
        counts=counts,
        operations=partial(_shown_operations, target),
        error=None if counts or target["error"] is None else str(target["error"]),
        warnings=tuple(map(str, target.get("warnings", ()))),
    )


def _shown_operations(target: Json) -> Iterator[ShownOperation]:
    return map(_operation, target["operations"])


def _operation(document: Json) -> ShownOperation:
    adoption = document.get("adoption", {})
    changes = document["changes"]
    operation = Operation(
        phase=Phase.UPDATE,  # the order is that of the file
        kind=Kind(document["kind"]),
        key=Key(_text(document["key"])),
        action=Action(document["action"]),
        reason=_text(document["reason"]),
        changes=tuple(Change(_text(one["path"]), one["before"], one["after"]) for one in changes),
        remote_id=RemoteId(_text(adoption["remote_id"])) if adoption else None,
        matched=tuple(map(_text, adoption["matched"])) if adoption else (),
    )
    return ShownOperation(operation, _names(document, operation, changes))


def _names(document: Json, operation: Operation, changes: Sequence[Json]) -> dict[Key, str]:
    names = {operation.key: _text(document["name"])} if "name" in document else {}
    if operation.action in MEMBERSHIP_ACTIONS:
        for change, one in zip(operation.changes, changes, strict=True):
            if "name" in one:
                names[member_of(change)[1]] = _text(one["name"])
    return names


def _problem(one: Json) -> Problem:
    line, key = one["line"], one["key"]
    return Problem(
        source=_text(one["source"]),
        line=None if line is None else _number(line),
        key=None if key is None else _text(key),
        detail=_text(one["detail"]),
    )


def _number(value: object) -> int:
    if type(value) is not int:  # a bool is not a number
        raise TypeError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
