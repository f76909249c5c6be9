"""Histories of a tenant, read by its changes and without a network: each read has all its users."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from scimsync.sources.http.api_client import ApiClient
from scimsync.sources.http.calls import Call
from scimsync.sources.http.change_round import AllRecords, Changes, Overlay
from scimsync.sources.http.delta_feed import DeltaFeed
from scimsync.sources.http.feed_reader import FeedReader
from scimsync.sources.http.incremental import IncrementalReader
from scimsync.sources.http.list_pages import BadPage, PageRequest, PageResponse
from scimsync.sources.http.list_rows import new_spool
from scimsync.sources.http.response_columns import Columns
from scimsync.sources.http.settings import HttpSettings
from scimsync.sources.kept_read import Keeping, load
from scimsync.sources.remote import ListFault
from scimsync.sources.workspace import Workspace
from tests.chaos.scale import scaled
from tests.delta_histories import live_a_day
from tests.http_sources import spec_of
from tests.servers.vendors.entra import Entra
from tests.servers.vendors.entra_delta import DeltaOfUsers
from tests.servers.vendors.server import Request
from tests.sources_company import company

SOURCE = """
type = "http"
preset = "entra"
variables = { tenant = "tenant" }
key = "id"
delta = true
whole_every = "3d"
"""
COLUMNS = ("id", "user_name", "given_name", "department", "active")
ORIGIN = "https://graph.microsoft.com"


class Client:
    """Asks a tenant without a network, as `ApiClient` does."""

    def __init__(self, tenant: DeltaOfUsers) -> None:
        self.tenant = tenant
        self.requests = 0

    async def fetch(
        self, request: PageRequest, call: Call, *, ends_with: Callable[[int], bool]
    ) -> PageResponse:
        address = urlsplit(request.target)
        query = dict(parse_qsl(address.query))
        self.requests += 1
        found = self.tenant.answer(Request("GET", address.path, query, {}))
        if found.status in call.refusals:
            raise ListFault(f"status {found.status}")
        return PageResponse(found.status, {}, orjson.loads(orjson.dumps(found.body)))


@pytest.mark.parametrize("seed", range(scaled(40, 200)))
def test_each_read_has_all_users_as_they_are(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    pool = company(12, 0).by_key()
    server = Entra(company(12, 0))
    server.page_limit = chance.choice([3, 5, 100])
    tenant = server.delta
    tenant.url = ORIGIN
    now = datetime(2026, 11, 30, tzinfo=UTC)
    for day in range(5):
        live_a_day(tenant, pool, chance)
        now += timedelta(hours=chance.choice([1, 24, 40]))
        path = tmp_path / f"{day}.ndjson"
        keeping = Keeping(
            tmp_path / "staff.kept",
            timedelta(days=3),
            now,
            whole=chance.random() < 0.1,
            stores=chance.random() < 0.8,
        )
        if keeping.path.exists() and chance.random() < 0.05:
            keeping.path.write_bytes(keeping.path.read_bytes()[: chance.randrange(900)])

        found = asyncio.run(_read(tenant, keeping, path))

        assert found is not None or tenant.faults.untrue
        if found is not None:
            rows = [orjson.loads(line) for line in path.read_bytes().splitlines()]
            assert sorted(rows, key=_key) == sorted(_users(tenant), key=_key)


ADA = {"id": "1", "name": "Ada"}
ADA_IS_GONE = {"id": "1", "@removed": {"reason": "changed"}}
FEED = DeltaFeed(path="/changes", link="link", removed='"@removed" != `null`')


@pytest.mark.parametrize("kind", [Changes, AllRecords])
@pytest.mark.parametrize(
    "records",
    [
        [ADA, ADA_IS_GONE],
        [ADA_IS_GONE, ADA],
        [ADA, ADA, ADA_IS_GONE],
        [ADA, ADA | {"mail": "ada@example.com"}, ADA | {"mail": "a@example.com"}],
    ],
)
def test_a_round_that_contradicts_itself_is_not_interpreted(
    kind: type[Changes], records: list[dict[str, Any]]
) -> None:
    changes = kind(FEED, None)

    with pytest.raises(ListFault, match="different values for one record"):
        changes.add(records)


def test_a_first_round_that_contradicts_an_earlier_page() -> None:
    changes = AllRecords(FEED, None)
    changes.add([ADA, ADA | {"name": "Eve"}])

    with pytest.raises(ListFault, match="different values for one record"):
        list(Overlay(changes, FEED).records([[orjson.dumps(record) for record in changes.take()]]))


@pytest.mark.parametrize("record", [{}, {"id": None}, {"id": ""}, {"id": 7}])
def test_a_changed_record_needs_an_id(record: dict[str, Any]) -> None:
    with pytest.raises(BadPage, match="no text at id"):
        Changes(FEED, None).add([record])


async def _read(tenant: DeltaOfUsers, keeping: Keeping, path: Path) -> str | None:
    settings: HttpSettings = spec_of(SOURCE).settings
    listed = settings.resolved()
    assert listed.feed is not None
    columns = Columns(listed.call, set(COLUMNS))
    with Workspace() as workspace:
        reader = IncrementalReader(
            FeedReader(cast(ApiClient, Client(tenant)), listed, listed.feed, columns),
            "id",
            keeping,
            keeping.now or datetime.now(UTC),
            "identity",
            "source",
            workspace,
            partial(new_spool, path, ""),
        )
        return await reader.read(load(keeping.path))


def _users(tenant: DeltaOfUsers) -> list[dict[str, Any]]:
    return [
        {
            "id": person.key,
            "user_name": person.email,
            "given_name": person.given_name,
            "department": person.department,
            "active": person.active,
        }
        for person in tenant.people.values()
    ]


def _key(row: dict[str, Any]) -> str:
    return str(row["id"])
