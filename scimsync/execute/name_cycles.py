"""Users or groups that wait for the names of each other: find them, and free a name.

The names are userNames of users, and displayNames of groups.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from scimsync.model.changes import Change
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Document, Key, Value, fold_name
from scimsync.model.operations import JournaledOperation


def first_on_cycle(
    operations: Sequence[JournaledOperation], renamed: Container[Key], *, may_go_on: bool
) -> JournaledOperation | None:
    """Return the first of the operations that wait for each other in a cycle, or None.

    If further operations follow these (`may_go_on`), a chain that leaves them may be a cycle too.
    Resources that are `renamed` no longer block others.
    """
    by_key = {operation.key: operation for operation in operations}
    perhaps = None
    for operation in operations:
        if operation.key in renamed or operation.waits_for not in by_key:
            continue
        seen = {operation.key}
        following: Key | None = operation.waits_for
        while following in by_key and following not in seen:
            seen.add(following)
            following = by_key[following].waits_for
        if following == operation.key:
            return operation
        if perhaps is None and following is not None and following not in by_key:
            perhaps = operation
    return perhaps if may_go_on else None


def stepping_aside(
    operation: JournaledOperation, held: Document, prefix: str
) -> tuple[Change, ...]:
    """Return the changes that free the name, and the e-mail addresses that a user gives up."""
    given_up = [
        change.path for change in operation.changes if change.path.lower().startswith("emails")
    ]
    changes = (
        Change(path, held[path], _with_prefix(held[path], prefix))
        for path in dict.fromkeys([unique_of(operation), *given_up])
        if path in held
    )
    return tuple(change for change in changes if change.before != change.after)


def _with_prefix(value: Value, prefix: str) -> Value:
    """Return a name or address, or each address of a list, with a prefix."""
    if isinstance(value, str):
        return prefix + value
    if not isinstance(value, list):
        return value
    return [
        one | {"value": prefix + one["value"]}
        if isinstance(one, dict) and isinstance(one.get("value"), str)
        else one
        for one in value
    ]


def unique_of(operation: JournaledOperation) -> str:
    """Return the attribute that holds the name of the resource of an operation."""
    return UNIQUE_ATTRIBUTE[operation.kind]


def new_name(operation: JournaledOperation) -> str | None:
    """Return the folded name that an operation gives a user or group, or None if it gives none."""
    changed = (change for change in operation.changes if change.path == unique_of(operation))
    return next((fold_name(change.after) for change in changed), None)
