"""Tell whether a resource that a search found is the linked one under a new id.

A userName or a displayName alone proves little: after an account or a group was deleted, others may
have created another one of that name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from scimsync.model.accounts import IDENTITY
from scimsync.model.ids import Document, RemoteId
from scimsync.model.persons import agree, is_another_user, is_same_user
from scimsync.scim.attributes import resource_id
from scimsync.scim.resources import project
from scimsync.targets.filter_search import SearchUndecided
from scimsync.targets.foreign_groups import is_foreign


class SingleReader(Protocol):
    """A reader of single resources at one target."""

    async def read(self, remote_id: RemoteId) -> dict[str, Any] | None:
        """Return a resource, or None for a 404."""

    async def with_members(self, resource: dict[str, Any]) -> dict[str, Any] | None:
        """Return a group that a search found with its members, or None for a 404."""


async def unless_another_user(
    reader: SingleReader, account: dict[str, Any], document: Document
) -> dict[str, Any] | None:
    """Return an account that was found under a new id, or None if it is another user's.

    `document` is what the missing account held. An equal externalId proves that it is the same one,
    and so do an equal userName and the same names. Otherwise the account is read, as lists may be
    abridged, and it is another user's if what it shows contradicts `document`. Raise
    SearchUndecided if only the externalId is equal, or if the account cannot be found by its id,
    and the errors of the sender.
    """
    shown = project(account, IDENTITY)
    remote_id = resource_id(account)
    has_same_external_id = agree("externalId", document, shown)
    if not has_same_external_id and not is_same_user(document, shown) and remote_id is not None:
        whole = await reader.read(RemoteId(remote_id))
        if whole is None:
            raise SearchUndecided(f"the user {remote_id} is found by a search, but not by its id")
        account, shown = whole, project(whole, IDENTITY)
        has_same_external_id = agree("externalId", document, shown)
    if not is_another_user(document, shown):
        return account
    if has_same_external_id:
        raise SearchUndecided(
            f"the user {remote_id} has the same externalId, but userName and all names differ"
        )
    return None


async def unless_another_group(
    reader: SingleReader,
    group: dict[str, Any],
    document: Mapping[str, object],
    put_members: Collection[RemoteId],
) -> dict[str, Any] | None:
    """Return a group that was found by its name under a new id, or None if it is another one.

    `document` is what the missing group held, and `put_members` are the ids of its members. Raise
    the errors of the sender.
    """
    found = await reader.with_members(group)
    return None if found is None or is_foreign(found, document, put_members) else found
