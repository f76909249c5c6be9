"""What can go wrong between a SCIM client and a service provider, as errors that carry data.

Messages are one line, made printable, and never hold the token or a request header.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

EXCERPT_BYTES = 120
"""How much of an answer that cannot be understood is shown."""

MAX_DETAIL = 500
"""How many characters of a service provider's `detail` are kept."""


class ScimError(Exception):
    """Base of all errors of `scimsync.scim`; `str()` is one line for people. `in_doubt`: an earlier
    try of the same request may have had its effect, whatever this error says of the last."""

    in_doubt = False

    @property
    def brief(self) -> str:
        """The same line without the service provider's own words, which may name people."""
        return str(self)


class GrammarError(ScimError, ValueError):
    """Text that is not what RFC 7644 allows. `position` counts characters from 1."""

    def __init__(self, text: str, position: int, problem: str) -> None:
        super().__init__(f"{text}: at character {position}: {problem}")
        self.text = text
        self.position = position
        self.problem = problem


class FilterError(GrammarError):
    """A filter that does not follow RFC 7644 section 3.4.2.2."""


class PathError(GrammarError):
    """An attribute path that does not follow RFC 7644 section 3.5.2, or that cannot be used where
    it stands."""


class ErrorKind(StrEnum):
    """What an error status means for the caller (RFC 7644 section 3.12)."""

    UNAUTHORISED = "unauthorised"  # 401, 403: the token is wrong or may not do this
    NOT_FOUND = "not found"  # 404: the resource, or the endpoint, is not there
    CONFLICT = "conflict"  # 409, or scimType uniqueness: another resource has this value
    PRECONDITION = "precondition"  # 412: the resource changed since its ETag was read
    TOO_MANY = "too many requests"  # 429
    SERVER = "server error"  # 5xx, and 408: may pass
    REFUSED = "refused"  # any other 4xx: the same request will be refused again


class ErrorResponse(ScimError):
    """The service provider answered with an error status.

    `scim_type` and `detail` come from a SCIM error body (RFC 7644 section 3.12) and are None
    without one; `excerpt` is the start of a body that is not one ("" for none). `retry_after` is in
    seconds, None where the answer does not say.
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
    ) -> None:
        self.status = status
        self.scim_type = scim_type
        self.detail = detail
        self.excerpt = excerpt
        self.retry_after = retry_after
        self.request = request
        said = f"{status} {scim_type}" if scim_type else str(status)
        why = detail or excerpt
        super().__init__(": ".join(part for part in (request, said, why) if part))

    @property
    def brief(self) -> str:
        said = f"{self.status} {self.scim_type}" if self.scim_type else str(self.status)
        return said if self.request is None else f"{self.request}: {said}"

    @property
    def kind(self) -> ErrorKind:
        """What the status, and `scimType` uniqueness, mean for the caller."""
        if self.status in (401, 403):
            return ErrorKind.UNAUTHORISED
        if self.status == 409 or (self.scim_type or "").lower() == "uniqueness":
            return ErrorKind.CONFLICT
        if self.status >= 500 or self.status == 408:
            return ErrorKind.SERVER
        by_status = {404: ErrorKind.NOT_FOUND, 412: ErrorKind.PRECONDITION, 429: ErrorKind.TOO_MANY}
        return by_status.get(self.status, ErrorKind.REFUSED)


class NoResponse(ScimError):
    """No complete answer came: no connection, a broken one, or too long a silence.

    `may_have_had_effect` is False where the request certainly never reached the service provider.
    """

    def __init__(self, message: str, *, may_have_had_effect: bool) -> None:
        super().__init__(message)
        self.may_have_had_effect = may_have_had_effect


class InvalidResponse(ScimError):
    """An answer that is not SCIM: an HTML page, no JSON, a redirect, more bytes than allowed.

    A request that changes something may have had its effect. `excerpt` is the printable start of
    the body.
    """

    def __init__(self, problem: str, *, status: int, content_type: str, excerpt: str = "") -> None:
        self._brief = f"{problem} (status {status}, {content_type or 'no content type'})"
        super().__init__(self._brief + (f": {excerpt}" if excerpt else ""))
        self.status = status
        self.content_type = content_type
        self.excerpt = excerpt

    @property
    def brief(self) -> str:
        return self._brief


def printable(text: str, limit: int) -> str:
    """`text` in one line: white space runs become a space, what does not print becomes `\\ufffd`,
    cut at `limit` characters."""
    line = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text[: limit * 4].split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def excerpt_of(body: bytes) -> str:
    """The start of `body`, printable, in one line."""
    return printable(body[: EXCERPT_BYTES * 2].decode("utf-8", "replace"), EXCERPT_BYTES)


def parse_retry_after(value: str | None, date: str | None) -> float | None:
    """Seconds to wait, from a Retry-After header: a number, or an HTTP-date (RFC 9110 section
    10.2.3).

    A date is taken relative to `date`, the Date header of the same answer, so that the two clocks
    need not agree. None for what cannot be understood; never negative.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,300}(\.[0-9]{1,9})?", text):
        return float(text)
    until, base = _http_date(text), _http_date(date or "")
    if until is None or base is None:
        return None
    return max(0.0, (until - base).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None
