"""Decide what an answer of a target proves, or the lack of one.

`TABLE` has a row for each kind of answer: what it proves about each kind of request. Executor,
recovery, matching and reading in doubt ask `verdict`; nothing else interprets a status.
docs/safety.md shows the table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from scimsync.jsontext import json_text
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Kind, fold_name
from scimsync.scim.attributes import is_unassigned, member_ids, read, resource_id, spelled
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.listing import ListingError
from scimsync.scim.messages import SEARCH_BY_POST, ScimRequest, ScimResponse
from scimsync.scim.resources import project
from scimsync.transport.request_errors import (
    InvalidResponse,
    NoResponse,
    RequestError,
    TokenRefused,
)


class Purpose(StrEnum):
    """What a request is for."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    READ = "read"
    SEARCH = "search"


class Verdict(StrEnum):
    """What an answer proves about the request."""

    DONE = "done"
    REFUSED = "refused for this resource"
    SHAPE = "refused in this shape"
    CONFLICT = "another resource has the value"
    CHANGED = "changed meanwhile"
    MISSING = "perhaps gone"
    UNKNOWN = "unknown"
    RATE_LIMIT = "rate limit"
    TOKEN = "token refused"  # noqa: S105 - a verdict
    DOWN = "target down"


VERDICT_MEANINGS: Mapping[Verdict, str] = {
    Verdict.DONE: "The target did it.",
    Verdict.REFUSED: "It fails for this resource alone; all others go on.",
    Verdict.SHAPE: "The target cannot do it this way; another way is tried where there is one.",
    Verdict.CONFLICT: "The resource that has the value is looked up.",
    Verdict.CHANGED: "The resource is read and compared again.",
    Verdict.MISSING: (
        "It is gone only if a search finds nothing either, and the search is shown to work."
    ),
    Verdict.UNKNOWN: "It proves nothing: the resource is read or searched, now or in the next run.",
    Verdict.RATE_LIMIT: "Nothing was done; it is sent again after a pause.",
    Verdict.TOKEN: "The token is refused: nothing more is sent to the target in this run.",
    Verdict.DOWN: "The target does not work: after several in a row, nothing more is sent.",
}


class Answer(StrEnum):
    """A kind of answer."""

    SUCCESS = "200 or 201 with the resource or the list"
    NO_BODY = "200, 201 or 204 without a body"
    ACCEPTED = "202"
    OTHER_RESOURCE = "2xx that shows another resource than the requested one"
    CONTRADICTION = "2xx that shows another `active` or `userName` than was sent"
    ERROR_BODY = "2xx with a SCIM error as its body"
    BAD_REQUEST = "400, and other 4xx not listed here"
    BAD_SHAPE = "400 with scimType invalidPath, noTarget, invalidSyntax or invalidFilter"
    UNAUTHORISED = "401, or no token from the authorization server"
    FORBIDDEN = "403"
    NOT_FOUND = "404 as JSON or without a body"
    UNSUPPORTED = "405, 501"
    UNIQUENESS = "409, or scimType uniqueness"
    PRECONDITION = "412"
    TOO_LARGE = "413"
    LIMIT = "429, or 403 that asks for a pause"
    POSTPONED = "503 with Retry-After or a SCIM error"
    SERVER_ERROR = "408, 500 and other 5xx"
    NOT_SCIM = "2xx that is no JSON, such as a web page"
    NO_SERVICE = "a redirect, or a web page with 404"
    LOST = "no answer after the request was sent"
    UNSENT = "no connection"
    UNWRITABLE = "a request that cannot be written"
    SHORT_LIST = "a list that is shorter than its totalResults, or that repeats or changes"
    FILTER_IGNORED = "resources that do not fit the filter"
    MEMBERS_HIDDEN = "a group without members"
    NOT_STORED = "2xx after which the resource still shows the old value"


def _row(
    create: Verdict, change: Verdict, delete: Verdict, read: Verdict, search: Verdict
) -> Mapping[Purpose, Verdict]:
    return dict(zip(Purpose, (create, change, delete, read, search), strict=True))


