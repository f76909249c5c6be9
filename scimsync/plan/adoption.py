"""Which resources that exist already may be taken over, and how well an account matches."""

from __future__ import annotations

from collections.abc import Sequence

from scimsync.desired.groups import name_of
from scimsync.model.accounts import IDENTITY, Account
from scimsync.model.changes import Change
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Document, Key, Kind
from scimsync.model.persons import agree, is_another_user
from scimsync.plan.candidates import Policy
from scimsync.plan.document_diff import short_path

OTHER_NAMES = "other names"
"""Among the attributes by which an account matches: its userName and all its names differ."""

_NAME = ("name.familyName", "name.givenName")


def why_not_adopted(policy: Policy, kind: Kind, key: Key, found_by: str) -> str | None:
    """Return why `key` must not take over a resource that exists, or None if it may.

    Groups are taken over only where their table says so, and only those that its `match` finds. A
    group that has the displayName alone keeps scimsync from creating a second one.
    """
    if kind is Kind.USER:
        return None
    name = name_of(key)
    table = f"[targets.{policy.target}.groups.{name}]"
    if name not in policy.adopting:
        return f"to take it over, set adopt = true in {table}"
    if found_by not in policy.adopting[name]:
        return f"to take it over, add {found_by} to match in {table}"
    return None


def searched_by(match: Sequence[str]) -> tuple[str, ...]:
    """Return the attributes to search groups by: no two may have one displayName."""
    return tuple(dict.fromkeys([*match, UNIQUE_ATTRIBUTE[Kind.GROUP]]))


def matched_by(wanted: Document, account: Account) -> tuple[str, ...]:
    """Return the attributes by which an account matches a document.

    These are the one by which it was found, and those of externalId, userName, name (family and
    given name) and displayName that agree.
    """
    agreeing = {path for path in IDENTITY if agree(path, wanted, account.identity)}
    found = {account.found_by: None}
    found |= dict.fromkeys(path for path in ("externalId", "userName") if path in agreeing)
    if agreeing.issuperset(_NAME):
        found["name"] = None
    if "displayName" in agreeing:
        found["displayName"] = None
    if "externalId" in agreeing and is_another_user(wanted, account.identity):
        found[OTHER_NAMES] = None
    return tuple(found)


def is_weak(matched: Sequence[str]) -> bool:
    """Return whether an account that matches by these attributes may belong to someone else.

    It is not with an equal externalId, or with an equal userName and the same name. An account
    without `matched` is one that scimsync created.
    """
    if OTHER_NAMES in matched:
        return True
    named = "name" in matched or "displayName" in matched
    return bool(matched) and "externalId" not in matched and not ("userName" in matched and named)


def describe_match(matched: Sequence[str], *, may_be_weak: bool) -> str:
    """Return by which attributes a resource matches, in words. Groups are never weak matches."""
    by = ", ".join(short_path(path) for path in matched if path != OTHER_NAMES)
    only = " only" if may_be_weak and is_weak(matched) else ""
    but = ", but userName and all names differ" if OTHER_NAMES in matched else ""
    return f"matches by {by}{only}{but}"


def overwritten(changes: Sequence[Change]) -> list[Change]:
    """Return the changes of an adoption that replace or remove a value of the account."""
    return [change for change in changes if change.before is not None and change.path != "active"]


def is_reactivated(changes: Sequence[Change]) -> bool:
    """Return whether an adoption reactivates a deactivated account."""
    return any(
        change.path == "active" and change.before is False and change.after is True
        for change in changes
    )
