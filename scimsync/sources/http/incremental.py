"""Read what changed since the last read, and apply it to the records of that read.

There are three ways to read, which give the same records:

1. the changes since the link of the kept read, applied to its records
2. all records from the feed of changes, which gives a new link
3. the list itself, as for a source without a feed

If there is a problem with one way, try the next. A problem never means that records are gone.
Problems are an expired or foreign link, a damaged file, a round that contradicts itself, an
incomplete new record, columns that lost their values, and changes that remove many records at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from scimsync.errors import SourceUnavailable, coded
from scimsync.formatting import plural
from scimsync.model.batches import batches
from scimsync.sources.http.change_round import Changes, Overlay
from scimsync.sources.http.feed_reader import FeedReader
from scimsync.sources.http.list_pages import BadPage
from scimsync.sources.http.list_rows import RowWriter, Spool, check_probe
from scimsync.sources.kept_read import Keeping, KeptFacts, KeptRead, KeptReadDamaged, store
from scimsync.sources.remote import ListFault
from scimsync.sources.workspace import Workspace, new_private_bytes

_LOG = logging.getLogger("scimsync")

ALWAYS_BELIEVED: Final = 5
"""Changes may remove this many records at once, or one in a hundred. If they remove more, all
records are read to confirm it."""

_ODD = ("SYNC-0268", "SYNC-0269")
"""The codes for unusable responses, and for columns that lost their values."""

_ODD_OF_LINK = (*_ODD, "SYNC-0266")
"""The same for a link, which an API may refuse with the status of refused credentials. If it really
refuses the credentials, the next way to read fails, too."""

_BATCH = 1000


class _NextStep(Exception):
    """One way to read failed, for the reason in `str()`; the next one is tried."""


@contextmanager
def _or_next_step(odd: Collection[str] = _ODD) -> Iterator[None]:
    """Raise _NextStep for problems, such as an error with a code in `odd`."""
    try:
        yield
    except (ListFault, BadPage, KeptReadDamaged) as error:
        raise _NextStep(str(error)) from None
    except SourceUnavailable as error:
        if error.code not in odd:
            raise
        raise _NextStep(error.brief) from None


@dataclass(frozen=True, slots=True)
class _Expected:
    """The hashes of the records after all changes since `whole_at`, and the next link."""

    hashes: Mapping[str, int]
    link: str
    whole_at: datetime


@dataclass(frozen=True, slots=True)
class IncrementalReader:
    """Reads one source by its feed of changes.

    `key` is the name of the key column. Kept reads can be used if they have the same `identity`.
    Messages begin with `label`. `spool` opens a new file for rows, which is removed after an error.
    """

    feed: FeedReader
    key: str
    keeping: Keeping
    now: datetime
    identity: str
    label: str
    workspace: Workspace
    spool: Callable[[], AbstractContextManager[Spool]]

    async def read(self, kept: KeptRead | None) -> str | None:
        """Write the rows, and return their digest, or None if the list itself has to be read.

        `kept` is the last read, if it can be used. Raise SourceUnavailable if the API cannot be
        reached or refuses the credentials.
        """
        expected: _Expected | None = None
        if kept is not None and kept.facts.link is not None:
            try:
                if not self.keeping.is_due(kept.facts):
                    return await self._read_changes(kept, kept.facts.link)
                if self.keeping.stores and not self.keeping.whole:
                    expected = await self._expected(kept, kept.facts.link)
            except _NextStep as why:
                _LOG.info("%s: reading everything: %s", self.label, why)
        try:
            return await self._read_all(expected)
        except _NextStep as why:
            self._warn(f"reading the whole list instead of the changes: {why}", "SYNC-0273")
            self.keeping.forget()
            return None

    async def _read_changes(self, kept: KeptRead, link: str) -> str:
        with _or_next_step(_ODD_OF_LINK):
            changes, later = await self.feed.since(link)
            overlay = Overlay(changes, self.feed.feed)
            with self.spool() as spool, self._output(spool) as output:
                for records in overlay.records(kept.batches()):
                    output.put(records)
                before = kept.facts.rows
                if overlay.gone > max(ALWAYS_BELIEVED, before // 100):
                    raise _NextStep(
                        f"the changes remove {overlay.gone:,} of {plural(before, 'record')}"
                    )
                await self._finish(output, later, kept.facts.whole_at)
                return spool.hexdigest()

    async def _read_all(self, expected: _Expected | None) -> str:
        with _or_next_step():
            base = self.workspace.new(".records")
            with new_private_bytes(base) as file:
                changes, later = await self.feed.everything(lambda fresh: _write(file, fresh))
            hashes: dict[str, int] | None = None if expected is None else {}
            with (
                base.open("rb") as lines,
                self.spool() as spool,
                self._output(spool, hashes) as output,
            ):
                overlay = Overlay(changes, self.feed.feed)
                for records in overlay.records(batches(lines, _BATCH)):
                    output.put(records)
                if expected is not None and hashes is not None:
                    await self._compare(expected, hashes)
                await self._finish(output, later, self.now)
                return spool.hexdigest()

    async def _expected(self, kept: KeptRead, link: str) -> _Expected:
        """Return the result of the changes. Raise _NextStep for any failure: all is read anyway."""
        try:
            with _or_next_step():
                changes, later = await self.feed.since(link)
                hashes: dict[str, int] = {}
                for records in Overlay(changes, self.feed.feed).records(kept.batches()):
                    hashes |= self.feed.hashes(records)
                return _Expected(hashes, later, kept.facts.whole_at)
        except SourceUnavailable as error:
            raise _NextStep(error.brief) from None

    async def _compare(self, expected: _Expected, found: Mapping[str, int]) -> None:
        """Warn if all records differ from the result of the changes, except for later changes."""
        before = expected.hashes
        differing = {name for name in {*before, *found} if before.get(name) != found.get(name)}
        if not differing:
            return
        since: Changes | None = None
        with suppress(_NextStep, SourceUnavailable), _or_next_step():
            since, _ = await self.feed.since(expected.link)
        if since is not None and (missed := differing - {*since.changed, *since.removed}):
            self._warn(
                f"{plural(len(missed), 'record')} of {len(found):,} differ from what the changes"
                f" since {expected.whole_at:%Y-%m-%d} led to; using the whole list",
                "SYNC-0274",
            )

    async def _finish(self, output: _Output, link: str, whole_at: datetime) -> None:
        """Check the records, and keep them."""
        listed, rows = self.feed.listed, output.rows
        for probe in listed.call.probes:
            await check_probe(self.feed.client, listed.place, probe, output.written)
        rows.check_filled()
        if not self.keeping.stores:
            return
        output.flush()
        facts = KeptFacts(self.identity, whole_at, self.now, output.written, output.written, link)
        store(self.keeping.path, output.path, facts)

    @contextmanager
    def _output(self, spool: Spool, hashes: dict[str, int] | None = None) -> Iterator[_Output]:
        feed, path = self.feed, self.workspace.new(".kept")
        rows = RowWriter(feed.client, feed.listed.call, feed.columns, self.key, spool.write)
        with new_private_bytes(path) as file:
            yield _Output(feed, rows, path, file, hashes)

    def _warn(self, text: str, code: str) -> None:
        _LOG.warning("%s", coded(f"{self.label}: {text}", code))


@dataclass(slots=True)
class _Output:
    """The output: rows go to `rows`, and the kept members of records to `file`, at `path`.

    `hashes`, unless None, receives the hashes of all records.
    """

    feed: FeedReader
    rows: RowWriter
    path: Path
    file: BinaryIO
    hashes: dict[str, int] | None
    written: int = 0

    def put(self, records: list[dict[str, Any]]) -> None:
        _write(self.file, self.feed.in_use(records))
        self.written += len(records)
        if self.hashes is not None:
            self.hashes |= self.feed.hashes(records)
        self.rows.put(self.rows.wanted(records), repeats=True)

    def flush(self) -> None:
        self.file.flush()


def _write(file: BinaryIO, records: list[dict[str, Any]]) -> None:
    if records:
        file.write(b"\n".join([*map(orjson.dumps, records), b""]))
