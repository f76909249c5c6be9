"""What differs between users and groups where decisions follow the same rules."""

from __future__ import annotations

from dataclasses import dataclass

from scimsync.model.ids import UNIQUE_ATTRIBUTE, Kind
from scimsync.model.operations import Phase


@dataclass(frozen=True, slots=True)
class Traits:
    """The differences between kinds of resources: the words of reasons, and the phases."""

    kind: Kind
    noun: str
    holder: str
    leave: Phase
    delete: Phase
    update: Phase
    create: Phase
    reference: Phase

    @property
    def unique(self) -> str:
        """The attribute that no two resources of this kind share."""
        return UNIQUE_ATTRIBUTE[self.kind]


USERS = Traits(
    kind=Kind.USER,
    noun="account",
    holder="the account of",
    leave=Phase.LEAVE,
    delete=Phase.DELETE,
    update=Phase.UPDATE,
    create=Phase.CREATE,
    reference=Phase.REFERENCE,
)

GROUPS = Traits(
    kind=Kind.GROUP,
    noun="group",
    holder="the group",
    leave=Phase.GROUP,
    delete=Phase.DELETE_GROUP,
    update=Phase.GROUP,
    create=Phase.GROUP,
    reference=Phase.GROUP,
)
