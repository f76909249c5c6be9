"""Post tokens to a receiver, one in a request (RFC 8935)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from scimsync.audit.events.destination import Delivery, EventToken
from scimsync.audit.events.token import TYPE
from scimsync.config.audit import AuditEvents
from scimsync.errors import ConfigError
from scimsync.jsontext import received_object
from scimsync.transport.auth import Secrets
from scimsync.transport.auth.connecting import connection_options
from scimsync.transport.request_errors import RequestError

if TYPE_CHECKING:  # httpx2 is slow to import
    from scimsync.transport.http import HttpConnection, HttpResponse

Result = TypeVar("Result")

TIMEOUT_S = 10.0
"""The timeout of a request, in seconds."""

_CONCURRENT = 8
_LONGEST_BODY = 64 * 1024

_HEADERS = {"Content-Type": f"application/{TYPE}", "Accept": "application/json"}
"""RFC 8935 section 2.1."""

_ACCEPTED = 202
"""The only status of success (RFC 8935 section 2.2). A proxy, for example, may send others."""

_REFUSES_TOKEN = (400, 413, 422)

_OF_ALL = (
    "invalid_key",
    "invalid_issuer",
    "invalid_audience",
    "authentication_failed",
    "access_denied",
)
"""Error codes that concern all tokens (RFC 8935 section 2.4)."""

_CODE = re.compile(r"[A-Za-z0-9_]{1,40}")


class TokenReceiver:
    """The receiver at `url` of `[audit.events]`; `secrets` reads those of its `auth`.

    Raises BaseUrlError, SecretError, and ValueError for settings that cannot be used. It sends
    nothing before the first delivery.
    """

    batch = _CONCURRENT
    keeps_order = False

    def __init__(self, settings: AuditEvents, base_dir: Path, secrets: Secrets) -> None:
        parts = urlsplit(settings.url or "")
        origin = f"{parts.scheme}://{parts.netloc}"
        self._target = parts.path + (f"?{parts.query}" if parts.query else "")
        options = connection_options(settings.auth, base_dir, TIMEOUT_S)
        authenticator = (
            None if settings.auth is None else settings.auth.authenticator(origin, secrets, options)
        )
        verify = options.ssl_context()
        self._runner: asyncio.Runner | None = None
        self._connection: HttpConnection | None = None

        def connect() -> HttpConnection:
            from scimsync.transport.http import HttpConnection

            return HttpConnection(
                origin,
                authenticator,
                user_agent=options.user_agent,
                timeout=options.timeout,
                total_timeout=TIMEOUT_S,
                verify=verify,
                proxy=options.proxy,
                max_response_bytes=_LONGEST_BODY,
                max_connections=_CONCURRENT,
            )

        self._connect: Callable[[], HttpConnection] = connect

    def deliver(self, tokens: Sequence[EventToken]) -> Delivery:
        """Post tokens, all at the same time. Do not call it in a thread that runs an event loop."""
        return self._run(self._deliver(tokens))

    def close(self) -> None:
        """Close the connections."""
        if self._connection is not None:
            self._run(self._connection.aclose())
        if self._runner is not None:
            self._runner.close()

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        if self._runner is None:  # one event loop for all batches, so that connections stay open
            self._runner = asyncio.Runner()
        return self._runner.run(work)

    async def _deliver(self, tokens: Sequence[EventToken]) -> Delivery:
        if self._connection is None:
            self._connection = self._connect()
        delivery = Delivery()
        await asyncio.gather(*(self._post(self._connection, one, delivery) for one in tokens))
        if delivery.refused and not delivery.delivered:
            # more likely that it takes none than that each one is at fault
            delivery.failure = delivery.failure or next(iter(delivery.refused.values()))
        return delivery

    async def _post(
        self, connection: HttpConnection, token: EventToken, delivery: Delivery
    ) -> None:
        try:
            response = await connection.send(
                "POST", self._target, headers=_HEADERS, content=token.compact
            )
        except RequestError as error:
            delivery.failure = error.brief
            return
        except ConfigError as error:  # a secret that is read with each request
            delivery.failure = error.message
            return
        if response.status == _ACCEPTED:
            delivery.delivered.append(token.operation_id)
            return
        code = _error_code(response)
        why = f"response status {response.status} instead of 202" + (f" ({code})" if code else "")
        if response.status in _REFUSES_TOKEN and code not in _OF_ALL:
            delivery.refused[token.operation_id] = why
        else:
            delivery.failure = why
            delivery.retry_after_s = response.retry_after


def _error_code(response: HttpResponse) -> str | None:
    """Return the `err` of a refusal (RFC 8935 section 2.3), without its free text."""
    refusal = received_object(response.content) or {}
    code = refusal.get("err")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None
