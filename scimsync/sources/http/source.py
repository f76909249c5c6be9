"""The records of an HTTP API as a source: they are spooled and then compared in bulk."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from scimsync import __version__
from scimsync.errors import ConfigError, SourceUnavailable
from scimsync.sources.base import SourceSpec, missing_column
from scimsync.sources.http.client import ApiClient
from scimsync.sources.http.columns import Columns
from scimsync.sources.http.expressions import INSTALL
from scimsync.sources.http.paging import BadPage, ListFault
from scimsync.sources.http.reader import ListReader
from scimsync.sources.http.settings import HttpSettings
from scimsync.sources.spool import SpooledSource
from scimsync.sources.workspace import Workspace, new_private_file
from scimsync.transport.connection_options import ConnectionOptions
from scimsync.transport.request_errors import BaseUrlError
from scimsync.transport.retry_policy import TimeSource

Result = TypeVar("Result")

READS = 2
"""How often a list that changes while it is read, or is incomplete, is read from its beginning."""

MAX_RESPONSE_BYTES = 256 * 1024 * 1024
"""The longest response. Reports of HR systems come in one piece."""


class HttpSource(SpooledSource[HttpSettings]):
    """The list of `[sources.NAME]`; `time` is for tests."""

    def __init__(
        self, spec: SourceSpec[HttpSettings], workspace: Workspace, time: TimeSource | None = None
    ) -> None:
        self._list = spec.settings.resolved()
        place = self._list.place
        host = place.origin.partition("://")[2]
        super().__init__(spec, workspace, f"{host}{place.path.partition('?')[0]}")
        self._time = time
        try:
            self._columns = Columns(
                self._list.call, None if spec.used is None else {spec.key, *spec.used}
            )
        except ImportError:
            raise ConfigError(
                f"{spec.setting('type')}: HTTP sources need a package that is not installed",
                hint=INSTALL,
                code="SYNC-0272",
            ) from None

    def columns(self) -> list[str]:
        """Return the declared columns, or else the names of the values of all records."""
        declared = list(self._list.call.columns)
        if not declared:
            return super().columns()
        if self.spec.key not in declared:
            raise missing_column(self.spec, "key", self.spec.key, declared, self.label)
        return declared

    def write(self, path: Path) -> str:
        """Read the list, and once more if it was not complete; see `SpooledSource.write`."""

        async def read(client: ApiClient) -> str:
            with new_private_file(path) as text, _removed_if_it_fails(path):
                return await self._read(client, text.buffer)

        return run_apart(self._connected(read))

    def first_records(self, limit: int) -> list[Mapping[str, object]]:
        """Return the first records, without their joins."""

        async def read(client: ApiClient) -> list[Mapping[str, object]]:
            reader = self._reader(client, lambda _lines: None)
            return list(await reader.first(limit))

        return run_apart(self._connected(read))

    async def _connected(self, read: Callable[[ApiClient], Awaitable[Result]]) -> Result:
        """Return what `read` returns, called again if the list changes meanwhile."""
        from scimsync.transport.http import HttpConnection

        spec, name = self.spec, f'source "{self.spec.name}"'
        options = _connection_options(spec)
        origin = self._list.place.origin
        try:
            auth = spec.settings.auth
            authenticator = (
                None if auth is None else auth.authenticator(origin, spec.secrets("auth"), options)
            )
            connection = HttpConnection(
                origin,
                authenticator,
                user_agent=options.user_agent,
                timeout=options.timeout,
                verify=options.ssl_context(),
                proxy=options.proxy,
                max_response_bytes=MAX_RESPONSE_BYTES,
            )
        except (BaseUrlError, ValueError) as error:
            raise ConfigError(f"{spec.setting('auth')}: {error}", code="SYNC-0120") from None
        client = ApiClient(connection, self._list.api, name, time=self._time)
        try:
            for _ in range(READS - 1):
                with suppress(ListFault):
                    return await read(client)
            return await read(client)
        except ListFault as error:
            raise SourceUnavailable(
                f"{name}: the list at {self.label} is not complete: {error}",
                hint=error.hint or "nothing is sent for a part of a list",
                code="SYNC-0267",
            ) from None
        except BadPage as error:
            raise SourceUnavailable(
                f"{name}: {self.label}: {error}",
                hint="compare records, paging and columns with what the API sends",
                code="SYNC-0268",
            ) from None
        finally:
            await connection.aclose()

    async def _read(self, client: ApiClient, stream: BinaryIO) -> str:
        """Write all records to `stream`, and return their digest."""
        settings = self.spec.settings.model_dump_json()
        total = hashlib.blake2b(f"{settings}{self.spec.used}".encode(), digest_size=20)

        def write(lines: bytes) -> None:
            total.update(lines)
            stream.write(lines)

        await self._reader(client, write).read()
        return total.hexdigest()

    def _reader(self, client: ApiClient, write: Callable[[bytes], None]) -> ListReader:
        listed, key = self._list, self.spec.key
        concurrency = listed.api.concurrency
        return ListReader(client, listed.call, listed.place, self._columns, key, write, concurrency)


@contextmanager
def _removed_if_it_fails(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink()
        raise


def run_apart(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end, also where an event loop runs already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, work).result()


def _connection_options(spec: SourceSpec[Any]) -> ConnectionOptions:
    """Return how the server is reached. Paths are relative to sync.toml."""
    settings = spec.settings
    tls = None if settings.auth is None else settings.auth.tls
    cert, key, ca = (
        None if path is None else spec.base_dir / path
        for path in ((tls.cert, tls.key, tls.ca) if tls is not None else (None, None, None))
    )
    return ConnectionOptions(
        user_agent=f"scimsync/{__version__}",
        timeout=settings.timeout,
        cert=cert,
        key=key,
        ca=ca,
        proxy=None if settings.auth is None else settings.auth.proxy,
    )
