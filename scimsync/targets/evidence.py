"""Decide what an answer of a target proves, or the lack of one.

`TABLE` has a row for each kind of answer: what it proves about each kind of request. Executor,
recovery, matching and reading in doubt ask `verdict`; nothing else interprets a status.
docs/safety.md shows the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from scimsync.errors import IdsChanged
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.listing import ListingError
from scimsync.scim.messages import SEARCH_BY_POST, ScimRequest, ScimResponse
from scimsync.transport.request_errors import (
    InvalidResponse,
    NoResponse,
    RequestError,
    TokenRefused,
)


class Purpose(StrEnum):
    """The purpose of a request."""

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
    Verdict.REFUSED: "It fails for this resource alone; all others continue.",
    Verdict.SHAPE: "The target cannot do it this way; another way is tried where there is one.",
    Verdict.CONFLICT: "The resource that has the value is looked up.",
    Verdict.CHANGED: "The resource is read and compared again.",
    Verdict.MISSING: (
        "It is gone only if a search finds nothing either, and the search demonstrably works."
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
    OTHER_RESOURCE = "2xx that shows a different resource than the requested one"
    CONTRADICTION = "2xx that shows a different `active` or `userName` than was sent"
    OTHER_MEMBERS = "2xx that shows a removed member of a group, or not an added one"
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
    LIMIT = "429, or 403 that requests a pause"
    POSTPONED = "503 with Retry-After or a SCIM error"
    SERVER_ERROR = "408, 500 and other 5xx"
    NOT_SCIM = "2xx that is not JSON, such as a web page"
    NO_SERVICE = "a redirect, or a web page with 404"
    LOST = "no answer after the request was sent"
    UNSENT = "no connection"
    UNWRITABLE = "a request that cannot be written"
    SHORT_LIST = "a list that is shorter than its totalResults, or that repeats or changes"
    FILTER_IGNORED = "resources that do not match the filter"
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
    Answer.OTHER_MEMBERS: dict.fromkeys(Purpose, _V.UNKNOWN),
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
    """A POST with an unknown outcome. `cause` is the error that occurred instead of a response."""

    def __init__(self, cause: RequestError) -> None:
        super().__init__(str(cause))
        self.cause = cause

    @property
    def brief(self) -> str:
        return self.cause.brief


class UnprovenResponse(RequestError):
    """A 2xx response that does not prove that the request was carried out. `answer` is its kind."""

    def __init__(self, message: str, answer: Answer) -> None:
        super().__init__(message)
        self.answer = answer

    @property
    def brief(self) -> str:
        return str(self.answer)


class IdOfAnother(Exception):
    """A response shows that the target gave the id of a known resource to someone else.

    It is no RequestError: it concerns all that is known of the target, so nothing that handles the
    failure of one request handles it. `before_write`: it was read before anything was sent about
    the id.
    """

    def __init__(self, message: str, *, before_write: bool = False) -> None:
        super().__init__(message)
        self.before_write = before_write

    def at(self, target: str) -> IdsChanged:
        """Return the error of a whole target."""
        return IdsChanged(f"{target}: {self}", code="SYNC-0390")


def purpose_of(request: ScimRequest) -> Purpose:
    """Return the purpose of a request."""
    if request.method == "GET":
        return Purpose.READ if request.path.count("/") > 1 else Purpose.SEARCH
    if request.path.endswith(SEARCH_BY_POST):
        return Purpose.READ  # a target that refuses it may still send the list
    by_method = {"POST": Purpose.CREATE, "DELETE": Purpose.DELETE}
    return by_method.get(request.method, Purpose.CHANGE)


def verdict(outcome: Answer | ScimResponse | RequestError, purpose: Purpose) -> Verdict:
    """Return what an answer, or an error in its place, proves about a request of `purpose`."""
    answer = outcome if isinstance(outcome, Answer) else answer_of(outcome)
    return TABLE[answer][purpose]


def answer_of(outcome: ScimResponse | RequestError) -> Answer:
    """Return the kind of an answer. `contradiction` compares what it shows."""
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


def cause_of(error: RequestError) -> RequestError:
    """Return the error itself, or its cause if the outcome is unknown."""
    return error.cause if isinstance(error, OutcomeUnknown) else error


def message_code(error: RequestError) -> str:
    """Return the code of a message about a target that cannot be used (docs/messages.md)."""
    return _CODES.get(answer_of(error), "SYNC-0404")


def refusal_code(error: RequestError) -> str:
    """Return the code of a message about one operation. A 403 there does not concern the token."""
    return "SYNC-0404" if answer_of(error) is Answer.FORBIDDEN else message_code(error)


def leaves_outcome_unknown(error: RequestError, request: ScimRequest) -> bool:
    """Return whether sending `request` again could create a resource twice."""
    purpose = purpose_of(request)
    return purpose is Purpose.CREATE and verdict(error, purpose) is Verdict.UNKNOWN


def may_have_had_effect(error: RequestError) -> bool:
    """Return whether the request that ended with `error` may have been carried out.

    Its last attempt counts, and so do earlier ones. A status of success may be true whatever else
    speaks against it: the resource that contradicts it may be shown as it was before.
    """
    with_success = isinstance(error, ErrorResponse) and error.with_success
    return (
        error.in_doubt
        or with_success
        or isinstance(error, OutcomeUnknown | UnprovenResponse)
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
