"""Which Security Event Token an operation is, claim by claim (RFC 8417, RFC 9967)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scimsync.audit.events.claims import claims_of, events_of
from scimsync.audit.events.token import Signer, jti_of
from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.operations import (
    Action,
    Confirmation,
    JournaledOperation,
    OperationStatus,
    Phase,
)
from scimsync.state.pending_events import PendingEvent
from tests.security_events import AUDIENCE, ISSUER, KEY, PREFIX, verified

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
SECONDS = 1772438400
NAME = Change("displayName", "Kim Lee", "Kim Park")
MAIL = Change('emails[type eq "work"].value', None, "kim@example.com")
OFF, ON = Change("active", True, False), Change("active", False, True)
MEMBER = Change("members", None, "00001")


def request(*methods: str) -> str:
    return json.dumps(
        [{"method": method, "path": "/Users/7", "body": {"a": 1}} for method in methods]
    )


PATCH, PUT, POST, DELETE = request("PATCH"), request("PUT"), request("POST"), request("DELETE")
UPDATE = JournaledOperation(
    id=345,
    run=12,
    target="wiki",
    phase=Phase.UPDATE,
    kind=Kind.USER,
    key=Key("1005"),
    action=Action.UPDATE,
    reason="",
    changes=(NAME,),
    status=OperationStatus.APPLIED,
    remote_id=RemoteId("2819c223"),
    request=PATCH,
    planned_at=AT,
    sent_at=AT + timedelta(seconds=1),
    done_at=AT + timedelta(seconds=2),
)
EVENT = PendingEvent(UPDATE, AT + timedelta(seconds=3), external_id="1005", version='W/"3"')


def done(action: Action, *changes: Change, sent: str = PATCH, **more: Any) -> JournaledOperation:
    return replace(UPDATE, action=action, changes=changes, request=sent, **more)


def notice(word: str, *attributes: str) -> dict[str, Any]:
    return {f"{word}:notice": {"attributes": list(attributes)}}


OPERATIONS: dict[str, tuple[JournaledOperation, dict[str, Any]]] = {
    "creation": (
        done(Action.CREATE, NAME, ON, sent=POST),
        notice("create", "id", "displayName", "active"),
    ),
    "change": (done(Action.UPDATE, NAME, MAIL), notice("patch", NAME.path, MAIL.path)),
    "change by PUT": (done(Action.UPDATE, NAME, sent=PUT), notice("put", "displayName")),
    "change in two requests": (
        done(Action.UPDATE, NAME, MAIL, sent=request("PATCH", "PATCH")),
        notice("patch", NAME.path, MAIL.path),
    ),
    "adoption with changes": (done(Action.ADOPT, NAME), notice("patch", "displayName")),
    "move with changes": (done(Action.MOVE, NAME), notice("patch", "displayName")),
    "deactivation": (done(Action.DEACTIVATE, OFF), {"deactivate": {}}),
    "deactivation by a product's own attribute": (
        done(Action.DEACTIVATE, NAME),
        {"deactivate": {}, **notice("patch", "displayName")},
    ),
    "deactivation with other changes": (
        done(Action.DEACTIVATE, OFF, NAME),
        {"deactivate": {}, **notice("patch", "active", "displayName")},
    ),
    "deactivation by an update": (done(Action.UPDATE, OFF), {"deactivate": {}}),
    "deactivation of an account that was gone": (
        done(Action.DEACTIVATE, OFF, confirmed_by=Confirmation.SEARCH),
        {"delete": {}},
    ),
    "reactivation": (done(Action.REACTIVATE, ON), {"activate": {}}),
    "reactivation with other changes by PUT": (
        done(Action.REACTIVATE, ON, NAME, sent=PUT),
        {"activate": {}, **notice("put", "active", "displayName")},
    ),
    "active that was not known before": (
        done(Action.UPDATE, Change("active", None, True)),
        notice("patch", "active"),
    ),
    "deletion": (done(Action.DELETE, sent=DELETE), {"delete": {}}),
    "deletion that a deactivation took the place of": (
        done(
            Action.DELETE,
            status=OperationStatus.FAILED,
            http_status=405,
            confirmed_by=Confirmation.STATUS,
        ),
        {"deactivate": {}},
    ),
    "members added": (
        done(Action.ADD_MEMBERS, MEMBER, kind=Kind.GROUP),
        notice("patch", "members"),
    ),
    "members removed by PUT": (
        done(Action.REMOVE_MEMBERS, MEMBER, kind=Kind.GROUP, sent=PUT),
        notice("put", "members"),
    ),
    "deletion of a group": (done(Action.DELETE, sent=DELETE, kind=Kind.GROUP), {"delete": {}}),
}


@pytest.mark.parametrize("case", OPERATIONS)
def test_an_operation_is_the_event_of_what_it_did(case: str) -> None:
    operation, expected = OPERATIONS[case]
    assert events_of(operation) == {f"{PREFIX}{name}": one for name, one in expected.items()}


def test_a_token_has_these_claims() -> None:
    claims = claims_of(EVENT, ISSUER, [AUDIENCE])
    assert claims == {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": SECONDS + 3,
        "jti": "6a1c63402cc35889b39ad0a641634678",
        "txn": "12.345.6a1c6340",
        "toe": SECONDS + 2,
        "sub_id": {"format": "scim", "uri": "/Users/2819c223", "externalId": "1005"},
        "events": {f"{PREFIX}patch:notice": {"attributes": ["displayName"], "version": 'W/"3"'}},
        "scimsync_target": "wiki",
    }


def test_several_audiences_are_a_list_and_none_is_no_claim() -> None:
    several = claims_of(EVENT, ISSUER, [AUDIENCE, "other"])
    nobody = claims_of(EVENT, ISSUER, [])
    assert several is not None
    assert nobody is not None
    assert several["aud"] == [AUDIENCE, "other"]
    assert "aud" not in nobody


def test_a_group_is_named_by_its_path_and_an_id_is_encoded() -> None:
    group = replace(UPDATE, kind=Kind.GROUP, remote_id=RemoteId("a/b c"))
    claims = claims_of(PendingEvent(group, AT), ISSUER, [])
    assert claims is not None
    assert claims["sub_id"] == {"format": "scim", "uri": "/Groups/a%2Fb%20c"}


def test_what_a_later_read_showed_happened_when_the_request_was_sent() -> None:
    read = replace(UPDATE, status=OperationStatus.SKIPPED, confirmed_by=Confirmation.READ)
    claims = claims_of(replace(EVENT, operation=read), ISSUER, [])
    assert claims is not None
    assert claims["toe"] == SECONDS + 1


@pytest.mark.parametrize(
    "change",
    [{"id": 346}, {"run": 13}, {"target": "chat"}, {"planned_at": AT + timedelta(days=1)}],
    ids=str,
)
def test_each_operation_has_a_number_of_its_own(change: dict[str, Any]) -> None:
    other = replace(EVENT, operation=replace(UPDATE, **change))
    one, two, again = (claims_of(event, ISSUER, []) for event in (EVENT, other, EVENT))
    assert one is not None
    assert two is not None
    assert one == again
    assert len({one["jti"], two["jti"]}) == len({one["txn"], two["txn"]}) == 2


def test_no_value_of_a_change_is_in_a_token() -> None:
    for operation, _ in OPERATIONS.values():
        text = json.dumps(claims_of(replace(EVENT, operation=operation), ISSUER, []))
        assert "Kim" not in text
        assert "kim@" not in text


@pytest.mark.parametrize(
    "operation",
    [
        replace(UPDATE, changes=()),
        replace(UPDATE, remote_id=None),
        replace(UPDATE, remote_id=RemoteId("..")),
    ],
    ids=["nothing changed", "no id", "an id that is no path"],
)
def test_there_is_no_token_without_a_subject_or_a_change(operation: JournaledOperation) -> None:
    assert claims_of(replace(EVENT, operation=operation), ISSUER, []) is None


GOLDEN = (
    "eyJhbGciOiJFZERTQSIsInR5cCI6InNlY2V2ZW50K2p3dCIsImtpZCI6ImEwNTA4MzdkODUwNzA1ODJjY2Y3Mzk0"
    "YjA5ODg4NDdjYzMxMmNiODgyNTliODk0ODk5ZjZmMjM5Y2YxNzkxYTUifQ."
    "eyJpc3MiOiJodHRwczovL3NjaW1zeW5jLmV4YW1wbGUuY29tIiwiYXVkIjoiaHR0cHM6Ly9zaWVtLmV4YW1wbGUu"
    "Y29tIiwiaWF0IjoxNzcyNDM4NDAzLCJqdGkiOiI2YTFjNjM0MDJjYzM1ODg5YjM5YWQwYTY0MTYzNDY3OCIsInR4"
    "biI6IjEyLjM0NS42YTFjNjM0MCIsInRvZSI6MTc3MjQzODQwMiwic3ViX2lkIjp7ImZvcm1hdCI6InNjaW0iLCJ1"
    "cmkiOiIvVXNlcnMvMjgxOWMyMjMiLCJleHRlcm5hbElkIjoiMTAwNSJ9LCJldmVudHMiOnsidXJuOmlldGY6cGFy"
    "YW1zOnNjaW06ZXZlbnQ6cHJvdjpwYXRjaDpub3RpY2UiOnsiYXR0cmlidXRlcyI6WyJkaXNwbGF5TmFtZSJdLCJ2"
    "ZXJzaW9uIjoiVy9cIjNcIiJ9fSwic2NpbXN5bmNfdGFyZ2V0Ijoid2lraSJ9."
    "lvcXcRx9fk5lXou7D_gaGfdta2JzQwOCE2hiNGAHtUDHpdHAL_ZiBgTdZljZ1d1gmM6Pp_YtOfEB2bqdInInBA"
)
"""The header, the claims, and the signature of this token."""


def test_a_token_is_the_same_byte_by_byte() -> None:
    claims = claims_of(EVENT, ISSUER, [AUDIENCE])
    assert claims is not None
    token = Signer(KEY).sign(claims)
    assert token.decode() == GOLDEN
    assert verified(token) == claims
    assert jti_of(token) == claims["jti"]


@pytest.mark.parametrize("text", [b"", b"no token", b"a.b.c", b"eyJh.bm8.c", b"\xff.\xff.\xff"])
def test_what_is_no_token_has_no_number(text: bytes) -> None:
    assert jti_of(text) is None
