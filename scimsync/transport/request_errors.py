"""The errors of sending a request. Messages are one line and contain no secrets."""

from __future__ import annotations


class BaseUrlError(ValueError):
    """A base URL or a credential cannot be used safely."""


class RequestError(Exception):
    """Base of all errors of sending a request; `str()` is one line for people.

    `in_doubt`: an earlier attempt at the same request may have had its effect, whatever this error
    says about the last one.
    """

    in_doubt = False

    @property
    def brief(self) -> str:
        """The same line without texts of the server, which may name people."""
        return str(self)


class InvalidRequest(RequestError):
    """The request cannot be written as it is, and was not sent."""


class ForeignOriginError(RequestError):
    """The request has credentials for another origin than the configured one, and was not sent."""


class TokenRefused(RequestError):
    """The server that issues tokens refused the credentials, and the request was not sent."""


class NoResponse(RequestError):
    """No complete response arrived: no connection, a broken one, or too long a silence.

    `may_have_had_effect` is False where the request cannot have reached the server.
    """

    def __init__(self, message: str, *, may_have_had_effect: bool) -> None:
        super().__init__(message)
        self.may_have_had_effect = may_have_had_effect


class InvalidResponse(RequestError):
    """The response violates the protocol.

    Examples are an HTML page, text that is not JSON, a redirect, and more bytes than allowed. A
    request that changes something may have had its effect. `excerpt` is the printable start of the
    body. `brief` is the problem without texts of the server, if `problem` has some.
    """

    def __init__(
        self,
        problem: str,
        *,
        status: int,
        content_type: str,
        excerpt: str = "",
        brief: str | None = None,
    ) -> None:
        shown = f"(status {status}, {content_type or 'no content type'})"
        super().__init__(f"{problem} {shown}" + (f": {excerpt}" if excerpt else ""))
        self._brief = f"{problem if brief is None else brief} {shown}"
        self.status = status
        self.content_type = content_type
        self.excerpt = excerpt

    @property
    def brief(self) -> str:
        return self._brief