_V = Verdict
TABLE: Mapping[Answer, Mapping[Purpose, Verdict]] = {
    Answer.SUCCESS: dict.fromkeys(Purpose, _V.DONE),
    Answer.NO_BODY: _row(_V.UNKNOWN, _V.DONE, _V.DONE, _V.UNKNOWN, _V.UNKNOWN),
    Answer.ACCEPTED: dict.fromkeys(Purpose, _V.UNKNOWN),
    Answer.OTHER_RESOURCE: dict.fromkeys(Purpose, _V.UNKNOWN),
    Answer.CONTRADICTION: _row(_V.REFUSED, _V.REFUSED, _V.DONE, _V.DONE, _V.DONE),
    Answer.ERROR_BODY: dict.fromkeys(Purpose, _V.REFUSED),
    Answer.BAD_REQUEST: dict.fromkeys(Purpose, _V.REFUSED),
    Answer.BAD_SHAPE: dict.fromkeys(Purpose, _V.SHAPE),
    Answer.UNAUTHORISED: dict.fromkeys(Purpose, _V.TOKEN),
    Answer.FORBIDDEN: _row(_V.REFUSED, _V.REFUSED, _V.REFUSED, _V.REFUSED, _V.TOKEN),
    Answer.NOT_FOUND: _row(_V.REFUSED, _V.MISSING, _V.MISSING, _V.MISSING, _V.UNKNOWN),
    Answer.UNSUPPORTED: dict.fromkeys(Purpose, _V.SHAPE),
    Answer.UNIQUENESS: _row(_V.CONFLICT, _V.CONFLICT, _V.REFUSED, _V.REFUSED, _V.REFUSED),
    Answer.PRECONDITION: _row(_V.REFUSED, _V.CHANGED, _V.CHANGED, _V.REFUSED, _V.REFUSED),
    Answer.TOO_LARGE: dict.fromkeys(Purpose, _V.SHAPE),
    Answer.LIMIT: dict.fromkeys(Purpose, _V.RATE_LIMIT),
    Answer.POSTPONED: dict.fromkeys(Purpose, _V.RATE_LIMIT),
    Answer.SERVER_ERROR: _row(_V.UNKNOWN, _V.UNKNOWN, _V.UNKNOWN, _V.DOWN, _V.DOWN),
    Answer.NOT_SCIM: _row(_V.UNKNOWN, _V.UNKNOWN, _V.UNKNOWN, _V.DOWN, _V.DOWN),
    Answer.NO_SERVICE: dict.fromkeys(Purpose, _V.DOWN),
    Answer.LOST: _row(_V.UNKNOWN, _V.UNKNOWN, _V.UNKNOWN, _V.DOWN, _V.DOWN),
    Answer.UNSENT: dict.fromkeys(Purpose, _V.DOWN),
    Answer.UNWRITABLE: dict.fromkeys(Purpose, _V.REFUSED),
    Answer.SHORT_LIST: dict.fromkeys(Purpose, _V.UNKNOWN),
    Answer.FILTER_IGNORED: dict.fromkeys(Purpose, _V.UNKNOWN),
    Answer.MEMBERS_HIDDEN: dict.fromkeys(Purpose, _V.UNKNOWN),
    Answer.NOT_STORED: _row(_V.DONE, _V.SHAPE, _V.SHAPE, _V.DONE, _V.DONE),
}
"""What each kind of answer proves about each kind of request."""

_BY_KIND: Mapping[ErrorKind, Answer] = {
    ErrorKind.UNAUTHORISED: Answer.UNAUTHORISED,
    ErrorKind.FORBIDDEN: Answer.FORBIDDEN,
    ErrorKind.NOT_FOUND: Answer.NOT_FOUND,
    ErrorKind.CONFLICT: Answer.UNIQUENESS,
    ErrorKind.PRECONDITION: Answer.PRECONDITION,
    ErrorKind.TOO_MANY: Answer.LIMIT,
    ErrorKind.SERVER: Answer.SERVER_ERROR,
    ErrorKind.UNSUPPORTED: Answer.UNSUPPORTED,
    ErrorKind.REFUSED: Answer.BAD_REQUEST,
}

_SHAPE_TYPES = ("invalidpath", "notarget", "invalidsyntax", "invalidfilter")

_HAND_REMOVED = 0.1
"""The share of a group's known members that somebody may have removed at the target."""

_MAX_HAND_REMOVED = 3
"""Their largest number: where more are missing, the list of a large group is cut."""

_TRANSIENT = (Answer.LIMIT, Answer.POSTPONED, Answer.SERVER_ERROR, Answer.LOST, Answer.UNSENT)

