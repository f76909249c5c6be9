"""Collections on disk hold what was put into them, and keep none of it in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from scimsync.disk_collections import DiskList, DiskMap, TemporaryDatabase
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus
from scimsync.state.noted_links import NotedLinks

LINK = Link(
    Kind.USER,
    Key("1"),
    LinkStatus.ACTIVE,
    RemoteId("id-1"),
    {"userName": "ada", "active": True, "level": 2**70, "roles": [{"value": "x"}]},
    synced_at=datetime(2026, 11, 24, 8, tzinfo=UTC),
)


def test_a_list_keeps_items_and_their_order() -> None:
    items: DiskList[object] = DiskList()
    assert (len(items), list(items)) == (0, [])

    items.add(["b", LINK])
    items.add([])
    items.add([None])

    assert (len(items), list(items)) == (3, ["b", LINK, None])
    items.clear()
    assert (len(items), list(items)) == (0, [])
    items.add([1])
    assert list(items) == [1]


def test_a_map_returns_the_last_item_of_each_key() -> None:
    items: DiskMap[object] = DiskMap()
    assert "a" not in items
    assert items.get("a") is None

    items["a"], items["b"], items["a"] = 1, None, LINK

    assert (items["a"], items.get("b"), "b" in items) == (LINK, None, True)
    with pytest.raises(KeyError):
        items["c"]
    items.clear()
    assert "a" not in items


def test_a_temporary_database_begins_empty_after_it_was_closed() -> None:
    database = TemporaryDatabase("CREATE TABLE t (x)")
    assert not database.is_used
    database.close()
    database.connection.execute("INSERT INTO t VALUES (1)")
    assert database.is_used

    database.close()

    assert database.connection.execute("SELECT * FROM t").fetchall() == []


def in_a_list(number: int) -> object:
    items: DiskList[str] = DiskList()
    items.add(f"{n} {'x' * 1000}" for n in range(number))
    return items


def in_a_map(number: int) -> object:
    items: DiskMap[str] = DiskMap()
    for n in range(number):
        items[str(n)] = f"{n} {'x' * 1000}"
    return items


def in_noted_links(number: int) -> object:
    links = NotedLinks()
    for n in range(number):
        document = {"userName": f"{n} {'x' * 1000}"}
        links.put([Link(Kind.USER, Key(str(n)), LinkStatus.ACTIVE, RemoteId(str(n)), document)])
    return links


@pytest.mark.parametrize("filled", [in_a_list, in_a_map, in_noted_links])
def test_python_keeps_nothing_of_the_items(filled: Callable[[int], object]) -> None:
    filled(10)  # what is loaded once
    tracemalloc.start()
    try:
        kept = filled(1000)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert size < 100_000, kept  # 1,000 items of 1,000 characters
