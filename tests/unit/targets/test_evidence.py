"""What each kind of answer proves: a row for each kind, and how answers are told apart."""

from __future__ import annotations

import pytest

from scimsync.model.changes import Change, takes_access
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.listing import ListingError
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.targets.evidence import (
    TABLE,
    VERDICT_MEANINGS,
    Answer,
    OutcomeUnknown,
    Purpose,
    UnprovenResponse,
    Verdict,
    answer_of,
    may_have_had_effect,
    purpose_of,
    verdict,
)
from scimsync.targets.shown_resources import (
    check_change,
    check_members,
    check_members_shown,
)
from scimsync.transport.request_errors import (
    InvalidRequest,
    InvalidResponse,
    NoResponse,
    RequestError,
)

PATCH = ScimRequest("PATCH", "/Users/7", {})
LOST = NoResponse("broken", may_have_had_effect=True)


def page(status: int) -> InvalidResponse:
    return InvalidResponse("a page", status=status, content_type="text/html")


ROWS = {
    Answer.SUCCESS: "done done done done done",
    Answer.NO_BODY: "unknown done done unknown unknown",
    Answer.ACCEPTED: "unknown unknown unknown unknown unknown",
    Answer.OTHER_RESOURCE: "unknown unknown unknown unknown unknown",
    Answer.CONTRADICTION: "refused refused done done done",
    Answer.OTHER_MEMBERS: "unknown unknown unknown unknown unknown",
    Answer.ERROR_BODY: "refused refused refused refused refused",
    Answer.BAD_REQUEST: "refused refused refused refused refused",
    Answer.BAD_SHAPE: "shape shape shape shape shape",
    Answer.UNAUTHORISED: "token token token token token",
    Answer.FORBIDDEN: "refused refused refused refused token",
    Answer.NOT_FOUND: "refused missing missing missing unknown",
    Answer.UNSUPPORTED: "shape shape shape shape shape",
    Answer.UNIQUENESS: "conflict conflict refused refused refused",
    Answer.PRECONDITION: "refused changed changed refused refused",
    Answer.TOO_LARGE: "shape shape shape shape shape",
    Answer.LIMIT: "rate_limit rate_limit rate_limit rate_limit rate_limit",
    Answer.POSTPONED: "rate_limit rate_limit rate_limit rate_limit rate_limit",
    Answer.SERVER_ERROR: "unknown unknown unknown down down",
    Answer.NOT_SCIM: "unknown unknown unknown down down",
    Answer.NO_SERVICE: "down down down down down",
    Answer.LOST: "unknown unknown unknown down down",
    Answer.UNSENT: "down down down down down",
    Answer.UNWRITABLE: "refused refused refused refused refused",
    Answer.SHORT_LIST: "unknown unknown unknown unknown unknown",
    Answer.FILTER_IGNORED: "unknown unknown unknown unknown unknown",
    Answer.MEMBERS_HIDDEN: "unknown unknown unknown unknown unknown",
    Answer.NOT_STORED: "done shape shape done done",
}


@pytest.mark.parametrize("answer", Answer)
def test_what_an_answer_proves(answer: Answer) -> None:
    expected = [Verdict[name.upper()] for name in ROWS[answer].split()]

    assert [verdict(answer, purpose) for purpose in Purpose] == expected
    assert TABLE.keys() == ROWS.keys()
    assert VERDICT_MEANINGS.keys() == set(Verdict)


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (ScimResponse(200, {"id": "7"}), Answer.SUCCESS),
        (ScimResponse(204), Answer.NO_BODY),
        (ScimResponse(202, {"id": "7"}), Answer.ACCEPTED),
        (ErrorResponse(400), Answer.BAD_REQUEST),
        (ErrorResponse(400, scim_type="mutability"), Answer.BAD_REQUEST),
        (ErrorResponse(400, scim_type="InvalidPath"), Answer.BAD_SHAPE),
        (ErrorResponse(400, scim_type="noTarget"), Answer.BAD_SHAPE),
        (ErrorResponse(400, scim_type="uniqueness"), Answer.UNIQUENESS),
        (ErrorResponse(400, with_success=True), Answer.ERROR_BODY),
        (ErrorResponse(409, with_success=True), Answer.UNIQUENESS),
        (ErrorResponse(401), Answer.UNAUTHORISED),
        (ErrorResponse(403), Answer.FORBIDDEN),
        (ErrorResponse(403, retry_after=5.0), Answer.LIMIT),
        (ErrorResponse(403, limited=True), Answer.LIMIT),
        (ErrorResponse(404), Answer.NOT_FOUND),
        (ErrorResponse(405), Answer.UNSUPPORTED),
        (ErrorResponse(408), Answer.SERVER_ERROR),
        (ErrorResponse(409), Answer.UNIQUENESS),
        (ErrorResponse(412), Answer.PRECONDITION),
        (ErrorResponse(413), Answer.TOO_LARGE),
        (ErrorResponse(429), Answer.LIMIT),
        (ErrorResponse(500), Answer.SERVER_ERROR),
        (ErrorResponse(501), Answer.UNSUPPORTED),
        (ErrorResponse(503), Answer.SERVER_ERROR),
        (ErrorResponse(503, retry_after=1.0), Answer.POSTPONED),
        (ErrorResponse(503, detail="later"), Answer.POSTPONED),
        (page(200), Answer.NOT_SCIM),
        (page(302), Answer.NO_SERVICE),
        (page(404), Answer.NO_SERVICE),
        (LOST, Answer.LOST),
        (OutcomeUnknown(LOST), Answer.LOST),
        (NoResponse("refused", may_have_had_effect=False), Answer.UNSENT),
        (InvalidRequest("no"), Answer.UNWRITABLE),
        (ListingError("short"), Answer.SHORT_LIST),
    ],
)
def test_which_kind_an_answer_is(outcome: ScimResponse | RequestError, answer: Answer) -> None:
    assert answer_of(outcome) is answer


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (LOST, True),
        (ErrorResponse(500), True),
        (ErrorResponse(400), False),
        (ErrorResponse(409), False),
        # a status of success may be true, whatever the body or a later read shows
        (ErrorResponse(400, with_success=True), True),
        (ErrorResponse(409, with_success=True), True),
        *((UnprovenResponse("shown otherwise", answer), True) for answer in Answer),
        (InvalidRequest("no"), False),
    ],
)
def test_which_requests_may_have_been_carried_out(error: RequestError, expected: bool) -> None:
    assert may_have_had_effect(error) is expected


