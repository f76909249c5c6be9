"""Finding accounts that exist already: by filter or by list, and by which value."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from scimsync.model.ids import Document, Key, Kind, RemoteId
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.filter_matching import matches
from scimsync.scim.filters import parse_filter
from scimsync.scim.messages import ScimRequest, ScimResponse, Sender
from scimsync.scim.paging import ListPaging
from scimsync.targets.account_finder import to_account
from scimsync.targets.filter_search import SearchUndecided
from scimsync.targets.matching import Matcher, MatchResult
from scimsync.targets.resource_reader import ResourceReader
from scimsync.targets.visibility import Visibility
from scimsync.transport.request_errors import RequestError

Json = dict[str, Any]


class Target:
    """Holds users. `refuse` maps what a filter contains to the status of the response to it, 0 for
    an empty list. `list_status` is that of the list without a filter, of which the first `hidden`
    users are missing."""

    def __init__(self, users: Sequence[Json], refuse: dict[str, int] | None = None) -> None:
        self.users = users
        self.refuse = refuse or {}
        self.ignores_filters = False
        self.list_status = 200
        self.hidden = 0
        self.requests: list[ScimRequest] = []

    async def send(self, request: ScimRequest) -> ScimResponse:
        self.requests.append(request)
        if request.path != "/Users":
            for user in self.users:
                if request.path == f"/Users/{user['id']}":
                    return ScimResponse(200, user)
            raise ErrorResponse(404)
        query = dict(request.query)
        found = list(self.users)
        if "filter" not in query and self.list_status != 200:
            raise ErrorResponse(self.list_status, detail="no list")
        if "filter" in query and not self.ignores_filters:
            for part, status in self.refuse.items():
                if part in f"filter {query['filter']}":
                    if not status:
                        return ScimResponse(200, {"totalResults": 0})
                    raise ErrorResponse(status, detail="no")
            found = [one for one in found if matches(parse_filter(query["filter"]), one)]
        start, count = int(query["startIndex"]), int(query["count"])
        found = found[self.hidden :]
        page = found[start - 1 :][:count]
        return ScimResponse(200, {"totalResults": len(found) + self.hidden, "Resources": page})


def user(number: int) -> Json:
    return {"id": f"id{number}", "externalId": f"E{number}", "userName": f"User{number}@x.org"}


def document(number: int) -> Document:
    return {"externalId": f"E{number}", "userName": f"user{number}@x.org"}


def matcher(target: Target, expected: int = 1, page_size: int = 100) -> Matcher:
    match = ("externalId", "userName")
    return Matcher(reader(target, page_size), Kind.USER, match, lambda: expected)


def reader(target: Sender, page_size: int = 100) -> ResourceReader:
    return ResourceReader(target, DIALECTS["rfc"], ListPaging(count=page_size))


def find(
    target: Target, numbers: Sequence[int], **options: int
) -> tuple[dict[Key, MatchResult], dict[Key, str]]:
    wanted = {Key(str(number)): document(number) for number in numbers}

    async def scenario() -> tuple[dict[Key, MatchResult], dict[Key, str]]:
        one = matcher(target, **options)
        try:
            return await one.find(wanted)
        finally:
            one.close()

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("expected", "page_size", "listed"),
    [
        (3, 100, False),  # few
        (4, 100, True),  # one page instead of four look-ups
        (9, 10, False),  # ten pages instead of nine look-ups
        (10, 10, True),
    ],
)
def test_the_list_is_read_where_that_takes_fewer_requests(
    expected: int, page_size: int, listed: bool
) -> None:
    target = Target([user(number) for number in range(100)])

    found, refused = find(target, [7, 8, 500], expected=expected, page_size=page_size)

    assert found == {
        Key("7"): MatchResult("externalId", (user(7),)),
        Key("8"): MatchResult("externalId", (user(8),)),
    }
    assert refused == {}
    looked_up = [one for one in target.requests if "filter" in dict(one.query)]
    assert (looked_up == []) is listed


@pytest.mark.parametrize("expected", [1, 100])
@pytest.mark.parametrize(
    ("account", "by"),
    [
        ({"externalId": "E1", "userName": "other"}, "externalId"),
        ({"userName": "USER1@X.ORG"}, "userName"),  # without case
        ({"externalId": "E2", "userName": "user1@x.org"}, "userName"),
        ({"externalId": "e1", "userName": "other"}, None),  # externalId is case-sensitive
        ({"externalId": "", "userName": None}, None),
    ],
)
def test_by_which_value_an_account_is_found(account: Json, by: str | None, expected: int) -> None:
    account = {"id": "1", **account}

    found, _ = find(Target([account]), [1], expected=expected)

    assert found == ({} if by is None else {Key("1"): MatchResult(by, (account,))})


def test_the_first_attribute_that_finds_anything_decides() -> None:
    one, other = {**user(1), "userName": "x"}, {**user(2), "userName": "user1@x.org"}

    found, _ = find(Target([other, one]), [1])

    assert found == {Key("1"): MatchResult("externalId", (one,))}


def test_several_accounts_with_one_value_are_all_returned() -> None:
    accounts = [{**user(1), "id": str(number)} for number in range(3)]

    for expected in (1, 100):
        found, _ = find(Target(accounts), [1], expected=expected)
        assert found[Key("1")] == MatchResult("externalId", tuple(accounts))


def test_a_target_that_ignores_filters_matches_only_what_it_matches() -> None:
    target = Target([user(2), user(1)])
    target.ignores_filters = True

    found, _ = find(target, [1])

    assert found == {Key("1"): MatchResult("externalId", (user(1),))}


def test_a_404_is_an_empty_list() -> None:
    target = Target([user(1)], refuse={"externalId": 404})

    found, refused = find(target, [1])

    assert (found, refused) == ({Key("1"): MatchResult("userName", (user(1),))}, {})


@pytest.mark.parametrize("status", [400, 409, 500, 501])
def test_a_refused_filter_is_replaced_by_the_next(status: int) -> None:
    found, refused = find(Target([user(2)], refuse={"externalId": status}), [1, 2])

    assert list(found) == [Key("2")]
    assert refused == {}


def test_a_server_error_concerns_one_user_if_the_list_fails_too() -> None:
    target = Target([user(2)], refuse={"E1": 500})
    target.list_status = 500

    found, refused = find(target, [1, 2])

    assert list(found) == [Key("2")]
    assert refused == {Key("1"): "500: no"}


def test_a_list_that_is_not_there_concerns_all() -> None:
    target = Target([], refuse={"filter": 404})
    target.list_status = 404

    with pytest.raises(ErrorResponse):
        find(target, [1, 2])


@pytest.mark.parametrize(("whole", "expected"), [(True, "userName"), (False, None)])
def test_the_list_decides_who_has_a_value_that_no_filter_finds(
    whole: bool, expected: str | None
) -> None:
    """The filter compares userName with case, the target without."""
    account = {"id": "1", "userName": "USER1@X.ORG"}
    target = Target([account, user(2)], refuse={"": 0})
    if not whole:
        target.hidden = 1

    async def scenario() -> MatchResult | None:
        return await matcher(target).find_holder(document(1))

    if expected is None:
        with pytest.raises(SearchUndecided):
            asyncio.run(scenario())
    else:
        assert asyncio.run(scenario()) == MatchResult(expected, (account,))


@pytest.mark.parametrize(
    ("users", "refuse", "hidden", "expected"),
    [
        # both filters find others
        ([2], {}, 0, None),
        # the filter on userName finds nothing, whoever exists: the list decides
        ([2], {"userName": 0}, 0, None),
        ([1, 2], {"": 0}, 0, "externalId"),
        # ... unless it is incomplete, or empty although accounts are known
        ([2], {"userName": 0}, 1, SearchUndecided),
        ([], {}, 0, SearchUndecided),
    ],
)
def test_that_nobody_is_found_is_proven_by_finding_others(
    users: Sequence[int],
    refuse: dict[str, int],
    hidden: int,
    expected: str | type[Exception] | None,
) -> None:
    target = Target([user(number) for number in users], refuse)
    target.hidden = hidden

    async def scenario() -> tuple[dict[Key, MatchResult], dict[Key, str]]:
        match = ("externalId", "userName")
        one = Matcher(reader(target), Kind.USER, match, lambda: 1, known=lambda: 2)
        return await one.find({Key("1"): document(1)}, proving=True)

    found, refused = asyncio.run(scenario())

    if expected is SearchUndecided:
        assert (found, list(refused)) == ({}, [Key("1")])
    else:
        assert refused == {}
        assert [match.by for match in found.values()] == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("known", "refuse", "proven"),
    [
        ([], {}, True),  # nobody is known whom a filter could find
        ([2], {}, True),
        ([2], {"": 0}, False),
    ],
)
def test_where_lists_lie_filters_prove_it_by_known_users(
    known: Sequence[int], refuse: dict[str, int], proven: bool
) -> None:
    target = Target([user(2)], refuse)
    visibility = Visibility("Chat", lists_lie=True, samples=lambda: [*map(document, known)])

    async def scenario() -> tuple[dict[Key, MatchResult], dict[Key, str]]:
        match = ("externalId", "userName")
        one = Matcher(reader(target), Kind.USER, match, lambda: 1, visibility=visibility)
        return await one.find({Key("1"): document(1)}, proving=True)

    found, refused = asyncio.run(scenario())

    assert (list(found), list(refused)) == ([], [] if proven else [Key("1")])


def test_a_value_that_no_filter_can_hold_concerns_one_user() -> None:
    async def scenario() -> tuple[dict[Key, MatchResult], dict[Key, str]]:
        wanted: dict[Key, Document] = {Key("1"): {"externalId": "\ud800"}, Key("2"): document(2)}
        return await matcher(Target([user(2)])).find(wanted)

    found, refused = asyncio.run(scenario())
    assert (list(found), list(refused)) == ([Key("2")], [Key("1")])


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_concerns_all(status: int) -> None:
    with pytest.raises(ErrorResponse):
        find(Target([], refuse={"E1": status}), [1])


def test_what_was_read_is_forgotten() -> None:
    target = Target([user(1), user(2)])

    async def scenario() -> list[bool]:
        one = matcher(target, expected=100)
        seen = []
        for number in (1, 2, 3):
            found, _ = await one.find({Key("3"): document(3)})
            seen.append(Key("3") in found)
            target.users = [user(1), user(2), user(3)]
            if number == 2:
                one.forget(1)
        one.close()
        return seen

    assert asyncio.run(scenario()) == [False, False, True]


def test_a_resource_is_read_by_its_id() -> None:
    one = matcher(Target([user(1)]))

    assert asyncio.run(one.read(RemoteId("id1"))) == user(1)
    assert asyncio.run(one.read(RemoteId("id2"))) is None


def test_a_probe_asks_for_one_resource() -> None:
    target = Target([user(1), user(2)])

    asyncio.run(matcher(target).probe())

    assert [dict(one.query) for one in target.requests] == [{"startIndex": "1", "count": "1"}]

    class Down:
        async def send(self, request: ScimRequest) -> ScimResponse:
            raise RequestError("down")

    down = Matcher(reader(Down()), Kind.USER, (), lambda: 1)
    with pytest.raises(RequestError):
        asyncio.run(down.probe())


def test_an_account_as_the_planner_sees_it() -> None:
    resource = {
        "ID": 7,
        "userName": "ann",
        "title": "CEO",
        "ACTIVE": False,
        "meta": {"version": 'W/"1"'},
        "members": [{"value": 8}, {"display": "x"}, "y"],
    }

    account = to_account("userName", resource, ["userName", "nickName"])

    assert (account.remote_id, account.document, account.found_by) == (
        RemoteId("7"),
        {"userName": "ann"},
        "userName",
    )
    assert (account.active, account.etag, account.members) == (False, 'W/"1"', (RemoteId("8"),))
