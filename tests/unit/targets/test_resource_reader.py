"""Reads in the form that a target accepts, and what it learns from refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from scimsync.model.ids import Kind
from scimsync.model.service_provider import Capabilities
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.scim.paging import ListPaging, PagingMethod
from scimsync.targets.resource_list import ResourceList, read_whole_list
from scimsync.targets.resource_reader import ResourceReader, known_capabilities

Json = dict[str, Any]
Result = TypeVar("Result")
Answer = Callable[[ScimRequest, dict[str, str]], Json]
NOTHING: Json = {"totalResults": 0}
CURSORS_ONLY = Capabilities(cursor_paging=True, index_paging=False, max_page_size=2)
NOTHING_DECLARED = Capabilities()
LONG = "x" * 2_000


class Target:
    """A target whose `answer` to a request is a body, or an error that is raised."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.sent: list[str] = []

    async def send(self, request: ScimRequest) -> ScimResponse:
        query = dict(request.query)
        self.sent.append(f"{request} {' '.join(f'{name}={query[name]}' for name in query)}".strip())
        return ScimResponse(200, self.answer(request, query))


def reader(
    target: Target, declared: Capabilities = NOTHING_DECLARED, **paging: Any
) -> ResourceReader:
    return ResourceReader(
        target, DIALECTS["rfc"], ListPaging(**paging), known_capabilities(declared)
    )


def run(work: Coroutine[None, None, Result]) -> Result:
    return asyncio.run(work)


def whole_list(
    target: Target,
    most_pages: int | None = None,
    declared: Capabilities = CURSORS_ONLY,
    **paging: Any,
) -> ResourceList | None:
    one = reader(target, declared, **paging)
    return run(read_whole_list(one, Kind.USER, ["userName"], most_pages))


def by_cursor(pages: list[list[int]], total: int | None = None) -> Answer:
    def answer(request: ScimRequest, query: dict[str, str]) -> Json:
        if "startIndex" in query:
            raise ErrorResponse(501, detail="no index")
        number = int(query.get("cursor") or 0)
        body: Json = {"Resources": [{"id": one} for one in pages[number]]}
        if number + 1 < len(pages):
            body["nextCursor"] = str(number + 1)
        return body | ({} if total is None else {"totalResults": total})

    return answer


# Lists


def test_a_list_is_read_as_the_target_declares() -> None:
    target = Target(by_cursor([[1, 2], [3]]))

    found = whole_list(target)

    assert found is not None
    assert (len(found), found.problem) == (3, None)
    assert target.sent == ["GET /Users cursor= count=2", "GET /Users cursor=1 count=2"]


def test_the_first_resources_are_read_as_the_target_declares() -> None:
    target = Target(by_cursor([[1], [2]]))

    page = run(reader(target, CURSORS_ONLY).first_page(Kind.USER, 10))

    assert [one["id"] for one in page.resources] == [1]
    assert target.sent == ["GET /Users cursor= count=2"]


@pytest.mark.parametrize(
    ("total", "problem"),
    [(3, None), (4, "/Users: only 3 of 4 resources were received"), (None, None)],
)
def test_a_list_by_cursor_is_whole_if_as_many_came_as_it_says(
    total: int | None, problem: str | None
) -> None:
    found = whole_list(Target(by_cursor([[1, 2], [3]], total)))

    assert found is not None
    assert found.problem == problem


@pytest.mark.parametrize(("most_pages", "is_read"), [(1, False), (2, False), (3, True)])
def test_a_list_of_unknown_length_is_read_up_to_the_pages_that_pay(
    most_pages: int, is_read: bool
) -> None:
    target = Target(by_cursor([[1], [2], [3]]))

    found = whole_list(target, most_pages)

    assert (found is not None) is is_read
    assert len(target.sent) == most_pages


def test_a_list_that_starts_again_holds_nothing_of_its_first_start() -> None:
    starts: list[str] = []

    def answer(request: ScimRequest, query: dict[str, str]) -> Json:
        if query["cursor"] == "":
            starts.append("")
            return {"Resources": [{"id": len(starts)}], "nextCursor": "next"}
        if len(starts) == 1:
            raise ErrorResponse(400, scim_type="expiredCursor")
        return {"Resources": [{"id": 9}]}

    found = whole_list(Target(answer))

    assert found is not None
    assert [remote_id for remote_id in ("1", "2", "9") if remote_id in found] == ["2", "9"]
    assert found.problem is None


def test_a_list_without_pages_is_not_whole_and_asked_for_once() -> None:
    target = Target(lambda *_: {"totalResults": 25, "Resources": [{"id": 1}]})

    found = whole_list(target, declared=NOTHING_DECLARED, method=PagingMethod.NONE)

    assert found is not None
    assert found.problem == "/Users: only 1 of 25 resources were received"
    assert len(target.sent) == 1


def test_a_filter_has_no_index_where_lists_have_cursors() -> None:
    target = Target(by_cursor([[1]]))
    one = reader(target, CURSORS_ONLY)

    run(one.send(one.search_request(Kind.USER, "userName", "ann", 2)))

    assert target.sent == ['GET /Users filter=userName eq "ann" count=2']


# Members of groups


