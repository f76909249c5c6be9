"""One target: what is sent again, what is not, and when nothing more is sent. Without a network, in
simulated time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest

from scimsync.errors import LeaseHeld, TargetUnavailable
from scimsync.logcontext import PERSONAL
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.scim.profiles.rates import RequestRate
from scimsync.targets.connection import (
    MAX_FAILED_CREATIONS,
    MAX_FAILURES,
    MAX_FORBIDDEN,
    MAX_PAUSE_S,
    TargetConnection,
    TargetStopped,
)
from scimsync.targets.evidence import OutcomeUnknown
from scimsync.transport.rate_limiter import RateLimiter
from scimsync.transport.request_errors import InvalidResponse, NoResponse, RequestError
from scimsync.transport.retry_policy import RetryPolicy, TimeSource

GET = ScimRequest("GET", "/Users/1")
POST = ScimRequest("POST", "/Users", {"userName": "ann"})
PATCH = ScimRequest("PATCH", "/Users/1", {"Operations": []})
OK = ScimResponse(200, {})
LOST = NoResponse("POST /Users: no complete response", may_have_had_effect=True)
REFUSED_CONNECTION = NoResponse("cannot connect", may_have_had_effect=False)
PAGE = InvalidResponse("a web page", status=200, content_type="text/html")
LOGIN = InvalidResponse("redirects", status=302, content_type="text/html")

Outcome = ScimResponse | RequestError


class Target:
    """Answers each request with the next of its outcomes, the last one again and again."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes = list(outcomes)
        self.requests: list[ScimRequest] = []

    async def send(self, request: ScimRequest) -> ScimResponse:
        self.requests.append(request)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, RequestError):
            outcome.in_doubt = False  # as if it were raised for the first time
            raise outcome
        return outcome


