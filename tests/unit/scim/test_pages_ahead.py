"""Pages of a list that are requested before the pages in front of them have come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from scimsync.scim.dialects import DIALECTS
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.listing import ListingError, Page, list_resources
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.scim.pages_ahead import PagesAhead
from scimsync.scim.paging import ListPaging

PEOPLE = 23
AHEAD = 3
Answer = Callable[[list[Any], int, int], Any]


class Provider:
    """A service provider that responds to the newest request first."""

    def __init__(self, answer: Answer) -> None:
        self.people = [{"id": str(number)} for number in range(PEOPLE)]
        self.answer = answer
        self.starts: list[int] = []
        self.in_flight = self.most = 0

    async def send(self, request: ScimRequest) -> ScimResponse:
        query = dict(request.query)
        start, count = int(query["startIndex"]), int(query["count"])
        self.starts.append(start)
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            for _ in range(40 - start):
                await asyncio.sleep(0)
            return ScimResponse(200, self.answer(self.people, start, count))
        finally:
            self.in_flight -= 1


def listed(provider: Provider, ahead: int, *, pages: int = 100) -> list[str] | str:
    """Returns the ids of the first pages, or the error; nothing is in flight after that."""

    async def scenario() -> list[str] | str:
        wanted = list_resources(
            provider, "/Users", DIALECTS["rfc"].page, ListPaging(count=4), ahead=ahead
        )
        found: list[str] = []
        try:
            async with aclosing(wanted):
                number = 0
                async for page in wanted:
                    found += [one["id"] for one in page.resources]
                    number += 1
                    if number == pages:
                        break
        except (ListingError, ErrorResponse) as error:
            return str(error)
        finally:
            assert provider.in_flight == 0
            assert len(asyncio.all_tasks()) == 1
        return found

    return asyncio.run(scenario())


def faithful(people: list[Any], start: int, count: int) -> Any:
    return {"totalResults": len(people), "Resources": people[start - 1 :][:count]}


def at_most_three(people: list[Any], start: int, count: int) -> Any:
    return faithful(people, start, min(count, 3))


def shorter_in_the_middle(people: list[Any], start: int, count: int) -> Any:
    return faithful(people, start, 2 if 8 < start < 16 else count)


def error_in_the_middle(people: list[Any], start: int, count: int) -> Any:
    if start > 12:
        raise ErrorResponse(500, request="GET /Users")
    return faithful(people, start, count)


def total_is_too_small(people: list[Any], start: int, count: int) -> Any:
    return faithful(people, start, count) | {"totalResults": 12}


def total_is_too_large(people: list[Any], start: int, count: int) -> Any:
    return faithful(people, start, count) | {"totalResults": 10**15}


def error_beyond_the_end(people: list[Any], start: int, count: int) -> Any:
    if start > PEOPLE:
        raise ErrorResponse(400, request="GET /Users")
    return total_is_too_small(people, start, count)


def no_total(people: list[Any], start: int, count: int) -> Any:
    return {"Resources": people[start - 1 :][:count]}


def pages_overlap(people: list[Any], start: int, count: int) -> Any:
    return faithful(people, max(1, start - 1), count)


def the_first_page_each_time(people: list[Any], _start: int, count: int) -> Any:
    return faithful(people, 1, count)


def all_at_once(people: list[Any], _start: int, _count: int) -> Any:
    return faithful(people, 1, PEOPLE)


ANSWERS = [
    faithful,
    at_most_three,
    shorter_in_the_middle,
    error_in_the_middle,
    total_is_too_small,
    total_is_too_large,
    error_beyond_the_end,
    no_total,
    pages_overlap,
    the_first_page_each_time,
    all_at_once,
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_list_is_the_same_as_one_read_page_by_page(answer: Answer) -> None:
    plain, early = Provider(answer), Provider(answer)

    assert listed(early, AHEAD) == listed(plain, 0)
    assert plain.most == 1
    assert early.most <= AHEAD


def test_pages_are_requested_early_once_two_were_of_one_length() -> None:
    provider = Provider(faithful)

    found = listed(provider, AHEAD)

    assert found == [str(number) for number in range(PEOPLE)]
    assert provider.starts == [1, 5, 9, 13, 17, 21]  # each once
    assert provider.most == AHEAD


def test_pages_of_another_length_are_requested_again_at_the_right_index() -> None:
    provider = Provider(shorter_in_the_middle)

    listed(provider, AHEAD)

    wanted = [1, 5, 9, 11, 13, 15, 17, 21]
    assert [start for start in wanted if start not in provider.starts] == []
    assert len(provider.starts) <= len(wanted) + 2 * AHEAD


def test_a_reader_that_stops_early_leaves_no_request_behind() -> None:
    provider = Provider(faithful)

    assert listed(provider, AHEAD, pages=2) == [str(number) for number in range(8)]
    assert provider.starts[:2] == [1, 5]
    assert len(provider.starts) <= 2 + AHEAD


def test_what_was_requested_by_a_wrong_guess_is_cancelled() -> None:
    cancelled: list[int] = []

    async def fetch(start: int) -> Page:
        if start != 7:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(start)
                raise
        return Page((), start)

    async def scenario() -> Page:
        pages = PagesAhead(fetch, AHEAD)
        pages.request(9, 4, 100)
        await asyncio.sleep(0)
        return await pages.page(7)

    assert asyncio.run(scenario()).total_results == 7
    assert cancelled == [9, 13, 17]