def test_groups_are_read_without_members_unless_they_are_asked_for() -> None:
    target = Target(lambda *_: NOTHING)
    one = reader(target)

    async def scenario() -> None:
        await one.send(one.read_request(Kind.GROUP, "7", members=False))
        await one.send(one.read_request(Kind.GROUP, "7", members=True))
        await one.send(one.read_request(Kind.USER, "7", members=False))
        await one.first_page(Kind.GROUP, 1)
        await one.send(one.search_request(Kind.GROUP, "displayName", "IT", 2))
        _ = [page async for page in one.pages(Kind.GROUP)]

    run(scenario())
    assert target.sent == [
        "GET /Groups/7 excludedAttributes=members",
        "GET /Groups/7",
        "GET /Users/7",
        "GET /Groups startIndex=1 count=1 excludedAttributes=members",
        'GET /Groups filter=displayName eq "IT" startIndex=1 count=2 excludedAttributes=members',
        "GET /Groups startIndex=1 count=100 excludedAttributes=members",
    ]


def test_a_target_that_refuses_to_leave_out_attributes_is_not_asked_again() -> None:
    def refuse(request: ScimRequest, query: dict[str, str]) -> Json:
        if "excludedAttributes" in query:
            raise ErrorResponse(400, detail="what is that?")
        return {"id": "7"}

    target = Target(refuse)
    one = reader(target)

    async def scenario() -> None:
        for _ in range(2):
            assert (await one.send(one.read_request(Kind.GROUP, "7", members=False))).body == {
                "id": "7"
            }

    run(scenario())
    assert target.sent == ["GET /Groups/7 excludedAttributes=members", *["GET /Groups/7"] * 2]


def test_a_group_that_is_refused_either_way_says_nothing_of_attributes() -> None:
    def refuse(request: ScimRequest, query: dict[str, str]) -> Json:
        raise ErrorResponse(400, detail=f"no, {len(query)}")

    target = Target(refuse)
    one = reader(target)

    async def scenario() -> None:
        for _ in range(2):
            with pytest.raises(ErrorResponse, match="no, 0"):
                await one.send(one.read_request(Kind.GROUP, "7", members=False))

    run(scenario())
    assert target.sent[0] == target.sent[2] == "GET /Groups/7 excludedAttributes=members"


# Members by filter


def members(target: Target) -> ResourceReader:
    member_filter = "id eq {group} and members eq {member}"
    return ResourceReader(target, DIALECTS["rfc"], ListPaging(), member_filter=member_filter)


def test_a_member_that_no_group_shows_is_found_by_a_filter() -> None:
    def answer(request: ScimRequest, query: dict[str, str]) -> Json:
        is_one = query["filter"] == 'id eq "g\\"1" and members eq "ann"'
        return {"Resources": [{"id": 'g"1'}] if is_one else []}

    one = members(Target(answer))

    async def scenario() -> list[bool | None]:
        return [await one.is_member('g"1', member) for member in ("bob", "ann", "bob")]

    # that nothing is found counts once the filter has found somebody
    assert run(scenario()) == [None, True, False]


@pytest.mark.parametrize(
    "body",
    [
        {"totalResults": 1, "Resources": [{"id": "other"}]},
        {"totalResults": 1},
        {"Resources": [], "nextCursor": "2"},
    ],
)
def test_a_filter_that_finds_something_else_proves_nothing(body: Json) -> None:
    bodies = [{"Resources": [{"id": "g1"}]}, body]
    one = members(Target(lambda *_: bodies.pop(0)))

    async def scenario() -> list[bool | None]:
        return [await one.is_member("g1", member) for member in ("ann", "bob")]

    assert run(scenario()) == [True, None]


def test_members_are_not_asked_for_by_a_filter_that_is_not_known() -> None:
    target = Target(lambda *_: NOTHING)

    assert run(reader(target).is_member("g1", "ann")) is None
    assert target.sent == []


# Searches by POST


def test_a_search_that_is_too_long_for_a_url_is_a_post() -> None:
    bodies: list[Any] = []

    def answer(request: ScimRequest, query: dict[str, str]) -> Json:
        bodies.append(request.body)
        return NOTHING

    target = Target(answer)
    one = reader(target)

    run(one.send(one.search_request(Kind.GROUP, "displayName", LONG, 2)))

    assert target.sent == ["POST /Groups/.search"]
    assert bodies == [
        {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": f'displayName eq "{LONG}"',
            "startIndex": 1,
            "count": 2,
            "excludedAttributes": ["members"],
        }
    ]


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_a_target_without_search_by_post_gets_the_long_url(status: int) -> None:
    def answer(request: ScimRequest, query: dict[str, str]) -> Json:
        if request.method == "POST":
            raise ErrorResponse(status)
        return NOTHING

    target = Target(answer)
    one = reader(target)

    async def scenario() -> None:
        for _ in range(2):
            await one.send(one.search_request(Kind.USER, "userName", LONG, 2))

    run(scenario())
    assert [line[:19] for line in target.sent] == [
        "POST /Users/.search",
        "GET /Users filter=u",
        "GET /Users filter=u",
    ]


def test_a_url_that_a_target_finds_too_long_becomes_a_post() -> None:
    def answer(request: ScimRequest, query: dict[str, str]) -> Json:
        if request.method == "GET":
            raise ErrorResponse(414)
        return NOTHING

    target = Target(answer)
    one = reader(target)

    run(one.send(one.search_request(Kind.USER, "userName", "ann", 2)))

    assert target.sent[1:] == ["POST /Users/.search"]


def test_a_refused_search_by_post_is_an_error() -> None:
    def answer(request: ScimRequest, query: dict[str, str]) -> Json:
        raise ErrorResponse(400, detail="bad filter")

    target = Target(answer)
    one = reader(target)

    with pytest.raises(ErrorResponse, match="bad filter"):
        run(one.send(one.search_request(Kind.USER, "userName", LONG, 2)))
    assert target.sent == ["POST /Users/.search"]
