"""The words and signs of a plan, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping

from scimsync.formatting import printable
from scimsync.model.ids import Kind
from scimsync.model.operations import Action, JournaledOperation

SIGNS: Mapping[str, tuple[str, str]] = {
    Action.CREATE: ("+", "green"),
    Action.ADOPT: ("=", "cyan"),
    Action.UPDATE: ("~", "yellow"),
    Action.REACTIVATE: ("+", "green"),
    Action.DEACTIVATE: ("-", "red"),
    Action.DELETE: ("x", "bold red"),
    Action.ADD_MEMBERS: ("+", "green"),
    Action.REMOVE_MEMBERS: ("-", "red"),
}
"""Action -> sign and colour."""


MEMBERS_SHOWN = 20
"""The number of members of one change that are listed; the others are counted."""


def subject(entry: JournaledOperation) -> str:
    """Return the key of a user, or `group` and the key of a group."""
    return printable(entry.key) if entry.kind is Kind.USER else f"group {printable(entry.key)}"
