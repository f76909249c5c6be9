"""Steps that the sequences of several providers share."""

from __future__ import annotations

from typing import Literal

from scimsync.probe.judges import accepted, active, status
from scimsync.probe.sequence import GROUPS, USERS, Judge, Query, Send, Step, expect, then
from scimsync.probe.sequences.bodies import Json, operation, patch


def change(
    name: str,
    resource: str,
    operations: list[Json],
    check: str,
    *judges: Judge,
    needs: tuple[str, ...] = (),
    query: Query = (),
    feature: str | None = None,
) -> Step:
    """Return a PATCH. `check` is passed if it is accepted and the resource is right after it.

    Without `judges`, the resource is not read back. A resource called `group` is a group.
    """
    return Step(
        name,
        Send("PATCH", _path(resource), patch(*operations), query),
        (expect(check, accepted),),
        then=then(resource, expect(check, *judges)) if judges else None,
        needs=needs,
        part=_part(resource),
        feature=feature,
    )


def deactivate(name: str) -> Step:
    """Return the PATCH that deactivates `user`, who is shown as inactive after it."""
    return Step(
        name,
        Send("PATCH", _path("user"), patch(operation("replace", "active", False))),
        (expect("deactivate", accepted),),
        then=then(
            "user", expect("inactive-shown", status(200)), expect("deactivate", active(False))
        ),
    )


def delete(name: str, resource: str, judge: Judge) -> Step:
    """Return the DELETE of `user` or `group`, which does not exist after it."""
    check = "group-delete" if resource == "group" else "delete"
    return Step(
        name,
        Send("DELETE", _path(resource)),
        (expect(check, judge),),
        then=then(resource, expect(check, status(404))),
        part=_part(resource),
    )


def _path(resource: str) -> str:
    """Return the path of a resource, with a placeholder for its id."""
    return f"{GROUPS if resource == 'group' else USERS}/{{{resource}}}"


def _part(resource: str) -> Literal["users", "groups"]:
    return "groups" if resource == "group" else "users"
