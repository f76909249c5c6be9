"""How two documents differ, and how that is described."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import orjson

from scimsync.errors import coded
from scimsync.formatting import plural
from scimsync.model.changes import Change
from scimsync.model.ids import Document, Key, Value
from scimsync.model.operations import Action
from scimsync.model.placeholders import SecretValue
from scimsync.scim.attributes import same_value

_FIRST = 5
"""The number of users that a remark names."""

SENSITIVE = frozenset({"password"})
"""Paths with values that no journal, plan or link has (RFC 7643 section 4.1.1: never returned)."""


def changes_between(before: Document, after: Document) -> tuple[Change, ...]:
    """Return what differs, in the order of `after`, then what is no longer there."""
    changed = [
        Change(path, before.get(path), value)
        for path, value in after.items()
        if path not in before or not same_value(before[path], value)
    ]
    removed = [Change(path, value, None) for path, value in before.items() if path not in after]
    return (*changed, *removed)


def hide_sensitive(path: str, value: Value) -> Value:
    """Return a placeholder for a sensitive value, and any other value as it is."""
    if path.rpartition(":")[2].lower() not in SENSITIVE:
        return value
    return SecretValue(hashlib.blake2b(orjson.dumps(value), digest_size=16).hexdigest())


def describe_changes(changes: Sequence[Change]) -> str:
    """Return the reason of an update: which attributes changed."""
    names = [short_path(change.path) for change in changes]
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more changed" if len(names) > 3 else f"{shown} changed"


def short_path(path: str) -> str:
    """Return a path without the URN of an extension."""
    return path.rpartition(":")[2] if path.lower().startswith("urn:") else path


def describe_counts(counts: Mapping[str, int]) -> str:
    """Return `3 create, 1 update`, in the order of actions, or `no changes`."""
    words = [f"{counts[action]} {action}" for action in Action if counts.get(action)]
    return ", ".join(words) if words else "no changes"


def protected_accounts(found: Mapping[Key, str]) -> Iterator[str]:
    """Yield the remark that users out of scope have an account which is protected, if any have."""
    if found:
        first = "; ".join(f"{key}: {why}" for key, why in list(found.items())[:_FIRST])
        more = f"; and {len(found) - _FIRST:,} more" if len(found) > _FIRST else ""
        number = plural(len(found), "user out of scope has", "users out of scope have")
        text = f"{number} an account that is protected and stays as it is: {first}{more}"
        yield coded(text, "SYNC-0389")


def nameless_references(
    sources: Sequence[str], path: str, missing: int, total: int, by: str | None = None
) -> str:
    """Return the warning that most references at `path` match no record.

    `by` is the expression over the other record if the reference is not to its key.
    """
    where = f"source {sources[0]}" if len(sources) == 1 else f"sources {', '.join(sources)}"
    what = "a reference is the key of a record" if by is None else f"no record has that {by}"
    text = (
        f"{short_path(path)}: {missing:,} of {total:,} references "
        f"match no record in {where}; {what},"
        " and these are left out"
    )
    return coded(text, "SYNC-0164")
