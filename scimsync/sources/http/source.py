"""The records of an HTTP API as a source: they are spooled and then compared in bulk."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import BinaryIO, TypeVar

from scimsync.errors import ConfigError, SourceUnavailable
from scimsync.sources.base import SourceSpec, missing_column
from scimsync.sources.http.client import ApiClient
from scimsync.sources.http.columns import Columns
from scimsync.sources.http.expressions import INSTALL
from scimsync.sources.http.paging import BadPage
from scimsync.sources.http.reader import ListReader
from scimsync.sources.http.settings import HttpSettings
from scimsync.sources.remote import (
    open_connection,
    read_again_after_fault,
    run_apart,
    spool_file,
)
from scimsync.sources.spool import SpooledSource
from scimsync.sources.workspace import Workspace
from scimsync.transport.retry_policy import TimeSource

Result = TypeVar("Result")


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
            with spool_file(path) as stream:
                return await self._read(client, stream)

        return run_apart(self._connected(read))

    def first_records(self, limit: int) -> list[Mapping[str, object]]:
        """Return the first records, without their joins."""

        async def read(client: ApiClient) -> list[Mapping[str, object]]:
            reader = self._reader(client, lambda _lines: None)
            return list(await reader.first(limit))

        return run_apart(self._connected(read))

    async def _connected(self, read: Callable[[ApiClient], Awaitable[Result]]) -> Result:
        name = self.spec.name
        connection = open_connection(self.spec, self._list.place.origin)
        client = ApiClient(connection, self._list.api, f'source "{name}"', time=self._time)
        try:
            return await read_again_after_fault(name, self.label, lambda: read(client))
        except BadPage as error:
            raise SourceUnavailable(
                f'source "{name}": {self.label}: {error}',
                hint="compare records, paging and columns with what the API sends",
                code="SYNC-0268",
            ) from None
        finally:
            await connection.aclose()

    async def _read(self, client: ApiClient, stream: BinaryIO) -> str:
        """Write all records to `stream`, and return their digest."""
        settings = self.spec.settings.model_dump_json()
        used = "" if self._columns.is_open else str(self.spec.used)
        total = hashlib.sha256(f"{settings}{used}".encode())

        def write(lines: bytes) -> None:
            total.update(lines)
            stream.write(lines)

        await self._reader(client, write).read()
        return total.hexdigest()

    def _reader(self, client: ApiClient, write: Callable[[bytes], None]) -> ListReader:
        listed, key = self._list, self.spec.key
        concurrency = listed.api.concurrency
        return ListReader(client, listed.call, listed.place, self._columns, key, write, concurrency)
