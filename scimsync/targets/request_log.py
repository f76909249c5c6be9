"""Report each request to one target, and its result, to the observer and the log."""

from __future__ import annotations

import logging

from scimsync.logcontext import PERSONAL
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.transport.observer import Observer
from scimsync.transport.request_errors import InvalidResponse, RequestError

_LOG = logging.getLogger("scimsync")


class RequestLog:
    """The requests to one target.

    Queries and texts of a target may name people, so only a log with PERSONAL shows them.
    """

    def __init__(self, target: str, observe: Observer) -> None:
        self._target = target
        self._observe = observe

    def sent(
        self, request: ScimRequest, outcome: ScimResponse | RequestError, seconds: float
    ) -> None:
        """Report a request that took `seconds`."""
        self._observe(self._target, request.method, _status_of(outcome), seconds)
        self.show(request, outcome)

    def show(self, request: ScimRequest, outcome: ScimResponse | RequestError) -> None:
        """Log the outcome of a request, if the log is detailed enough."""
        if not _LOG.isEnabledFor(logging.DEBUG):
            return
        personal = _LOG.isEnabledFor(PERSONAL)
        if isinstance(outcome, RequestError):
            _LOG.debug("%s: %s", self._target, outcome if personal else outcome.brief)
            return
        target = request.target if personal or not request.query else f"{request.path}?…"
        _LOG.debug("%s: %s %s: %d", self._target, request.method, target, outcome.status)


def _status_of(outcome: ScimResponse | RequestError) -> int | None:
    if isinstance(outcome, ScimResponse | ErrorResponse | InvalidResponse):
        return outcome.status
    return None
