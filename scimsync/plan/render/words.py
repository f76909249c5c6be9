"""How actions and values look in a plan, on whatever it is shown."""

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
"""More members of one change than anybody reads are counted."""


def subject(entry: JournaledOperation) -> str:
    """Whom an operation is about: the key of a person, or of a group with that word before it."""
    return printable(entry.key) if entry.kind is Kind.USER else f"group {printable(entry.key)}"