_CODES = {
    Answer.UNAUTHORISED: "SYNC-0402",
    Answer.FORBIDDEN: "SYNC-0402",
    Answer.NOT_FOUND: "SYNC-0403",
    Answer.NOT_SCIM: "SYNC-0403",
    Answer.NO_SERVICE: "SYNC-0403",
    Answer.LIMIT: "SYNC-0405",
    Answer.POSTPONED: "SYNC-0405",
    Answer.SERVER_ERROR: "SYNC-0405",
    Answer.LOST: "SYNC-0401",
    Answer.UNSENT: "SYNC-0401",
    Answer.ACCEPTED: "SYNC-0430",
    Answer.SHORT_LIST: "SYNC-0408",
    Answer.UNWRITABLE: "SYNC-0409",
}


class OutcomeUnknown(RequestError):
    """A POST with an unknown outcome. `cause` is the error in place of a response."""

    def __init__(self, cause: RequestError) -> None:
        super().__init__(str(cause))
        self.cause = cause

    @property
    def brief(self) -> str:
        return self.cause.brief


class UnprovenResponse(RequestError):
    """A response with a 2xx status that does not prove what was asked for. `answer` is its kind."""

    def __init__(self, message: str, answer: Answer) -> None:
        super().__init__(message)
        self.answer = answer

    @property
    def brief(self) -> str:
        return str(self.answer)


class IdOfAnother(UnprovenResponse):
    """A response which shows that the target gave an id to somebody else."""


def purpose_of(request: ScimRequest) -> Purpose:
    """Return what a request is for."""
    if request.method == "GET":
        return Purpose.READ if request.path.count("/") > 1 else Purpose.SEARCH
    if request.path.endswith(SEARCH_BY_POST):
        return Purpose.READ  # a target that refuses it may send the list nevertheless
    by_method = {"POST": Purpose.CREATE, "DELETE": Purpose.DELETE}
    return by_method.get(request.method, Purpose.CHANGE)


def verdict(outcome: Answer | ScimResponse | RequestError, purpose: Purpose) -> Verdict:
    """Return what an answer, or an error in its place, proves about a request of `purpose`."""
    answer = outcome if isinstance(outcome, Answer) else answer_of(outcome)
    return TABLE[answer][purpose]


def answer_of(outcome: ScimResponse | RequestError) -> Answer:
    """Return the kind of an answer. What it shows is compared by `contradiction`."""
    if isinstance(outcome, ScimResponse):
        if outcome.status == 202:
            return Answer.ACCEPTED
        return Answer.NO_BODY if outcome.body is None else Answer.SUCCESS
    error = cause_of(outcome)
    if isinstance(error, UnprovenResponse):
        return error.answer
    if isinstance(error, ErrorResponse):
        return _answer_of_status(error)
    if isinstance(error, TokenRefused):
        return Answer.UNAUTHORISED
    if isinstance(error, NoResponse):
        return Answer.LOST if error.may_have_had_effect else Answer.UNSENT
    if isinstance(error, InvalidResponse):
        return Answer.NOT_SCIM if error.status < 300 else Answer.NO_SERVICE
    return Answer.SHORT_LIST if isinstance(error, ListingError) else Answer.UNWRITABLE


def _answer_of_status(error: ErrorResponse) -> Answer:
    if error.with_success and error.kind is not ErrorKind.CONFLICT:
        return Answer.ERROR_BODY
    if error.status == 413:
        return Answer.TOO_LARGE
    if error.kind is ErrorKind.REFUSED and (error.scim_type or "").lower() in _SHAPE_TYPES:
        return Answer.BAD_SHAPE
    postponed = error.status == 503 and (
        # a proxy sends a bare 503 too if it lost the response
        error.retry_after is not None or error.detail is not None or error.scim_type is not None
    )
    return Answer.POSTPONED if postponed else _BY_KIND[error.kind]


def accepted(request: ScimRequest, response: ScimResponse) -> UnprovenResponse:
    """Return what a 202 proves: the target may carry the request out, now or later (RFC 9967)."""
    transaction = "" if response.transaction is None else f" (Set-Txn: {response.transaction})"
    why = f"{request}: 202, which promises nothing yet{transaction}"
    return UnprovenResponse(why, Answer.ACCEPTED)


