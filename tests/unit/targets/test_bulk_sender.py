"""What is sent together, what each request gets, and what is sent alone. Without a network, in
simulated time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from scimsync.scim.bulk import ENDPOINT
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.targets.bulk_sender import FIRST_OPERATIONS, BulkLimits, BulkSender
from scimsync.targets.connection import TargetConnection, TargetStopped
from scimsync.targets.evidence import OutcomeUnknown
from scimsync.transport.rate_limiter import RateLimiter
from scimsync.transport.request_errors import InvalidResponse, NoResponse, RequestError
from scimsync.transport.retry_policy import TimeSource

LOST = NoResponse("POST /Bulk: no complete response", may_have_had_effect=True)
PAGE = InvalidResponse("there is a web page", status=404, content_type="text/html")
Outcome = ScimResponse | RequestError
Result = ScimResponse | BaseException


class Target:
    """Carries out everything. `whole` are the outcomes of the next bulks in place of that, None for
    the right one; `results` is what becomes of single operations by their path."""

    def __init__(self) -> None:
        self.whole: list[Outcome | None] = []
        self.results: dict[str, dict[str, Any] | None] = {}
        self.requests: list[ScimRequest] = []
        self.now = 0.0
        self.seconds_per_operation = 0.0

    @property
    def bulks(self) -> list[list[str]]:
        """The paths in each bulk."""
        return [
            [one["path"] for one in (request.body or {})["Operations"]]
            for request in self.requests
            if request.path == ENDPOINT
        ]

    @property
    def alone(self) -> list[str]:
        return [str(request) for request in self.requests if request.path != ENDPOINT]

    async def send(self, request: ScimRequest) -> ScimResponse:
        self.requests.append(request)
        await asyncio.sleep(0)
        if request.path != ENDPOINT:
            return ScimResponse(200, {})
        outcome = self.whole.pop(0) if self.whole else None
        if isinstance(outcome, RequestError):
            raise outcome
        if outcome is not None:
            return outcome
        operations = (request.body or {})["Operations"]
        self.now += self.seconds_per_operation * len(operations)
        results = [self._result(one) for one in operations]
        return ScimResponse(200, {"Operations": [one for one in results if one is not None]})

    def _result(self, operation: dict[str, Any]) -> dict[str, Any] | None:
        result = {"method": operation["method"], "bulkId": operation["bulkId"], "status": "200"}
        special = self.results.get(operation["path"], {})
        return None if special is None else result | special


def user(number: int) -> ScimRequest:
    return ScimRequest("PATCH", f"/Users/{number}", {"Operations": []})


def newcomer(number: int) -> ScimRequest:
    return ScimRequest("POST", f"/Users{number}", {"userName": f"person{number}"})


def connection_to(target: Target, limits: BulkLimits | None = None) -> TargetConnection:
    async def sleep(seconds: float) -> None:
        target.now += seconds
        await asyncio.sleep(0)

    time = TimeSource(sleep, lambda: target.now, lambda _low, high: high)
    connection = TargetConnection("wiki", target, rate_limiter=RateLimiter(), time=time)
    connection.collector = BulkSender(
        "wiki", connection, 8, limits or BulkLimits(), lambda text, _limit=500: text
    )
    return connection


def send_all(connection: TargetConnection, requests: Sequence[ScimRequest]) -> list[Result]:
    """Sends all at the same time."""

    async def send() -> list[Result]:
        return await asyncio.gather(
            *[connection.send(one) for one in requests], return_exceptions=True
        )

    return asyncio.run(send())


def statuses(results: Sequence[Result]) -> list[int | str]:
    return [
        one.status if isinstance(one, ScimResponse | ErrorResponse) else type(one).__name__
        for one in results
    ]


def test_requests_at_the_same_time_are_sent_together_more_with_each_success() -> None:
    target = Target()

    results = send_all(connection_to(target), [user(number) for number in range(100)])

    assert statuses(results) == [200] * 100
    assert target.alone == []
    assert [len(paths) for paths in target.bulks] == [FIRST_OPERATIONS, 20, 20, 50]
    assert sorted(path for bulk in target.bulks for path in bulk) == sorted(
        f"/Users/{number}" for number in range(100)
    )


def test_a_single_request_is_sent_alone() -> None:
    target = Target()

    send_all(connection_to(target), [user(1)])

    assert (target.alone, target.bulks) == (["PATCH /Users/1"], [])


def test_searches_by_post_are_sent_alone() -> None:
    target = Target()
    search = ScimRequest("POST", "/Users/.search", {"filter": 'userName eq "ann"'})

    send_all(connection_to(target), [search, search, user(1), user(2)])

    assert target.alone == ["POST /Users/.search"] * 2
    assert target.bulks == [["/Users/1", "/Users/2"]]


@pytest.mark.parametrize(
    "limits", [BulkLimits(operations=3), BulkLimits(payload=350)], ids=["operations", "payload"]
)
def test_the_limits_of_the_target_are_kept(limits: BulkLimits) -> None:
    target = Target()

    send_all(connection_to(target, limits), [user(number) for number in range(6)])

    assert [len(paths) for paths in target.bulks] == [3, 3]


def test_what_does_not_fit_any_bulk_is_sent_alone() -> None:
    target = Target()
    large = ScimRequest("PATCH", "/Users/9", {"Operations": ["x" * 1000]})

    send_all(connection_to(target, BulkLimits(payload=500)), [user(1), large, user(2)])

    assert (target.alone, target.bulks) == (["PATCH /Users/9"], [["/Users/1", "/Users/2"]])


def test_a_slow_target_gets_smaller_bulks() -> None:
    target = Target()
    target.seconds_per_operation = 0.6

    send_all(connection_to(target), [user(number) for number in range(20)])

    assert [len(paths) for paths in target.bulks] == [FIRST_OPERATIONS, 5, 5]


def test_a_write_waits_for_reads_that_others_may_follow() -> None:
    target = Target()
    connection = connection_to(target)

    async def read_and_write(number: int) -> None:
        await connection.send(ScimRequest("GET", f"/Users/{number}"))
        await connection.send(user(number))

    async def send() -> None:
        await asyncio.gather(connection.send(user(0)), *map(read_and_write, range(1, 6)))

    asyncio.run(send())
    assert [len(paths) for paths in target.bulks] == [6]


def test_each_request_gets_its_own_error() -> None:
    target = Target()
    error = {"scimType": "uniqueness", "detail": "taken"}
    target.results = {"/Users/2": {"status": "409", "response": error}}

    results = send_all(connection_to(target), [user(1), user(2), user(3)])

    assert statuses(results) == [200, 409, 200]
    assert str(results[1]) == "PATCH /Users/2: 409 uniqueness: taken"


@pytest.mark.parametrize("status", ["429", "500", "503"])
def test_a_change_that_failed_for_now_is_sent_again_alone(status: str) -> None:
    target = Target()
    target.results = {"/Users/2": {"status": status}}

    results = send_all(connection_to(target), [user(1), user(2)])

    assert statuses(results) == [200, 200]
    assert target.alone == ["PATCH /Users/2"]


@pytest.mark.parametrize("result", [{"status": "500"}, None], ids=["500", "no result"])
def test_a_creation_without_a_clear_result_is_in_doubt_and_then_sent_alone(
    result: dict[str, Any] | None,
) -> None:
    target = Target()
    connection = connection_to(target)
    first, second = newcomer(1), newcomer(2)
    target.results = {"/Users1": result}

    assert statuses(send_all(connection, [first, second])) == ["OutcomeUnknown", 200]
    assert target.alone == []
    assert statuses(send_all(connection, [first, newcomer(3), newcomer(4)])) == [200] * 3
    assert target.alone == ["POST /Users1"]


@pytest.mark.parametrize(
    "lost",
    [
        LOST,
        ErrorResponse(502, request="POST /Bulk"),
        InvalidResponse("no JSON", status=200, content_type=""),
        ScimResponse(202),
        ScimResponse(200, {"Operations": []}),
    ],
    ids=["lost", "502", "no JSON", "202", "empty"],
)
def test_a_lost_bulk_is_not_repeated(lost: Outcome) -> None:
    target = Target()
    target.whole = [lost]

    results = send_all(connection_to(target), [newcomer(1), user(2), newcomer(3)])

    assert statuses(results) == ["OutcomeUnknown", 200, "OutcomeUnknown"]
    assert all(isinstance(one, OutcomeUnknown) for one in (results[0], results[2]))
    assert (len(target.bulks), target.alone) == (1, ["PATCH /Users/2"])


def test_what_was_in_two_lost_bulks_is_sent_alone() -> None:
    class Poisoned(Target):
        async def send(self, request: ScimRequest) -> ScimResponse:
            response = await super().send(request)
            if request.path == ENDPOINT and "/Users/7" in self.bulks[-1]:
                raise LOST
            return response

    target = Poisoned()

    results = send_all(connection_to(target), [user(number) for number in range(8)])

    assert statuses(results) == [200] * 8
    assert [len(paths) for paths in target.bulks] == [8, 4, 4]
    assert target.alone == [f"PATCH /Users/{number}" for number in range(4, 8)]


def test_a_change_is_in_doubt_if_it_is_refused_after_its_bulk_was_lost() -> None:
    class Refusing(Target):
        async def send(self, request: ScimRequest) -> ScimResponse:
            raise LOST if request.path == ENDPOINT else ErrorResponse(400, request=str(request))

    error, _ = send_all(connection_to(Refusing()), [user(1), user(2)])

    assert isinstance(error, ErrorResponse)
    assert error.in_doubt


def test_results_that_belong_to_other_requests_are_not_believed() -> None:
    class MixedUp(Target):
        async def send(self, request: ScimRequest) -> ScimResponse:
            if request.method != "GET":
                return await super().send(request)
            self.requests.append(request)
            return ScimResponse(200, {"id": "9", "userName": "somebody-else"})

    target = MixedUp()
    target.results = {
        f"/Users{number}": {"status": "201", "location": f"/v2/Users/{number}"} for number in (1, 2)
    }
    connection = connection_to(target)

    results = send_all(connection, [newcomer(1), newcomer(2), user(3)])

    assert statuses(results) == ["OutcomeUnknown", "OutcomeUnknown", 200]
    assert target.alone == ["GET /Users/1", "PATCH /Users/3"]
    assert connection.collector is not None
    assert connection.collector.capacity is None


def test_a_lost_bulk_gets_as_much_time_again_before_creations_are_looked_up() -> None:
    class Silent(Target):
        async def send(self, request: ScimRequest) -> ScimResponse:
            self.now += 30
            raise LOST

    target = Silent()
    send_all(connection_to(target), [newcomer(1), newcomer(2)])

    assert target.now == 60


def test_a_bulk_that_is_too_large_is_halved() -> None:
    target = Target()
    target.whole = [ErrorResponse(413, request="POST /Bulk")]

    results = send_all(connection_to(target), [newcomer(number) for number in range(8)])

    assert statuses(results) == [200] * 8
    assert ([len(paths) for paths in target.bulks], target.alone) == ([8, 4, 4], [])


def test_after_lasting_429_requests_are_sent_alone_and_the_next_bulks_are_halved() -> None:
    target = Target()
    target.whole = [ErrorResponse(429, request="POST /Bulk")] * 5

    results = send_all(connection_to(target), [newcomer(number) for number in range(20)])

    assert statuses(results) == [200] * 20
    assert [len(paths) for paths in target.bulks] == [10] * 5 + [5, 5]
    assert len(target.alone) == 10


def test_a_target_that_counts_operations_gets_as_many_as_it_took() -> None:
    target = Target()
    target.results = {f"/Users/{number}": {"status": "429"} for number in range(4, 10)}

    send_all(connection_to(target), [user(number) for number in range(18)])

    assert [len(paths) for paths in target.bulks] == [10, 4, 4]


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_target_without_bulk_is_sent_single_requests_from_then_on(status: int) -> None:
    target = Target()
    target.whole = [ErrorResponse(status, request="POST /Bulk")]
    connection = connection_to(target)

    results = send_all(connection, [newcomer(number) for number in range(30)])

    assert statuses(results) == [200] * 30
    assert (len(target.bulks), len(target.alone)) == (1, 30)
    assert connection.collector is not None
    assert connection.collector.capacity is None
    assert connection.collector.unusable == f"POST /Bulk: {status}"


@pytest.mark.parametrize(
    "refusal", [PAGE, ErrorResponse(400), ErrorResponse(403)], ids=["page", "400", "403"]
)
def test_after_three_refused_bulks_no_more_are_sent(refusal: RequestError) -> None:
    target = Target()
    target.whole = [refusal] * 10
    connection = connection_to(target, BulkLimits(operations=5))

    results = send_all(connection, [newcomer(number) for number in range(50)])

    assert statuses(results) == [200] * 50
    assert (len(target.bulks), len(target.alone)) == (3, 50)
    assert connection.stopped is None


def test_a_refused_token_ends_the_run() -> None:
    target = Target()
    target.whole = [ErrorResponse(401, request="POST /Bulk")]
    connection = connection_to(target)

    results = send_all(connection, [newcomer(number) for number in range(12)])

    assert statuses(results) == [401] * FIRST_OPERATIONS + ["TargetStopped"] * 2
    assert connection.stopped is not None
    assert isinstance(results[-1], TargetStopped)


def test_resources_that_are_all_forbidden_show_a_wrong_token() -> None:
    target = Target()
    target.results = {f"/Users/{number}": {"status": "403"} for number in range(10)}
    connection = connection_to(target)

    send_all(connection, [user(number) for number in range(10)])

    assert connection.stopped is not None


def test_a_bulk_that_nobody_waits_for_any_more_is_cancelled() -> None:
    arrived, ended = asyncio.Event(), asyncio.Event()

    class Hanging(Target):
        async def send(self, request: ScimRequest) -> ScimResponse:
            arrived.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            raise AssertionError

    async def cancel() -> None:
        connection = connection_to(Hanging())
        tasks = [asyncio.create_task(connection.send(user(number))) for number in range(2)]
        await arrived.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await ended.wait()

    asyncio.run(cancel())
