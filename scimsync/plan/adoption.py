"""Which resources that exist already may be taken over."""

from __future__ import annotations

from scimsync.desired.groups import name_of
from scimsync.model.ids import Key, Kind
from scimsync.plan.candidates import Policy


def why_not_adopted(policy: Policy, kind: Kind, key: Key) -> str | None:
    """Return why `key` must not take over a resource that exists, or None if it may.

    Groups are taken over only where their table says so.
    """
    name = name_of(key)
    if kind is Kind.USER or name in policy.adopting:
        return None
    table = f"[targets.{policy.target}.groups.{name}]"
    return f"to take it over, set adopt = true in {table}"