class SimulatedTime:
    """Time that passes when something sleeps, and a microsecond with each look at the clock. Random
    numbers are the upper bound."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.microseconds = count()

    async def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self.slept.append(seconds)
        await asyncio.sleep(0)

    def source(self) -> TimeSource:
        return TimeSource(self.sleep, self.clock, lambda _low, high: high)

    def clock(self) -> float:
        return sum(self.slept) + next(self.microseconds) / 1e6


def error(status: int, **more: Any) -> ErrorResponse:
    return ErrorResponse(status, request="POST /Users", **more)


def send(
    *outcomes: Outcome, request: ScimRequest = PATCH, times: int = 1, **options: Any
) -> tuple[list[Outcome | TargetStopped], Target, TargetConnection, list[float]]:
    """Return the outcomes of `times` requests to a target with these outcomes."""
    time = SimulatedTime()
    target = Target(outcomes)

    async def scenario() -> tuple[list[Outcome | TargetStopped], TargetConnection]:
        connection = TargetConnection("wiki", target, time=time.source(), **options)
        results: list[Outcome | TargetStopped] = []
        for _ in range(times):
            try:
                results.append(await connection.send(request))
            except (RequestError, TargetStopped) as caught:
                results.append(caught)
        return results, connection

    results, connection = asyncio.run(scenario())
    return results, target, connection, time.slept


@pytest.mark.parametrize(
    ("request_", "outcomes", "attempts"),
    [
        (PATCH, [OK], 1),
        # these may pass
        (PATCH, [error(429), OK], 2),
        (PATCH, [error(503), error(500), error(502), error(408), OK], 5),
        (PATCH, [LOST, REFUSED_CONNECTION, OK], 3),
        (GET, [PAGE, OK], 2),
        # a creation that was certainly not carried out
        (POST, [error(429), OK], 2),
        (POST, [error(503, detail="later"), OK], 2),
        (POST, [error(503, retry_after=1.0), OK], 2),
        (POST, [error(503, scim_type="tooMany"), OK], 2),
        (POST, [REFUSED_CONNECTION, OK], 2),
    ],
)
def test_what_may_pass_is_sent_again(
    request_: ScimRequest, outcomes: list[Outcome], attempts: int
) -> None:
    results, target, _, _ = send(*outcomes, request=request_)

    assert (results, len(target.requests)) == ([OK], attempts)


@pytest.mark.parametrize(
    ("request_", "outcome"),
    [
        *[(PATCH, error(status)) for status in (400, 404, 409, 412, 413, 401, 403)],
        (PATCH, PAGE),  # it may have had its effect
        (GET, LOGIN),
        (POST, error(409)),
    ],
)
def test_what_would_be_refused_again_is_not_sent_again(
    request_: ScimRequest, outcome: RequestError
) -> None:
    results, target, _, slept = send(outcome, request=request_)

    assert (results, len(target.requests), slept) == ([outcome], 1, [])


@pytest.mark.parametrize("cause", [LOST, error(500), error(503), error(408), PAGE])
def test_a_creation_whose_outcome_is_unknown_is_not_sent_again(cause: RequestError) -> None:
    results, target, _, _ = send(cause, request=POST)

    assert len(target.requests) == 1
    assert isinstance(results[0], OutcomeUnknown)
    assert (results[0].cause, str(results[0])) == (cause, str(cause))


def test_a_refused_creation_is_just_refused() -> None:
    results, _, _, _ = send(LOGIN, request=POST)

    assert results == [LOGIN]


@pytest.mark.parametrize(
    ("outcomes", "in_doubt"),
    [
        ([LOST, error(400)], True),
        ([error(500), error(400)], True),
        ([LOST, error(429), error(400)], True),
        ([REFUSED_CONNECTION, error(400)], False),
        ([error(429), error(400)], False),
        ([error(400)], False),
    ],
)
def test_an_error_tells_whether_an_earlier_attempt_may_have_had_an_effect(
    outcomes: list[Outcome], in_doubt: bool
) -> None:
    results, _, _, _ = send(*outcomes)

    assert isinstance(results[0], ErrorResponse)
    assert (results[0].status, results[0].in_doubt) == (400, in_doubt)


def test_waits_between_attempts_double_and_end() -> None:
    results, target, _, slept = send(
        error(500), retry_policy=RetryPolicy(attempts=7, longest_wait_s=3)
    )

    assert (len(target.requests), slept) == (7, [0.5, 1, 2, 3, 3, 3])
    assert isinstance(results[0], ErrorResponse)


def test_retries_end_in_time() -> None:
    _, target, _, slept = send(
        error(500), retry_policy=RetryPolicy(attempts=100, total_s=9, longest_wait_s=4)
    )

    assert slept == [0.5, 1, 2, 4, 4]
    assert len(target.requests) == 6


@pytest.mark.parametrize(
    ("retry_after", "pause"), [(17.0, 17.0), (86_400.0, MAX_PAUSE_S), (0.0, 0.5)]
)
def test_a_pause_that_the_target_asks_for_is_kept(retry_after: float, pause: float) -> None:
    results, _, _, slept = send(error(503, retry_after=retry_after), OK)

    assert results == [OK]
    assert slept == pytest.approx([pause], abs=0.001)


def test_a_pause_holds_for_all_requests() -> None:
    time, target = SimulatedTime(), Target([error(503, retry_after=20.0), OK])

    async def scenario() -> None:
        connection = TargetConnection("wiki", target, time=time.source())
        await asyncio.gather(*(connection.send(PATCH) for _ in range(3)))

    asyncio.run(scenario())
    assert time.slept == pytest.approx([20.0], abs=0.001)
    assert len(target.requests) == 4


def test_requests_keep_to_the_rate() -> None:
    _, _, connection, slept = send(OK, times=21, rate_limiter=RateLimiter(10, concurrency=1))

    assert sum(slept) == pytest.approx(2.0, abs=0.11)
    assert connection.requests == connection.responses == 21


def test_a_refused_token_stops_the_target() -> None:
    results, target, connection, _ = send(error(401), times=2)

    assert isinstance(connection.stopped, TargetUnavailable)
    assert connection.stopped.hint == "check the target's token and its permissions"
    assert [type(one) for one in results] == [ErrorResponse, TargetStopped]
    assert len(target.requests) == 1


def test_a_403_concerns_one_resource_until_several_in_a_row_have_it() -> None:
    _, _, connection, _ = send(error(403), times=MAX_FORBIDDEN - 1)
    assert connection.stopped is None

    _, target, connection, _ = send(error(403), times=MAX_FORBIDDEN + 1)
    assert isinstance(connection.stopped, TargetUnavailable)
    assert len(target.requests) == MAX_FORBIDDEN


def test_a_403_for_the_list_is_the_tokens() -> None:
    _, _, connection, _ = send(error(403), request=ScimRequest("GET", "/Users"))

    assert isinstance(connection.stopped, TargetUnavailable)


def test_records_that_break_the_service_stop_it_only_if_its_list_fails_too() -> None:
    answers = [error(500)] * MAX_FAILURES * 5
    _, target, connection, _ = send(*answers, OK, times=MAX_FAILURES)

    assert connection.stopped is None
    assert target.requests[-1].path == "/Users"

    _, _, connection, _ = send(error(500), times=MAX_FAILURES)
    assert connection.stopped is not None


def test_a_target_without_connections_is_stopped() -> None:
    results, target, connection, _ = send(REFUSED_CONNECTION, times=2)

    assert connection.stopped is not None
    assert connection.stopped.message == "wiki: cannot connect"
    assert (results[0], len(target.requests)) == (REFUSED_CONNECTION, 5)
    assert isinstance(results[1], TargetStopped)


@pytest.mark.parametrize("outcome", [error(503), LOST, PAGE])
def test_a_target_that_only_fails_is_stopped(outcome: RequestError) -> None:
    results, _, connection, _ = send(outcome, times=MAX_FAILURES + 1)

    assert connection.stopped is not None
    assert f"{MAX_FAILURES} requests in a row failed, the last: " in connection.stopped.message
    assert [isinstance(one, TargetStopped) for one in results] == [False] * MAX_FAILURES + [True]
    assert connection.responses == 0


@pytest.mark.parametrize("between", [OK, error(400), error(404), error(409)])
def test_any_other_response_shows_that_the_target_works(between: Outcome) -> None:
    outcomes = [*([PAGE] * (MAX_FAILURES - 1)), between, *([PAGE] * (MAX_FAILURES - 1)), OK]

    _, _, connection, _ = send(*outcomes, times=len(outcomes))

    assert connection.stopped is None


def test_creations_end_after_many_failures_in_a_row(caplog: pytest.LogCaptureFixture) -> None:
    _, _, connection, _ = send(OK, request=GET)
    unknown = OutcomeUnknown(LOST)

    for _ in range(MAX_FAILED_CREATIONS - 1):
        connection.creation_failed(unknown)
    assert (connection.may_create, caplog.messages) == (True, [])
    connection.creation_failed(unknown)

    assert not connection.may_create
    assert caplog.messages == [
        f"wiki: {MAX_FAILED_CREATIONS} creations in a row failed, the last: {LOST} [SYNC-0406]"
    ]
    asyncio.run(connection.send(POST))
    assert connection.may_create


# Probing


def test_a_suspect_target_gets_one_request_until_it_answers() -> None:
    time, target = SimulatedTime(), Target([error(503)])

    async def scenario() -> list[Any]:
        connection = TargetConnection("wiki", target, probing=True, time=time.source())
        requests = (connection.send(GET) for _ in range(4))
        return await asyncio.gather(*requests, return_exceptions=True)

    results = asyncio.run(scenario())
    assert [type(one) for one in results] == [ErrorResponse, *[TargetStopped] * 3]
    assert results[1].message == "wiki: still down: POST /Users: 503"
    assert len(target.requests) == 1


@pytest.mark.parametrize("first", [OK, error(404)])
def test_a_suspect_target_that_answers_gets_the_others(first: Outcome) -> None:
    results, target, connection, _ = send(first, OK, times=3, probing=True)

    assert (results, len(target.requests), connection.stopped) == ([first, OK, OK], 3, None)


# Stopping


def test_nothing_is_sent_without_the_lease() -> None:
    async def lost() -> bool:
        return False

    results, target, connection, _ = send(OK, may_send=lost)

    assert isinstance(results[0], TargetStopped)
    assert isinstance(connection.stopped, LeaseHeld)
    assert target.requests == []


@pytest.mark.parametrize(
    ("rate_limiter", "outcomes"),
    [
        (RateLimiter(0.001, concurrency=1), [OK]),  # waits for its turn
        (RateLimiter(), [error(500)]),  # waits before it is sent again
        (RateLimiter(), [error(429, retry_after=100.0)]),
    ],
    ids=["rate", "retry", "Retry-After"],
)
def test_a_stop_ends_waiting(rate_limiter: RateLimiter, outcomes: list[Outcome]) -> None:
    async def forever(seconds: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    async def scenario() -> None:
        connection = TargetConnection(
            "wiki", Target(outcomes), rate_limiter=rate_limiter, time=TimeSource(forever)
        )
        sending = [asyncio.create_task(connection.send(GET)) for _ in range(3)]
        await asleep.wait()
        connection.stop(TargetUnavailable("interrupted", code="SYNC-0000"))
        results = await asyncio.gather(*sending, return_exceptions=True)
        stopped = [one for one in results if isinstance(one, TargetStopped)]
        assert {one.message for one in stopped} == {"interrupted"}

    asleep = asyncio.Event()
    asyncio.run(scenario())


def test_the_first_reason_to_stop_counts() -> None:
    _, _, connection, _ = send(OK)

    connection.stop(TargetUnavailable("one", code="SYNC-0000"))
    connection.lost_lease()

    assert connection.stopped is not None
    assert connection.stopped.message == "one"


# Observation


def test_each_attempt_is_observed() -> None:
    seen: list[tuple[str, str, int | None, float]] = []

    send(LOST, error(500), PAGE, observe=lambda *one: seen.append(one))
    send(OK, request=GET, observe=lambda *one: seen.append(one))

    assert [(target, method, status) for target, method, status, _ in seen] == [
        ("wiki", "PATCH", None),
        ("wiki", "PATCH", 500),
        ("wiki", "PATCH", 200),
        ("wiki", "GET", 200),
    ]
    assert all(0 < seconds < 0.001 for *_, seconds in seen)


@pytest.mark.parametrize(
    ("level", "said"),
    [
        (logging.INFO, []),
        (logging.DEBUG, ["wiki: POST /Users: 409 uniqueness", "wiki: GET /Users?…: 200"]),
        (
            PERSONAL,
            ["wiki: POST /Users: 409 uniqueness: ann exists", "wiki: GET /Users?filter=ann: 200"],
        ),
    ],
)
def test_the_log_names_people_only_where_it_may(
    level: int, said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(level, "scimsync")

    send(error(409, scim_type="uniqueness", detail="ann exists"), request=POST)
    send(OK, request=ScimRequest("GET", "/Users", query=(("filter", "ann"),)))

    assert caplog.messages == said


def test_requests_wait_for_the_limit_of_their_class(caplog: pytest.LogCaptureFixture) -> None:
    rates = [RequestRate("write", 2, 60), RequestRate("read", 1, 1)]

    results, _, _, slept = send(OK, request=PATCH, times=5, rates=rates)

    assert results == [OK] * 5
    assert [round(seconds) for seconds in slept] == [61, 61]
    assert caplog.messages == [
        "wiki: waits 61 s for a limit of the product (write: 2 a minute) [SYNC-0463]"
    ]
