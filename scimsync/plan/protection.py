"""Accounts that `protect` in sync.toml keeps out of reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scimsync.errors import coded
from scimsync.model.ids import Document, Key, Kind, RemoteId
from scimsync.model.links import Link
from scimsync.model.memberships import Membership
from scimsync.model.operations import Action
from scimsync.model.placeholders import IdOf, RandomText, SecretValue
from scimsync.plan.candidates import Policy
from scimsync.plan.protocols import PlanningState
from scimsync.scim.filter_matching import matches
from scimsync.scim.grammar import PathError
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.resources import build

_PAST = {
    Action.ADOPT: "adopted",
    Action.UPDATE: "changed",
    Action.DEACTIVATE: "deactivated",
    Action.REACTIVATE: "reactivated",
    Action.DELETE: "deleted",
}
"""The actions that never apply to a protected account, as messages word them."""


def protected_by(policy: Policy, kind: Kind, resource: Mapping[str, Any]) -> str | None:
    """Return the filter of `protect` that a resource of the target matches, or None.

    Groups are never protected: they are adopted only on request.
    """
    if kind is Kind.GROUP:
        return None
    return next((str(one) for one in policy.protect if matches(one, resource)), None)


def document_protected_by(policy: Policy, kind: Kind, document: Document) -> str | None:
    """Return the filter of `protect` that a user with a document matches, or None."""
    return protected_by(policy, kind, _resource(document))


def link_protected_by(policy: Policy, link: Link) -> str | None:
    """Return the filter of `protect` that the acknowledged document of a user matches, or None."""
    if not policy.protect or link.kind is Kind.GROUP or not link.has_account:
        return None
    return protected_by(policy, link.kind, _resource(link.document) | {"id": link.remote_id})


def protected_keys(policy: Policy, state: PlanningState, keys: Sequence[Key]) -> dict[Key, str]:
    """Return those of the users `keys` whose linked account is protected, with the filter."""
    if not policy.protect or not keys:
        return {}
    links = state.links(Kind.USER, keys).items()
    found = {key: link_protected_by(policy, link) for key, link in links}
    return {key: condition for key, condition in found.items() if condition is not None}


def why_protected(condition: str | None, remote_id: RemoteId | None, action: Action) -> str | None:
    """Return why an action on an account that `condition` protects is not carried out.

    Return None if nothing protects it, and for a creation.
    """
    if condition is None or action not in _PAST:
        return None
    why = f"protected by {condition}: the account {remote_id} is not {_PAST[action]}"
    return coded(why, "SYNC-0361")


def why_member_protected(condition: str, membership: Membership) -> str:
    """Return why a member is neither added to a group nor removed from it."""
    done = "added to" if membership.effective else "removed from"
    why = f"protected by {condition}: not {done} the group {membership.group}"
    return coded(why, "SYNC-0361")


def _resource(document: Document) -> dict[str, Any]:
    """Return the resource with the values of a document, as far as they fit together."""
    schema = RESOURCE_TYPES[Kind.USER].schema
    values = {
        path: value
        for path, value in document.items()
        if not isinstance(value, (IdOf, RandomText, SecretValue))
    }
    try:
        return build(values, schema)
    except PathError:  # an attribute both as a whole and in parts
        whole: dict[str, Any] = {}
        for path, value in values.items():
            whole |= build({path: value}, schema)
        return whole
