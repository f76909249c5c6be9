"""What the sources share that read a list over HTTP: the connection, and a second read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

from scimsync.errors import ConfigError, SourceUnavailable
from scimsync.sources.base import SourceSpec
from scimsync.sources.remote_settings import RemoteSettings
from scimsync.sources.workspace import new_private_file
from scimsync.transport.auth.connecting import connection_options
from scimsync.transport.request_errors import BaseUrlError
from scimsync.transport.retry_policy import RetryPolicy

if TYPE_CHECKING:  # httpx2 is slow to import
    from scimsync.transport.http import HttpConnection

Result = TypeVar("Result")

READS = 2
"""How often a list that changes while it is read, or is incomplete, is read from its beginning."""

MAX_PAUSE_S: Final = 300.0
"""The longest pause in seconds that a read obeys. A longer one is left to a later run."""

RETRIES: Final = RetryPolicy(attempts=6, total_s=600.0)
"""The attempts at one request."""

MAX_RESPONSE_BYTES = 256 * 1024 * 1024
"""The longest response. Reports of HR systems come in one piece."""


class ListFault(Exception):
    """A list that is not complete, or that changed while it was read. Reading it again may help.

    `hint` says what the administrator can do.
    """

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.hint = hint


def open_connection(spec: SourceSpec[Any], base_url: str) -> HttpConnection:
    """Return the connection to the server of a source. Raise ConfigError."""
    from scimsync.transport.http import HttpConnection

    settings: RemoteSettings = spec.settings
    options = connection_options(settings.auth, spec.base_dir, settings.timeout)
    try:
        auth = settings.auth
        authenticator = (
            None if auth is None else auth.authenticator(base_url, spec.secrets("auth"), options)
        )
        return HttpConnection(
            base_url,
            authenticator,
            user_agent=options.user_agent,
            timeout=options.timeout,
            verify=options.ssl_context(),
            proxy=options.proxy,
            max_response_bytes=MAX_RESPONSE_BYTES,
        )
    except (BaseUrlError, ValueError) as error:
        raise ConfigError(f"{spec.setting('auth')}: {error}", code="SYNC-0120") from None


async def read_again_after_fault(
    source: str, label: str, read: Callable[[], Awaitable[Result]]
) -> Result:
    """Return what `read` returns, called once more if the list was not complete.

    `source` is the name of the source, and `label` the name of the list in messages. Raise
    SourceUnavailable if it was not complete again.
    """
    for _ in range(READS - 1):
        with suppress(ListFault):
            return await read()
    try:
        return await read()
    except ListFault as fault:
        raise SourceUnavailable(
            f'source "{source}": the list at {label} is not complete: {fault}',
            hint=fault.hint
            or "the next run reads it again; if this persists, check the paging of the list",
            code="SYNC-0267",
        ) from None


@contextmanager
def spool_file(path: Path) -> Iterator[BinaryIO]:
    """Create `path` (mode 0600) and open it for bytes. Remove it if writing it fails."""
    with new_private_file(path) as text:
        try:
            yield text.buffer
        except BaseException:
            path.unlink()
            raise


def run_apart(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end, even if an event loop is already running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, work).result()
