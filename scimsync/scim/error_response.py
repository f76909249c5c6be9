"""Error responses of a service provider (RFC 7644 section 3.12)."""

from __future__ import annotations

from enum import StrEnum

from scimsync.transport.request_errors import RequestError


class ErrorKind(StrEnum):
    """What an error status means for the caller (RFC 7644 section 3.12)."""

    UNAUTHORISED = "unauthorised"  # 401: the token is wrong
    FORBIDDEN = "forbidden"  # 403: the token may not do this
    NOT_FOUND = "not found"  # 404: the resource or the endpoint does not exist
    CONFLICT = "conflict"  # 409, or scimType uniqueness: another resource has this value
    PRECONDITION = "precondition"  # 412: the resource changed since its ETag was read
    TOO_MANY = "too many requests"  # 429
    SERVER = "server error"  # 5xx, and 408: often temporary
    UNSUPPORTED = "unsupported"  # 405, 501: the service provider cannot do this at all
    REFUSED = "refused"  # any other 4xx: the same request will be refused again


class ErrorResponse(RequestError):
    """A response of the service provider with an error status.

    `scim_type` and `detail` come from a SCIM error body (RFC 7644 section 3.12) and are None
    without one. `excerpt` is the start of any other body ("" if there is none). `retry_after` is in
    seconds, or None if the response does not set it. `limited` says that a header reports a used-up
    rate limit, and `with_success` that the error was the body of a response with a 2xx status.
    """

    def __init__(
        self,
        status: int,
        *,
        scim_type: str | None = None,
        detail: str | None = None,
        excerpt: str = "",
        retry_after: float | None = None,
        request: str | None = None,
        limited: bool = False,
        with_success: bool = False,
    ) -> None:
        self.status = status
        self.scim_type = scim_type
        self.detail = detail
        self.excerpt = excerpt
        self.retry_after = retry_after
        self.request = request
        self.limited = limited
        self.with_success = with_success
        summary = f"{status} {scim_type}" if scim_type else str(status)
        reason = detail or excerpt
        super().__init__(": ".join(part for part in (request, summary, reason) if part))

    @property
    def brief(self) -> str:
        summary = f"{self.status} {self.scim_type}" if self.scim_type else str(self.status)
        return summary if self.request is None else f"{self.request}: {summary}"

    @property
    def kind(self) -> ErrorKind:
        """What the status, or the `scimType` uniqueness, means for the caller.

        A 403 that requests a pause is a rate limit: GitHub sends it instead of 429.
        """
        if self.status == 403 and (self.limited or self.retry_after is not None):
            return ErrorKind.TOO_MANY
        if self.status in _BY_STATUS:
            return _BY_STATUS[self.status]
        if (self.scim_type or "").lower() == "uniqueness":
            return ErrorKind.CONFLICT
        return ErrorKind.SERVER if self.status >= 500 else ErrorKind.REFUSED


_BY_STATUS = {
    401: ErrorKind.UNAUTHORISED,
    403: ErrorKind.FORBIDDEN,
    404: ErrorKind.NOT_FOUND,
    405: ErrorKind.UNSUPPORTED,
    408: ErrorKind.SERVER,
    409: ErrorKind.CONFLICT,
    412: ErrorKind.PRECONDITION,
    429: ErrorKind.TOO_MANY,
    501: ErrorKind.UNSUPPORTED,
}