def check_change(
    request: ScimRequest,
    response: ScimResponse,
    remote_id: str,
    sent: Mapping[str, object],
    known: tuple[Kind, Sequence[Mapping[str, object]]] | None = None,
) -> None:
    """Raise UnprovenResponse unless a successful response proves the change of a resource.

    `sent` are the attributes that were sent. Of the values that the body shows, only `active` and
    `userName` count: a target may write others its own way. `known` are the kind of the resource
    and the documents that it may have held; raise IdOfAnother if it is somebody else's.
    """
    if answer_of(response) is Answer.ACCEPTED:
        raise accepted(request, response)
    if response.resource_id not in (None, remote_id):
        raise UnprovenResponse(
            f"{request}: the answer shows the resource {response.resource_id}",
            Answer.OTHER_RESOURCE,
        )
    if known is not None:
        kind, documents = known
        whose = belongs_to_another(response.body, [*documents, sent], kind)
        if whose is not None:
            raise IdOfAnother(f"{request}: this id belongs to {whose} now", Answer.OTHER_RESOURCE)
    why = contradiction(response.body, sent)
    if why is not None:
        raise UnprovenResponse(f"{request}: {why}", Answer.CONTRADICTION)


def check_read(request: ScimRequest, response: ScimResponse, remote_id: str) -> None:
    """Raise UnprovenResponse unless a successful response to a read shows the resource."""
    if verdict(response, Purpose.READ) is not Verdict.DONE:
        raise UnprovenResponse(
            f"{request}: {response.status} without a resource", answer_of(response)
        )
    if response.resource_id not in (None, remote_id):
        raise UnprovenResponse(
            f"{request}: the answer shows the resource {response.resource_id}",
            Answer.OTHER_RESOURCE,
        )


def hidden_name(kind: Kind, remote_id: str, resource: Mapping[str, object]) -> str | None:
    """Return what a resource that was read does not show of its id and its required name.

    The answer is None for one that shows both. Anything else proves nothing about the resource.
    """
    if resource_id(resource) != remote_id:
        return "id"
    name = UNIQUE_ATTRIBUTE[kind]
    return name if is_unassigned(read(resource, name)) else None


def check_whole(kind: Kind, remote_id: str, resource: Mapping[str, object]) -> None:
    """Raise UnprovenResponse unless what was read shows the id and required name of a resource.

    Written back as a whole, anything else would remove what it does not show.
    """
    hidden = hidden_name(kind, remote_id, resource)
    if hidden is not None:
        raise UnprovenResponse(
            f"the {kind.noun} is shown without {hidden}, so that it cannot be written as a whole",
            Answer.OTHER_RESOURCE,
        )


def check_members_shown(known: Collection[str], group: Mapping[str, object]) -> None:
    """Raise UnprovenResponse unless a group shows the members that it is known to have.

    What is written as a whole, the list or the group, would remove those that are not shown. A few
    may have been removed at the target.
    """
    shown = set(member_ids(group))
    hidden = sum(one not in shown for one in known)
    few = min(max(1, len(known) * _HAND_REMOVED), _MAX_HAND_REMOVED)
    if hidden and (hidden == len(known) or hidden > few):
        raise UnprovenResponse(
            f"the group shows {len(known) - hidden} of its {len(known)} known members, so that it"
            " cannot be written as a whole",
            Answer.MEMBERS_HIDDEN,
        )


def contradiction(shown: Mapping[str, object] | None, sent: Mapping[str, object]) -> str | None:
    """Return how a resource that a target shows contradicts `active` or `userName` as sent."""
    if shown is None:
        return None
    active = read_active(read(shown, "active"))
    if isinstance(sent.get("active"), bool) and active not in (None, sent["active"]):
        return f"the answer shows active {json_text(read(shown, 'active'))}"
    name = _another_name(shown, sent, "userName")
    return None if name is None else f"the answer shows userName {name!r}"


def shows_another(
    shown: Mapping[str, object] | None, sent: Mapping[str, object], kind: Kind
) -> str | None:
    """Return how the answer to a creation shows another resource than the one that was sent.

    Its externalId decides where it is the one that was sent, or else userName or displayName.
    """
    if shown is None:
        return None
    external_id = sent.get("externalId")
    if external_id is not None and read(shown, "externalId") == external_id:
        return None
    unique = UNIQUE_ATTRIBUTE[kind]
    name = _another_name(shown, sent, unique)
    if name is None:
        return None
    return f"the target answered with another {kind.noun}: {unique} {name!r}"


