"""Lists from service providers that page by index, in different ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from scimsync.scim.dialects import DIALECTS
from scimsync.scim.listing import ListingError, NotAList, Page, list_resources
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.scim.paging import ListPaging
from scimsync.transport.request_errors import RequestError


class Provider:
    """A service provider with `people` accounts. `answer(people, start, count)` returns the body of
    a page."""

    def __init__(
        self, people: int, answer: Callable[[list[dict[str, Any]], int, int], Any]
    ) -> None:
        self.people = [{"id": number, "userName": f"user{number}"} for number in range(people)]
        self.answer = answer
        self.queries: list[dict[str, str]] = []

    async def send(self, request: ScimRequest) -> ScimResponse:
        assert len(self.queries) < 50, "this list never ends"
        query = dict(request.query)
        self.queries.append(query)
        return ScimResponse(
            200, self.answer(self.people, int(query["startIndex"]), int(query["count"]))
        )


def listed(provider: Provider, count: int = 10) -> list[Page]:
    async def scenario() -> list[Page]:
        paging = ListPaging(count=count)
        pages = list_resources(provider, "/Users", DIALECTS["rfc"].page, paging)
        return [page async for page in pages]

    return asyncio.run(scenario())


def faithful(people: Any, start: int, count: int) -> Any:
    return {"totalResults": len(people), "Resources": people[start - 1 :][:count]}


def at_most_four(people: Any, start: int, count: int) -> Any:
    return faithful(people, start, min(count, 4))


def total_is_the_size_of_the_page(people: Any, start: int, count: int) -> Any:
    page = people[start - 1 :][:count]
    return {"totalResults": len(page), "Resources": page}


def total_is_too_small(people: Any, start: int, count: int) -> Any:
    return faithful(people, start, count) | {"totalResults": 12}


def total_is_too_large(people: Any, start: int, count: int) -> Any:
    return faithful(people, start, count) | {"totalResults": len(people) + 7}


def no_total(people: Any, start: int, count: int) -> Any:
    return {"resources": people[start - 1 :][:count]}


def total_is_text(people: Any, start: int, count: int) -> Any:
    return {"TOTALRESULTS": str(len(people)), "RESOURCES": people[start - 1 :][:count]}


def all_at_once(people: Any, start: int, count: int) -> Any:
    return {"totalResults": len(people), "Resources": people}


def all_at_once_without_total(people: Any, start: int, count: int) -> Any:
    return {"Resources": people}


def starts_again_after_the_end(people: Any, start: int, count: int) -> Any:
    page = people[start - 1 :][:count] or people[:count]
    return {"Resources": page}


def last_page_again_after_the_end(people: Any, start: int, count: int) -> Any:
    return {"Resources": people[min(start - 1, max(0, len(people) - count)) :][:count]}


def pages_overlap(people: Any, start: int, count: int) -> Any:
    return {"totalResults": len(people), "Resources": people[max(0, start - 2) :][:count]}


@pytest.mark.parametrize(
    ("answer", "requests"),
    [
        # how many requests 0, 3, 10, 20 and 25 accounts take in pages of 10
        (faithful, [1, 1, 2, 2, 3]),
        (at_most_four, [1, 1, 3, 5, 7]),
        (total_is_the_size_of_the_page, [1, 1, 2, 3, 3]),
        (total_is_too_small, [1, 2, 2, 3, 3]),
        (total_is_too_large, [1, 2, 2, 3, 4]),
        (no_total, [1, 2, 2, 3, 4]),
        (total_is_text, [1, 1, 2, 2, 3]),
        (all_at_once, [1, 1, 2, 1, 1]),
        (all_at_once_without_total, [1, 2, 2, 2, 2]),
        (starts_again_after_the_end, [1, 2, 2, 3, 4]),
        (last_page_again_after_the_end, [1, 2, 2, 3, 4]),
    ],
)
def test_every_account_is_listed_once(answer: Any, requests: list[int]) -> None:
    for people, expected in zip([0, 3, 10, 20, 25], requests, strict=True):
        provider = Provider(people, answer)
        pages = listed(provider)

        assert [one["id"] for page in pages for one in page.resources] == list(range(people))
        assert len(provider.queries) == expected


def test_accounts_that_move_between_pages_come_once() -> None:
    pages = listed(Provider(25, pages_overlap))

    found = [one["id"] for page in pages for one in page.resources]
    assert len(found) == len(set(found))


def test_each_page_is_asked_for_by_the_index_of_its_first_resource() -> None:
    provider = Provider(3, faithful)

    pages = listed(provider, count=2)

    assert provider.queries == [
        {"startIndex": "1", "count": "2"},
        {"startIndex": "3", "count": "2"},
    ]
    assert [(page.total_results, len(page.resources)) for page in pages] == [(3, 2), (3, 1)]


def test_the_dialect_names_the_parameters() -> None:
    provider = Provider(1, faithful)

    async def scenario() -> None:
        async for _ in list_resources(
            provider,
            "/Users",
            lambda start, count: (("startIndex", str(start)), ("count", str(count)), ("x", "y")),
            ListPaging(count=7),
        ):
            pass

    asyncio.run(scenario())
    assert provider.queries == [{"startIndex": "1", "count": "7", "x": "y"}]


def test_a_caller_that_sees_the_total_can_stop_after_one_page() -> None:
    provider = Provider(1000, faithful)

    async def scenario() -> int | None:
        async for page in list_resources(
            provider, "/Users", DIALECTS["rfc"].page, ListPaging(count=2)
        ):
            return page.total_results
        return None

    assert asyncio.run(scenario()) == 1000
    assert len(provider.queries) == 1


def test_an_empty_list_is_one_empty_page() -> None:
    schemas = ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]
    for empty in ({"totalResults": 0}, {"schemas": schemas, "totalResults": 0, "others": []}):
        assert listed(Provider(0, lambda *_, empty=empty: empty)) == [Page((), 0)]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "ok"},
        {"totalResults": 0, "itemsPerPage": 0, "items": []},
        {"Resources": {}},
        {"Resources": ["a"]},
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]},
    ],
)
def test_an_answer_of_another_service_is_not_a_list(body: dict[str, Any]) -> None:
    with pytest.raises(NotAList, match="the response holds no list of resources"):
        listed(Provider(0, lambda *_: body))


@pytest.mark.parametrize(
    "answer",
    [
        lambda people, start, count: {"totalResults": len(people), "Resources": people[:count]},
        lambda people, start, count: {
            "totalResults": 25,
            "Resources": [{"userName": f"a{n}"} for n in range(count)],
        },
    ],
)
def test_a_page_that_repeats_is_an_error(answer: Any) -> None:
    provider = Provider(25, answer)

    with pytest.raises(
        ListingError,
        match=r"^/Users: startIndex=11 brought the same resources again, 10 of 25 came$",
    ):
        listed(provider)
    assert len(provider.queries) == 2


@pytest.mark.parametrize(
    "body",
    [None, {}, {"Resources": {}}, {"totalResults": 1, "Resources": ["ann"]}, {"userName": "ann"}],
)
def test_a_response_without_a_list_is_an_error(body: Any) -> None:
    with pytest.raises(RequestError, match=r"^/Users: the response holds no list of resources$"):
        listed(Provider(0, lambda *_: body))