@pytest.mark.parametrize(
    ("method", "path", "purpose"),
    [
        ("POST", "/Users", Purpose.CREATE),
        ("PATCH", "/Users/7", Purpose.CHANGE),
        ("PUT", "/Users/7", Purpose.CHANGE),
        ("DELETE", "/Users/7", Purpose.DELETE),
        ("GET", "/Users/7", Purpose.READ),
        ("GET", "/Users", Purpose.SEARCH),
        ("POST", "/Users/.search", Purpose.READ),
    ],
)
def test_what_a_request_is_for(method: str, path: str, purpose: Purpose) -> None:
    assert purpose_of(ScimRequest(method, path)) is purpose  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("response", "sent", "answer"),
    [
        (ScimResponse(204), {"active": False}, None),
        (ScimResponse(200, {"id": "7", "active": False}), {"active": False}, None),
        (ScimResponse(200, {"id": "7", "active": "False"}), {"active": False}, None),
        (ScimResponse(200, {"id": "7"}), {"active": False}, None),
        (ScimResponse(200, {"id": "7", "title": "x"}), {"title": "y"}, None),
        (ScimResponse(200, {"id": "7", "userName": "ANN"}), {"userName": "ann"}, None),
        (
            ScimResponse(200, {"id": "7", "active": True}),
            {"active": False},
            Answer.CONTRADICTION,
        ),
        (
            ScimResponse(200, {"id": "7", "userName": "bob"}),
            {"userName": "ann"},
            Answer.CONTRADICTION,
        ),
        (ScimResponse(200, {"id": "8"}), {}, Answer.OTHER_RESOURCE),
        (ScimResponse(202), {}, Answer.ACCEPTED),
    ],
)
def test_what_a_response_to_a_change_proves(
    response: ScimResponse, sent: dict[str, object], answer: Answer | None
) -> None:
    if answer is None:
        check_change(PATCH, response, "7", sent)
        return
    with pytest.raises(UnprovenResponse) as caught:
        check_change(PATCH, response, "7", sent)
    assert answer_of(caught.value) is answer


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (["1", "3"], None),
        (["1", "2", "3"], "the answer shows that bob is still a member"),
        (["1"], "the answer shows that cid is no member"),
        (["1", "2"], "the answer shows that bob is still a member, and 1 more differ"),
        ([], None),  # some targets never show members
        (None, None),
    ],
)
def test_what_a_response_to_a_change_of_members_proves(
    shown: list[str] | None, why: str | None
) -> None:
    """Bob, 2, is removed from a group of 1, and Cid, 3, is added."""
    body = None if shown is None else {"id": "7", "members": [{"value": one} for one in shown]}
    response = ScimResponse(200, body)
    if why is None:
        check_members(PATCH, response, {"2": "bob"}, {"3": "cid"})
        return
    with pytest.raises(UnprovenResponse, match=f"{why}$") as caught:
        check_members(PATCH, response, {"2": "bob"}, {"3": "cid"})
    assert answer_of(caught.value) is Answer.OTHER_MEMBERS


@pytest.mark.parametrize(
    ("change", "takes"),
    [
        (Change("active", True, False), True),
        (Change("active", False, True), False),
        (Change("roles", [{"value": "a"}], None), True),
        (Change("roles", [{"value": "a"}], [{"value": "a"}, {"value": "b"}]), False),
        (Change("roles", [{"value": "a"}, {"value": "b"}], [{"value": "b"}]), True),
        (Change('roles[type eq "x"].value', "admin", "reader"), True),
        (Change("entitlements", None, [{"value": "a"}]), False),
        (Change("title", "CEO", None), False),
    ],
)
def test_which_changes_take_access_away(change: Change, takes: bool) -> None:
    assert takes_access(change) is takes


@pytest.mark.parametrize(
    ("known", "shown", "is_whole"),
    [
        (10, 9, True),  # one was removed at the target
        (1, 0, False),
        (40, 37, True),
        (1050, 1000, False),  # the list is cut
    ],
)
def test_a_group_is_written_as_a_whole_if_it_shows_its_members(
    known: int, shown: int, is_whole: bool
) -> None:
    ids = [str(number) for number in range(known)]
    group = {"members": [{"value": one} for one in ids[:shown]]}
    if is_whole:
        check_members_shown(ids, group)
        return
    with pytest.raises(UnprovenResponse, match=f"shows {shown} of its {known} known members"):
        check_members_shown(ids, group)
