"""What a target declares is kept in the state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from scimsync.model.service_provider import (
    NOTHING_DISCOVERED,
    Assignable,
    AssignableList,
    Assigning,
    Attribute,
    Capabilities,
    DeclaredType,
    Discovery,
    Schema,
)
from scimsync.state.discoveries import get_discovery, put_discovery
from scimsync.state.store import Store, open_state
from scimsync.state.tables.target_tables import discovery

pytestmark = pytest.mark.both_databases

URL = "https://wiki.example.com/scim/v2"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
DECLARED = Discovery(
    Capabilities(patch=False, max_results=50, roles=Assigning(supported=True)),
    (DeclaredType("User", "/users", "urn:x:User", {"urn:y": None, "urn:z": True}),),
    (Schema("urn:x:User", (Attribute("name", sub_attributes=(Attribute("formatted"),)),)),),
    AssignableList((Assignable(("a",), permitted=3),), is_whole=False),
    untold={"/Entitlements": "404"},
    read_at=NOW,
)


@pytest.fixture
def store(tmp_path: Path, new_state: Callable[[], str | None]) -> Iterator[Store]:
    url = (new_state() or "sqlite:///scimsync.db").replace("postgresql:", "postgresql+psycopg:")
    with closing(open_state(url, tmp_path, create=True)) as opened:
        yield opened


def test_a_discovery_is_read_as_it_was_stored(store: Store) -> None:
    for each in (Discovery(schemas=()), DECLARED):
        with store.write() as connection:
            put_discovery(connection, "wiki", URL, each)
        with store.read() as connection:
            assert get_discovery(connection, "wiki", URL) == each
            assert get_discovery(connection, "chat", URL) == NOTHING_DISCOVERED


def test_the_discovery_of_another_service_or_form_is_none(store: Store) -> None:
    with store.write() as connection:
        put_discovery(connection, "wiki", URL, DECLARED)
    with store.read() as connection:
        assert get_discovery(connection, "wiki", f"{URL}/other") == NOTHING_DISCOVERED
    with store.write() as connection:
        connection.execute(update(discovery).values(document='{"schemas": 7}'))
    with store.read() as connection:
        assert get_discovery(connection, "wiki", URL) == NOTHING_DISCOVERED
