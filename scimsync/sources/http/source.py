"""The records of an HTTP API as a source: they are spooled and then compared in bulk."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TypeVar

from scimsync.errors import ConfigError, SourceUnavailable
from scimsync.sources.base import SourceSpec, missing_column
from scimsync.sources.http.api_client import ApiClient
from scimsync.sources.http.conditional import ConditionalReader
from scimsync.sources.http.feed_reader import FeedReader
from scimsync.sources.http.incremental import IncrementalReader
from scimsync.sources.http.jmespath_expressions import INSTALL
from scimsync.sources.http.list_pages import BadPage
from scimsync.sources.http.list_reader import ListReader
from scimsync.sources.http.list_rows import Spool, new_spool
from scimsync.sources.http.response_columns import Columns
from scimsync.sources.http.settings import HttpSettings
from scimsync.sources.kept_read import FORMAT, Keeping, KeptRead, load
from scimsync.sources.remote import (
    open_connection,
    read_again_after_fault,
    run_apart,
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
        """Read the list, and read it again if it was incomplete; see `SpooledSource.write`.

        Where sync.toml says so, read only what changed since the kept read.
        """
        kept = None if self._keeping is None else load(self._keeping.path)
        if kept is not None and kept.facts.identity != self._identity:
            kept = None

        async def read(client: ApiClient) -> str:
            found = await self._read_changes(client, path, kept)
            return await self._read(client, path) if found is None else found

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

    async def _read_changes(
        self, client: ApiClient, path: Path, kept: KeptRead | None
    ) -> str | None:
        """Write all records after reading only what changed, and return their digest.

        Return None if the list has to be read as a whole, and be it because nothing else is wanted.
        """
        keeping, listed, key = self._keeping, self._list, self.spec.key
        if keeping is None or keeping.now is None:
            return None
        now, identity = keeping.now, self._identity
        if self.spec.settings.conditional:
            return await ConditionalReader(
                client, listed, self._columns, key, keeping, now, identity, self._spool_to(path)
            ).read(kept)
        if listed.feed is None or self._columns.need_the_list:
            keeping.forget()
            return None
        return await IncrementalReader(
            FeedReader(client, listed, listed.feed, self._columns),
            key,
            keeping,
            now,
            identity,
            f'source "{self.spec.name}"',
            self._workspace,
            self._spool_to(path),
        ).read(kept)

    async def _read(self, client: ApiClient, path: Path) -> str:
        """Write all records to a new file, and return their digest."""
        with self._spool_to(path)() as spool:
            await self._reader(client, spool.write).read()
            return spool.hexdigest()

    def _spool_to(self, path: Path) -> Callable[[], AbstractContextManager[Spool]]:
        settings = self.spec.settings.model_dump_json()
        used = "" if self._columns.is_open else str(self.spec.used)
        return partial(new_spool, path, f"{settings}{used}")

    @property
    def _keeping(self) -> Keeping | None:
        """How kept reads are used; None if they are not."""
        keeping = self.spec.keeping
        return None if keeping is None or keeping.every is None else keeping

    @property
    def _identity(self) -> str:
        """A digest of everything that a read depends on: settings, facts, and columns in use.

        It includes the path of the configuration file. Another file in the same folder may have a
        source of this name with other credentials, which see other records.
        """
        listed, feed, spec = self._list, self._list.feed, self.spec
        parts = [
            str(FORMAT),
            str(spec.base_dir.absolute() / spec.config_name),
            spec.settings.model_dump_json(),
            listed.call.model_dump_json(),
            "" if feed is None else feed.model_dump_json(),
            repr((listed.place, sorted(listed.feed_headers.items()))),
            repr(sorted(self._columns.facts)),
        ]
        return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=20).hexdigest()

    def _reader(self, client: ApiClient, write: Callable[[bytes], None]) -> ListReader:
        listed, key = self._list, self.spec.key
        concurrency = listed.api.concurrency
        return ListReader(client, listed.call, listed.place, self._columns, key, write, concurrency)
