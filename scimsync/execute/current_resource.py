"""Read a resource if its requests depend on its current values."""

from __future__ import annotations

from collections.abc import Callable, Collection

from scimsync.model.ids import Kind, RemoteId
from scimsync.scim.dialects import Dialect
from scimsync.scim.messages import ScimResponse, Sender
from scimsync.targets.shown_resources import check_members_shown, check_read, check_whole


async def read_resource(
    sender: Sender, dialect: Dialect, kind: Kind, remote_id: RemoteId
) -> ScimResponse:
    """Return the response that shows a resource.

    Raise RequestError, including for a response that shows none or another one.
    """
    request = dialect.read(kind, remote_id)
    response = await sender.send(request)
    check_read(request, response, remote_id)
    return response


async def read_current(
    sender: Sender,
    dialect: Dialect,
    kind: Kind,
    remote_id: RemoteId,
    known_members: Callable[[], Collection[str]],
) -> ScimResponse:
    """Return the response that shows a resource as a whole, so that it can be written back.

    `known_members` returns the remote ids that a group is known to have. Raise RequestError,
    including for a response that shows only a part, or another resource.
    """
    response = await read_resource(sender, dialect, kind, remote_id)
    current = response.body or {}
    check_whole(kind, remote_id, current)
    if kind is Kind.GROUP:
        check_members_shown(known_members(), current)
    return response
