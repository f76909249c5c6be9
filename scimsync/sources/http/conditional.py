"""Ask for a list of one page only if it changed (RFC 9110, section 13)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from scimsync.sources.http.api_client import ApiClient
from scimsync.sources.http.list_pages import Pages
from scimsync.sources.http.list_rows import RowWriter, Spool, check_probe
from scimsync.sources.http.page_reader import asked_fields, records_in
from scimsync.sources.http.received_records import ReceivedRecords
from scimsync.sources.http.response_columns import Columns
from scimsync.sources.http.settings import ApiList
from scimsync.sources.kept_read import Keeping, KeptFacts, KeptRead, KeptReadDamaged, store
from scimsync.transport.http_date import http_date

_SAFE_AGE: Final = timedelta(minutes=1)
"""The minimum age of a Last-Modified. It has a resolution of one second, so a list may change again
without another Last-Modified, and clocks differ (RFC 9110 section 8.8.2.2)."""

_NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True)
class ConditionalReader:
    """Reads a list of one page, or uses the kept rows if the API reports no change.

    `key` is the name of the key column. Kept reads can be used if they have the same `identity`.
    """

    client: ApiClient
    listed: ApiList
    columns: Columns
    key: str
    keeping: Keeping
    now: datetime
    identity: str
    spool: Callable[[], AbstractContextManager[Spool]]

    async def read(self, kept: KeptRead | None) -> str:
        """Write the rows, and return their digest. `kept` is the last read, if it can be used.

        Raise BadPage, ListFault, SourceUnavailable as `ListReader.read` does.
        """
        if kept is not None and kept.facts.validators and not self.keeping.is_due(kept.facts):
            try:
                found = await self._read(kept)
            except KeptReadDamaged:
                self.keeping.forget()
            else:
                return found
        return await self._read(None)

    async def _read(self, kept: KeptRead | None) -> str:
        pages = self._pages({} if kept is None else kept.facts.validators)
        response = await self.client.fetch(pages.first(), pages.call, ends_with=pages.ends_with)
        with self.spool() as spool:
            if response.status == _NOT_MODIFIED and kept is not None:
                for lines in kept.batches():
                    spool.write(b"".join(line + b"\n" for line in lines))
                await self._check_probes(kept.facts.received)
                return spool.hexdigest()
            records = records_in(pages, response)
            pages.after(response, records)
            call = self.listed.call
            rows = RowWriter(self.client, call, self.columns, self.key, spool.write)
            rows.put(rows.wanted(records))
            await self._check_probes(pages.received)
            rows.check_filled()
            self._store(spool, rows, pages.received, _validators(response.headers))
            return spool.hexdigest()

    def _pages(self, validators: Mapping[str, str]) -> Pages:
        listed, place = self.listed, self.listed.place
        params = dict(self.columns.params())
        for read in listed.call.reads:
            params |= read.params
        headers = {**place.headers, **validators}
        extra = asked_fields(listed.call, self.columns)
        records = ReceivedRecords(once=True)
        needed = self.columns.fields_of(self.key)
        return Pages(
            listed.call,
            place.origin,
            place.path,
            headers,
            params,
            extra,
            records=records,
            needed=needed,
        )

    async def _check_probes(self, received: int) -> None:
        for probe in self.listed.call.probes:
            await check_probe(self.client, self.listed.place, probe, received)

    def _store(
        self, spool: Spool, rows: RowWriter, received: int, validators: Mapping[str, str]
    ) -> None:
        if not self.keeping.stores:
            return
        if not validators:  # no condition could be sent next time
            self.keeping.forget()
            return
        spool.flush()
        facts = KeptFacts(self.identity, self.now, self.now, rows.rows, received)
        store(self.keeping.path, spool.path, replace(facts, validators=validators))


def _validators(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a conditional request, from the headers of the last response."""
    validators = {}
    if etag := headers.get("etag"):
        validators["If-None-Match"] = etag
    modified, sent = http_date(headers.get("last-modified")), http_date(headers.get("date"))
    if modified is not None and sent is not None and sent - modified >= _SAFE_AGE:
        validators["If-Modified-Since"] = headers["last-modified"]
    return validators
