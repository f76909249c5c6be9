"""How two documents differ, and how that is told."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import orjson

from scimsync.model.changes import Change
from scimsync.model.ids import Document, Value
from scimsync.model.operations import Action
from scimsync.plan.model import SECRET
from scimsync.scim.attributes import same_value

SENSITIVE = frozenset({"password"})
"""Paths whose values stand in no journal, plan or link (RFC 7643 section 4.1.1: never returned)."""


def changes_between(before: Document, after: Document) -> tuple[Change, ...]:
    """What differs, in the order of `after`; then what is no longer there."""
    changed = [
        Change(path, before.get(path), value)
        for path, value in after.items()
        if path not in before or not same_value(before[path], value)
    ]
    return (
        *changed,
        *(Change(path, value, None) for path, value in before.items() if path not in after),
    )


def veil(path: str, value: Value) -> Value:
    """A sensitive value stands in documents as a digest, which is enough to see that it changed."""
    if path.rpartition(":")[2].lower() not in SENSITIVE:
        return value
    return {SECRET: hashlib.blake2b(orjson.dumps(value), digest_size=16).hexdigest()}


def describe_changes(changes: Sequence[Change]) -> str:
    """The reason of an update: which attributes changed."""
    names = [short_path(change.path) for change in changes]
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more changed" if len(names) > 3 else f"{shown} changed"


def short_path(path: str) -> str:
    """A path as people read it: without the URN of an extension."""
    return path.rpartition(":")[2] if path.lower().startswith("urn:") else path


def describe_counts(counts: Mapping[str, int]) -> str:
    """`3 create, 1 update` in the order of actions; `nothing` for none."""
    words = [f"{counts[action]} {action}" for action in Action if counts.get(action)]
    return ", ".join(words) if words else "nothing"
