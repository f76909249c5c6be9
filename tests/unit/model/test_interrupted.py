"""What is known of resources whose operations have no outcome."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.interrupted import interrupted_links, members_in_doubt, perhaps_created
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import JournaledOperation, OperationStatus
from scimsync.model.placeholders import IdOf, RandomText

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
KEY = Key("00001")
SENT, PLANNED = OperationStatus.SENT, OperationStatus.PLANNED
NAMED = (Change("userName", None, "ann"), Change("title", "x", None))
LINKED = Link(Kind.USER, KEY, LinkStatus.ACTIVE, RemoteId("id-1"), {"userName": "ann"})
PENDING = Link(Kind.USER, KEY, LinkStatus.PENDING)


def operation(action: str, status: OperationStatus = SENT, **more: Any) -> JournaledOperation:
    given = {"kind": Kind.USER, "key": KEY, "changes": NAMED, **more}
    return JournaledOperation(
        id=1, run=1, target="wiki", phase=10, action=action, reason="", status=status, **given
    )


@pytest.mark.parametrize(
    ("one", "known", "status", "in_doubt", "document"),
    [
        # never sent: due, and nothing is in doubt
        (operation("create", PLANNED), None, LinkStatus.PENDING, False, {}),
        (operation("update", PLANNED), LINKED, LinkStatus.ACTIVE, False, {"userName": "ann"}),
        # a change that may have had its effect
        (operation("update"), LINKED, LinkStatus.ACTIVE, True, {"userName": "ann"}),
        # a creation: found again by what was sent
        (operation("create"), None, LinkStatus.PENDING, True, {"userName": "ann"}),
        (operation("create"), PENDING, LinkStatus.PENDING, True, {"userName": "ann"}),
        # ... unless the account is linked already
        (operation("create"), LINKED, LinkStatus.ACTIVE, True, {"userName": "ann"}),
        # a change of members says nothing of the group itself
        (operation("add_members"), LINKED, LinkStatus.ACTIVE, False, {"userName": "ann"}),
        # without an account there is nothing to read
        (operation("delete"), PENDING, LinkStatus.PENDING, False, {}),
    ],
)
def test_an_interrupted_operation(
    one: JournaledOperation,
    known: Link | None,
    status: LinkStatus,
    in_doubt: bool,
    document: dict[str, Any],
) -> None:
    links = {} if known is None else {KEY: known}
    (link,) = interrupted_links(Kind.USER, [one], links, NOW)
    assert link.next_try_at == NOW
    assert (link.status, link.in_doubt, link.document) == (status, in_doubt, document)


def test_what_an_adoption_would_have_changed_is_looked_for_at_its_account() -> None:
    link = perhaps_created(None, operation("adopt", remote_id=RemoteId("id-9")))
    assert (link.remote_id, link.document, link.in_doubt) == ("id-9", {"userName": "ann"}, True)


def test_placeholders_are_looked_for_by_nothing() -> None:
    changes = (
        Change("userName", None, "ann"),
        Change("nickName", None, RandomText(9)),
        Change("manager.value", None, IdOf(Key("2"))),
    )
    link = perhaps_created(PENDING, operation("create", changes=changes))
    assert link.document == {"userName": "ann"}


def test_several_operations_of_one_resource_make_one_link() -> None:
    both = [operation("update", PLANNED), operation("deactivate")]
    (link,) = interrupted_links(Kind.USER, both, {KEY: LINKED}, NOW)
    assert link.in_doubt


def test_members_of_sent_operations_are_in_doubt() -> None:
    change = Change("members", None, "00002")
    some = [
        operation("add_members", kind=Kind.GROUP, key=Key("g"), changes=(change,)),
        operation("add_members", PLANNED, kind=Kind.GROUP, key=Key("g"), changes=(change,)),
        operation("update", kind=Kind.GROUP, key=Key("g")),
    ]
    assert members_in_doubt(some) == [("g", Kind.USER, "00002")]
