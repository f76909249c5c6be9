"""Read a resource that is written or was written, and check whose it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence

from scimsync.model.ids import Document, Kind, RemoteId
from scimsync.model.links import Link
from scimsync.model.operations import MEMBERSHIP_ACTIONS, Operation
from scimsync.scim.dialects import Dialect
from scimsync.scim.messages import ScimRequest, ScimResponse, Sender
from scimsync.targets.shown_resources import (
    check_members_shown,
    check_owner,
    check_read,
    check_whole,
)


def may_hold(operation: Operation, link: Link | None) -> list[Document]:
    """Return what the resource of an operation may hold, before it or after it."""
    documents = [] if link is None else link.may_hold
    if operation.base is not None:
        documents.append(operation.base)
    if operation.action not in MEMBERSHIP_ACTIONS:
        documents.append({change.path: change.after for change in operation.changes})
    return documents


async def read_resource(
    send: Callable[[ScimRequest], Awaitable[ScimResponse]],
    dialect: Dialect,
    kind: Kind,
    remote_id: RemoteId,
    documents: Sequence[Document],
    *,
    before_write: bool,
) -> ScimResponse:
    """Return the response that shows a resource, which may hold `documents`.

    Raise RequestError, including for a response that shows none or another one, and IdOfAnother
    if the id was given to someone else. `before_write` says that nothing was sent about it yet.
    """
    request = dialect.read(kind, remote_id)
    response = await send(request)
    check_read(request, response, remote_id)
    check_owner(request, response.body, kind, documents, before_write=before_write)
    return response


async def read_current(
    sender: Sender,
    dialect: Dialect,
    kind: Kind,
    remote_id: RemoteId,
    documents: Sequence[Document],
    known_members: Callable[[], Collection[str]],
) -> ScimResponse:
    """Return the response that shows a resource as a whole, so that it can be written back.

    `known_members` returns the remote ids that a group is known to have. Raise as `read_resource`
    does, including for a response that shows only a part. IdOfAnother says that nothing was written
    before.
    """
    response = await read_resource(
        sender.send, dialect, kind, remote_id, documents, before_write=True
    )
    current = response.body or {}
    check_whole(kind, remote_id, current)
    if kind is Kind.GROUP:
        check_members_shown(known_members(), current)
    return response
