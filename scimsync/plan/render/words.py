"""How actions and values look in a plan, on whatever it is shown."""

from __future__ import annotations

from collections.abc import Mapping

from scimsync.jsontext import json_text
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


def in_words(value: object, *, quoted: bool = False) -> str:
    """A value in one line that no terminal obeys; `quoted` as JSON."""
    text = json_text(value) if quoted else str(value)
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def subject(entry: JournaledOperation) -> str:
    """Whom an operation is about: the key of a person, or of a group with that word before it."""
    return in_words(entry.key) if entry.kind is Kind.USER else f"group {in_words(entry.key)}"
