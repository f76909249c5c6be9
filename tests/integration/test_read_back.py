"""Long lists of a target are read back into a database that takes little memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, cast

from scimsync.model.ids import Kind
from scimsync.reconcile.read_back import ReadBack
from scimsync.scim.listing import Page
from scimsync.targets.resource_reader import ResourceReader

PATHS = ("userName", "displayName")


class Lists:
    """Shows pages of users; the last page shows the first users again."""

    def __init__(self, pages: int, size: int, name: str = "") -> None:
        self._pages = pages
        self._size = size
        self._name = name

    async def pages(self, _kind: Kind, _most: int) -> AsyncGenerator[Page]:
        for number in [*range(self._pages), 0]:
            users = [self._user(number * self._size + at) for at in range(self._size)]
            yield Page(tuple(users), self._pages * self._size, is_first=False)

    def _user(self, number: int) -> dict[str, Any]:
        return {
            "id": f"id-{number}",
            "userName": f"u{number}",
            "displayName": f"{number} " * 200 + self._name,
        }


def test_a_list_may_be_larger_than_the_memory_of_the_database() -> None:
    lists = cast("ResourceReader", Lists(900, 100))
    with ReadBack() as read_back:
        asyncio.run(read_back.read(lists, Kind.USER, PATHS))

        assert read_back.number(Kind.USER) == 90_000  # each once
        assert read_back.problems == {Kind.USER: None}
        found = read_back.connection.execute("SELECT held FROM resource WHERE id = 'id-7'")
        assert found.fetchall() == [({"userName": "u7", "displayName": "7 " * 200},)]


def test_a_name_of_megabytes_is_no_name() -> None:
    lists = cast("ResourceReader", Lists(1, 2, name="x" * 2_000_000))
    with ReadBack() as read_back:
        asyncio.run(read_back.read(lists, Kind.USER, PATHS))

        found = read_back.connection.execute("SELECT held FROM resource WHERE id = 'id-1'")
        assert found.fetchall() == [({"userName": "u1", "displayName": None},)]
