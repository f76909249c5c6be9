"""Send the read requests of a SCIM source, with retries."""

from __future__ import annotations

from scimsync.errors import SourceUnavailable
from scimsync.scim.error_response import ErrorKind, ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse, Sender
from scimsync.sources.remote import MAX_PAUSE_S, RETRIES
from scimsync.transport.request_errors import (
    InvalidResponse,
    NoResponse,
    RequestError,
    TokenRefused,
)
from scimsync.transport.retry_policy import TimeSource

_PASSING = (ErrorKind.TOO_MANY, ErrorKind.SERVER)


class RetryingSender:
    """A sender that repeats requests that may succeed later, over `sender`."""

    def __init__(self, sender: Sender, time: TimeSource | None = None) -> None:
        self._sender = sender
        self._time = time or TimeSource()

    async def send(self, request: ScimRequest) -> ScimResponse:
        """Send `request`. Raise what `sender` raises once the retries are used up."""
        pause: float | None = None

        async def attempt() -> ScimResponse:
            nonlocal pause
            if pause is not None:
                await self._time.sleep(pause)
            try:
                return await self._sender.send(request)
            except ErrorResponse as error:
                pause = error.retry_after
                raise
            except NoResponse:
                pause = None
                raise

        return await RETRIES.run(
            attempt, may_retry=_may_retry, waits=lambda _error: pause is None, time=self._time
        )


def _may_retry(error: BaseException) -> bool:
    if isinstance(error, ErrorResponse):
        return error.kind in _PASSING and (error.retry_after or 0.0) <= MAX_PAUSE_S
    return isinstance(error, NoResponse)


def unavailable(source: str, error: RequestError) -> SourceUnavailable:
    """Return what a failed request means for the user."""
    start, code, hint = f'source "{source}": ', "SYNC-0265", None
    if isinstance(error, ErrorResponse):
        if error.kind in (ErrorKind.UNAUTHORISED, ErrorKind.FORBIDDEN):
            code, hint = "SYNC-0266", "check auth and what its account may read"
        elif error.kind is ErrorKind.TOO_MANY and error.retry_after is not None:
            hint = f"the service provider requests a pause of {error.retry_after:.0f} s"
    elif isinstance(error, TokenRefused):
        code = "SYNC-0266"
    elif isinstance(error, InvalidResponse):
        code = "SYNC-0268"
    return SourceUnavailable(f"{start}{error}", code=code, hint=hint, brief=f"{start}{error.brief}")
