"""Reading a resource before it is written back: it has to be the one that is linked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scimsync.execute.current_resource import may_hold, read_current
from scimsync.model.changes import Change
from scimsync.model.echoes import Echo
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import Action, Operation, Phase
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.targets.evidence import IdOfAnother

LINK = Link(
    Kind.USER,
    Key("1"),
    LinkStatus.ACTIVE,
    RemoteId("7"),
    {"externalId": "1", "userName": "ann@example.com"},
    echoes=(Echo("userName", "ann@example.com", "ann"),),
)
RENAMING = Operation(
    phase=Phase.UPDATE,
    kind=Kind.USER,
    key=Key("1"),
    action=Action.UPDATE,
    reason="renamed",
    changes=(Change("userName", "ann@example.com", "new@example.com"),),
    remote_id=RemoteId("7"),
)


def read(shown: dict[str, Any]) -> ScimResponse:
    class Target:
        async def send(self, request: ScimRequest) -> ScimResponse:
            return ScimResponse(200, {"id": "7", **shown})

    documents = may_hold(RENAMING, LINK)
    return asyncio.run(
        read_current(Target(), DIALECTS["rfc"], Kind.USER, RemoteId("7"), documents, set)
    )


@pytest.mark.parametrize(
    "shown",
    [
        {"externalId": "1", "userName": "ann@example.com"},
        {"externalId": "1", "userName": "renamed-by-hand@example.com"},
        {"externalId": "2", "userName": "Ann@example.com"},
        {"externalId": "2", "userName": "ann"},  # the target's own form
        {"externalId": "2", "userName": "new@example.com"},  # an earlier try was carried out
        {"userName": "other@example.com"},
    ],
)
def test_an_account_that_shows_a_known_value_is_the_linked_one(shown: dict[str, Any]) -> None:
    assert read(shown).body == {"id": "7", **shown}


def test_an_account_that_shows_the_values_of_another_is_not_written_back() -> None:
    with pytest.raises(IdOfAnother, match=r"to userName 'boss@example\.com' now") as caught:
        read({"externalId": "boss", "userName": "boss@example.com"})

    assert caught.value.before_write
