"""Sends the changes of one group's members, so that one whom the target refuses keeps nobody else
out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.operations import JournaledOperation
from scimsync.plan.groups import member_of
from scimsync.plan.requests import shape_members
from scimsync.scim.attributes import read
from scimsync.scim.dialects import Dialect
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.messages import ScimRequest
from scimsync.targets.connection import TargetConnection

MOST_SPLITS = 40
"""So often the members of a refused request are sent in halves: enough to find two among a
thousand."""


@dataclass(slots=True)
class MemberSending:
    """How far the members of one operation have come: changes that are `done` and that are
    `refused`, `why`, and the `request` that was sent last. `ids` are the remote ids of the
    members."""

    channel: TargetConnection
    dialect: Dialect
    entry: JournaledOperation
    group: RemoteId
    ids: Mapping[tuple[Kind, Key], RemoteId]
    request: ScimRequest | None = None
    done: list[Change] = field(default_factory=list)
    refused: list[Change] = field(default_factory=list)
    why: ErrorResponse | None = None
    splits: int = 0

    async def send(self, changes: Sequence[Change]) -> None:
        """Sends what `changes` need. Where the target refuses, the group is read: what is as it
        should be needs nothing, and of the rest one member after the other is found that is
        refused, so that the others come in. Raises RequestError."""
        self.request = request = shape_members(
            self.dialect, self.group, changes, lambda kind, key: self.ids.get((kind, key))
        )
        try:
            if request is not None:
                await self.channel.send(request)
        except ErrorResponse as error:
            if error.kind not in (ErrorKind.REFUSED, ErrorKind.CONFLICT, ErrorKind.NOT_FOUND):
                raise
            held = await self._held()  # 404: it is the group that is gone
            needed = changes
            if held is not None:
                needed = [
                    one
                    for one in changes
                    if (self.ids.get(member_of(one)[:2]) in held) != member_of(one)[2]
                ]
                self.done += [one for one in changes if one not in needed]
            self.splits += 1
            if len(needed) == 1 or self.splits > MOST_SPLITS:
                self.refused += needed
                self.why = self.why or error
            elif len(needed) < len(changes):
                if needed:
                    await self.send(needed)
            else:
                half = len(needed) // 2
                await self.send(needed[:half])
                await self.send(needed[half:])
        else:
            self.done += changes

    async def _held(self) -> set[str] | None:
        """The ids of the members that the target says the group has; None where it does not
        tell."""
        answer = await self.channel.send(self.dialect.read(self.entry.kind, self.group))
        members = read(answer.body or {}, "members")
        if not isinstance(members, list):
            return None
        return {str(read(one, "value")) for one in members if isinstance(one, dict)}
