"""Decide what a response of a target, or its absence, proves.

This is the only place that interprets statuses for the connection.
"""

from __future__ import annotations

from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.listing import ListingError
from scimsync.scim.messages import ScimRequest
from scimsync.transport.request_errors import InvalidResponse, NoResponse, RequestError

_CODES = {
    ErrorKind.UNAUTHORISED: "SYNC-0402",
    ErrorKind.NOT_FOUND: "SYNC-0403",
    ErrorKind.TOO_MANY: "SYNC-0405",
    ErrorKind.SERVER: "SYNC-0405",
}


class OutcomeUnknown(RequestError):
    """A POST with an unknown outcome. `cause` is the error in place of a response."""

    def __init__(self, cause: RequestError) -> None:
        super().__init__(str(cause))
        self.cause = cause

    @property
    def brief(self) -> str:
        return self.cause.brief


def cause_of(error: RequestError) -> RequestError:
    """Return the error itself, or its cause if the outcome is unknown."""
    return error.cause if isinstance(error, OutcomeUnknown) else error


def message_code(error: RequestError) -> str:
    """Return the code of a message about `error` (docs/messages.md)."""
    cause = cause_of(error)
    if isinstance(cause, ErrorResponse):
        return _CODES.get(cause.kind, "SYNC-0404")
    if isinstance(cause, NoResponse):
        return "SYNC-0401"
    if isinstance(cause, InvalidResponse):
        return "SYNC-0403"
    return "SYNC-0408" if isinstance(cause, ListingError) else "SYNC-0409"


def leaves_outcome_unknown(error: RequestError, request: ScimRequest) -> bool:
    """Return whether sending `request` again could create a resource twice.

    A service that asks to retry later (429, and 503 with a Retry-After or a SCIM error body) has
    done nothing. A proxy in front of it also sends 503 if it lost the response.
    """
    if request.method != "POST":
        return False
    if isinstance(error, ErrorResponse):
        postponed = error.status == 503 and (
            error.retry_after is not None or error.detail is not None or error.scim_type is not None
        )
        return error.kind is ErrorKind.SERVER and not postponed
    return may_have_had_effect(error)


def may_have_had_effect(error: RequestError) -> bool:
    """Return whether the request that ended with `error` may have been carried out.

    Its last attempt counts, and so do earlier ones.
    """
    if error.in_doubt or isinstance(error, OutcomeUnknown):
        return True
    if isinstance(error, ErrorResponse):
        return error.kind is ErrorKind.SERVER
    if isinstance(error, NoResponse):
        return error.may_have_had_effect
    return isinstance(error, InvalidResponse) and error.status < 300


def may_retry(error: BaseException, request: ScimRequest) -> bool:
    """Return whether sending `request` again may help.

    It may help after 429, server errors and broken connections (RFC 7644 section 3.12), and after a
    read with a garbled response.
    """
    if isinstance(error, InvalidResponse):
        return request.method == "GET" and error.status < 300
    return is_transient(error)


def is_transient(error: BaseException) -> bool:
    """Return whether an error may be temporary: 429, a server error, no response."""
    if isinstance(error, ErrorResponse):
        return error.kind in (ErrorKind.TOO_MANY, ErrorKind.SERVER)
    return isinstance(error, NoResponse)


def shows_no_service(error: RequestError) -> bool:
    """Return whether `error` shows that the target is down or is not a SCIM service.

    Any other error shows that the service works.
    """
    cause = cause_of(error)
    return is_transient(cause) or isinstance(cause, InvalidResponse)
