"""Send the requests of a feed of changes, and select the members of its records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from scimsync.sources.http.api_client import ApiClient
from scimsync.sources.http.change_round import AllRecords, Changes, members_of
from scimsync.sources.http.delta_feed import DeltaFeed
from scimsync.sources.http.jmespath_expressions import compiled
from scimsync.sources.http.list_pages import Pages
from scimsync.sources.http.page_reader import asked_fields, evaluated, read_pages
from scimsync.sources.http.received_records import ReceivedRecords
from scimsync.sources.http.response_columns import Columns
from scimsync.sources.http.settings import ApiList
from scimsync.sources.remote import ListFault

Records = Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class FeedReader:
    """Reads rounds of a feed. All methods raise ListFault, BadPage and SourceUnavailable."""

    client: ApiClient
    listed: ApiList
    feed: DeltaFeed
    columns: Columns

    async def since(self, link: str) -> tuple[Changes, str]:
        """Return the changes since `link`, and the link for later changes."""
        changes = Changes(self.feed, self._noted)
        return changes, await self._round(changes, link, lambda: None)

    async def everything(
        self, take: Callable[[list[dict[str, Any]]], None]
    ) -> tuple[AllRecords, str]:
        """Read all records, and call `take` with the new records of each page.

        Return the changes of later pages to earlier records, and the link for later changes.
        """
        changes = AllRecords(self.feed, self._noted)
        return changes, await self._round(changes, None, lambda: take(changes.take()))

    async def _round(
        self, changes: Changes, link: str | None, after_page: Callable[[], None]
    ) -> str:
        place, feed = self.listed.place, self.feed
        extra = asked_fields(self.listed.call, self.columns, feed.complete)
        pages = Pages(
            feed,
            place.origin,
            place.base + feed.path,
            self.listed.feed_headers,
            extra=extra,
            records=ReceivedRecords(lambda record: record.get(feed.id)),
        )
        later: Any = None
        async for page in read_pages(self.client, pages, None if link is None else pages.at(link)):
            changes.add(page.records)
            after_page()
            later = evaluated(compiled(feed.link), page.response.body)
        if not isinstance(later, str) or not later:
            raise ListFault("the last page of the changes has no link for later changes")
        pages.at(later)  # raises for one that leads to another host
        return later

    @property
    def _noted(self) -> list[str] | None:
        """The members of a changed record to keep in memory, or None for all."""
        names = self.columns.read_members()
        return None if names is None else [*names, *self.feed.complete]

    def in_use(self, records: Records) -> list[dict[str, Any]]:
        """Return records with their ids and the members that expressions read.

        The names of requested fields are not used, because members may have other names.
        """
        names = self.columns.read_members()
        wanted = None if names is None else {self.feed.id, *names}
        return [members_of(record, wanted) for record in records]

    def hashes(self, records: Records) -> dict[str, int]:
        """Return a hash of each record by its id. Null members count as absent."""
        return {
            record[self.feed.id]: hash(
                orjson.dumps(
                    {name: value for name, value in record.items() if value is not None},
                    option=orjson.OPT_SORT_KEYS,
                )
            )
            for record in self.in_use(records)
        }