def belongs_to_another(
    shown: Mapping[str, object] | None, known: Sequence[Mapping[str, object]], kind: Kind
) -> str | None:
    """Return whose a resource is now, if its id was given to another user or group, or None.

    `known` are documents that it may hold. Only an externalId and a unique name that are both those
    of somebody else show it: a name alone may have been changed by hand.
    """
    if shown is None:
        return None
    unique = UNIQUE_ATTRIBUTE[kind]
    for attribute in ("externalId", unique):
        held = fold_name(read(shown, attribute))
        expected = {fold_name(document.get(attribute)) for document in known}
        if held is None or held in expected or expected == {None}:
            return None
    return f"{unique} {read(shown, unique)!r}"


def _another_name(
    shown: Mapping[str, object], sent: Mapping[str, object], attribute: str
) -> str | None:
    """Return the name that a resource shows, if another one was sent."""
    name, wanted = read(shown, attribute), sent.get(attribute)
    differs = isinstance(wanted, str) and fold_name(name) != fold_name(wanted)
    return name if isinstance(name, str) and differs else None


def read_active(value: object) -> bool | None:
    """Return what `active` of a resource says, or None where it says nothing.

    Some targets write texts or numbers: "False", 0, "inactive" (RFC 7643 section 2.3.2 has booleans
    only).
    """
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("true", "1", "active", "enabled", "yes"):
        return True
    return False if word in ("false", "0", "inactive", "disabled", "no") else None


def active_of(resource: Mapping[str, object]) -> bool | None:
    """Return what a resource says of `active`, or None if it says nothing. Null counts as False."""
    name = spelled(resource, "active")
    if name is None:
        return None
    return False if resource[name] is None else read_active(resource[name])


def held_document(resource: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """Return what a resource holds at `paths`, with `active` as a boolean where it is one."""
    wanted = list(paths)
    held = project(resource, wanted)
    if "active" in wanted and (active := active_of(resource)) is not None:
        held["active"] = active
    return held


def cause_of(error: RequestError) -> RequestError:
    """Return the error itself, or its cause if the outcome is unknown."""
    return error.cause if isinstance(error, OutcomeUnknown) else error


def message_code(error: RequestError) -> str:
    """Return the code of a message about a target that cannot be used (docs/messages.md)."""
    return _CODES.get(answer_of(error), "SYNC-0404")


def refusal_code(error: RequestError) -> str:
    """Return the code of a message about one operation. A 403 is no matter of the token there."""
    return "SYNC-0404" if answer_of(error) is Answer.FORBIDDEN else message_code(error)


def leaves_outcome_unknown(error: RequestError, request: ScimRequest) -> bool:
    """Return whether sending `request` again could create a resource twice."""
    purpose = purpose_of(request)
    return purpose is Purpose.CREATE and verdict(error, purpose) is Verdict.UNKNOWN


def may_have_had_effect(error: RequestError) -> bool:
    """Return whether the request that ended with `error` may have been carried out.

    Its last attempt counts, and so do earlier ones.
    """
    return (
        error.in_doubt
        or isinstance(error, OutcomeUnknown)
        or verdict(error, Purpose.CHANGE) is Verdict.UNKNOWN
    )


def may_retry(error: BaseException, request: ScimRequest) -> bool:
    """Return whether sending `request` again may help.

    It may help after 429, server errors and broken connections (RFC 7644 section 3.12), and after a
    read with a garbled response.
    """
    if not isinstance(error, RequestError) or isinstance(error, OutcomeUnknown):
        return False
    answer = answer_of(error)
    is_read = purpose_of(request) in (Purpose.READ, Purpose.SEARCH)
    return answer in _TRANSIENT or (answer is Answer.NOT_SCIM and is_read)


def may_be_due_to_records(error: RequestError) -> bool:
    """Return whether single records may be the cause of an error, although it is the server's."""
    cause = cause_of(error)
    return isinstance(cause, ErrorResponse) and cause.status == 500


def shows_no_service(error: RequestError) -> bool:
    """Return whether `error` shows that the target is down or is not a SCIM service.

    Any other error shows that the service works.
    """
    answer = answer_of(error)
    return answer in _TRANSIENT or answer in (Answer.NOT_SCIM, Answer.NO_SERVICE)
