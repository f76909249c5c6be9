"""The words and signs of a plan, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping

from scimsync.formatting import printable
from scimsync.jsontext import printable_json
from scimsync.model.ids import Kind
from scimsync.model.operations import Action, Operation
from scimsync.plan.adoption import describe_match, is_reactivated, overwritten

SIGNS: Mapping[str, tuple[str, str]] = {
    Action.CREATE: ("+", "green"),
    Action.ADOPT: ("=", "cyan"),
    Action.UPDATE: ("~", "yellow"),
    Action.MOVE: (">", "cyan"),
    Action.REACTIVATE: ("+", "green"),
    Action.DEACTIVATE: ("-", "red"),
    Action.DELETE: ("x", "bold red"),
    Action.ADD_MEMBERS: ("+", "green"),
    Action.REMOVE_MEMBERS: ("-", "red"),
}
"""Action -> sign and colour."""


MEMBERS_SHOWN = 20
"""The number of members of one change that are listed; the others are counted."""


def adoption_notes(entry: Operation) -> list[str]:
    """Describe the account that an operation adopts, in short sentences."""
    if not entry.matched:
        return []
    matched = describe_match(entry.matched, may_be_weak=entry.kind is Kind.USER)
    notes = [f"{entry.kind.noun} {entry.remote_id} {matched}"]
    notes += [
        f"overwrites externalId {printable_json(change.before)} of another system"
        for change in overwritten(entry.changes)
        if change.path == "externalId"
    ]
    return notes + ["reactivates the account"] * is_reactivated(entry.changes)


def subject(entry: Operation, name: str | None = None) -> str:
    """Return the key of a user with the name, or `group` and the key of a group."""
    return named(entry.key, name) if entry.kind is Kind.USER else f"group {printable(entry.key)}"


def named(key: str, name: str | None) -> str:
    """Return a key with the name of its user, if it has one: `1008 (Kim Lee)`."""
    return printable(key) if name is None else f"{printable(key)} ({printable(name)})"
