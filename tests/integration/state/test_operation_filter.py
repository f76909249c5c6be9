"""Which operations of the journal an `OperationFilter` admits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from scimsync.model.ids import Key, Kind
from scimsync.model.operations import (
    MEMBERSHIP_ACTIONS,
    OPEN_STATUSES,
    RESOURCE_ACTIONS,
    Action,
    Operation,
    OperationFilter,
    OperationStatus,
    Phase,
)
from scimsync.state import operation_journal
from scimsync.state.store import Store, open_state
from tests.office import MONDAY

HOUR = timedelta(hours=1)
CREATE = Operation(
    phase=Phase.CREATE, kind=Kind.USER, key=Key("1"), action=Action.CREATE, reason="no account yet"
)

# one operation a line: its number is its place, from 1
OPERATIONS: list[tuple[int, str, Operation]] = [
    (1, "wiki", CREATE),
    (1, "wiki", replace(CREATE, key=Key("2"), status=OperationStatus.FAILED)),
    (1, "chat", CREATE),
    (2, "wiki", replace(CREATE, phase=Phase.UPDATE, action=Action.UPDATE)),
    (2, "wiki", replace(CREATE, phase=Phase.GROUP, kind=Kind.GROUP, key=Key("g"))),
    (
        2,
        "wiki",
        replace(
            CREATE,
            phase=Phase.MEMBERS,
            kind=Kind.GROUP,
            key=Key("g"),
            action=Action.ADD_MEMBERS,
        ),
    ),
]
SENT = 6

CASES: dict[str, tuple[OperationFilter, set[int]]] = {
    "everything": (OperationFilter(), {1, 2, 3, 4, 5, 6}),
    "of a run": (OperationFilter(run=1), {1, 2, 3}),
    "of a target": (OperationFilter(target="chat"), {3}),
    "of some targets": (OperationFilter(targets=["chat", "crm"]), {3}),
    "of no target": (OperationFilter(targets=[]), set()),
    "of a run and a target": (OperationFilter(run=1, target="wiki"), {1, 2}),
    "of a phase": (OperationFilter(phase=Phase.UPDATE), {4}),
    "of a kind": (OperationFilter(kind=Kind.GROUP), {5, 6}),
    "with an id": (OperationFilter(ids=[2, 3, 99]), {2, 3}),
    "with a key": (OperationFilter(keys={Key("1")}), {1, 3, 4}),
    "with no key": (OperationFilter(keys=()), set()),
    "without a key": (OperationFilter(exclude_keys=[Key("1")]), {2, 5, 6}),
    "of resources": (OperationFilter(actions=RESOURCE_ACTIONS), {1, 2, 3, 4, 5}),
    "of members": (OperationFilter(actions=MEMBERSHIP_ACTIONS), {6}),
    "open": (OperationFilter(statuses=OPEN_STATUSES), {1, 3, 4, 5, 6}),
    "failed": (OperationFilter(statuses=[OperationStatus.FAILED]), {2}),
    "sent": (OperationFilter(was_sent=True), {SENT}),
    "after they were planned": (OperationFilter(since=MONDAY + HOUR), {SENT}),
    "since they were planned": (OperationFilter(since=MONDAY), {1, 2, 3, 4, 5, 6}),
    "after they were sent": (OperationFilter(since=MONDAY + 3 * HOUR), set()),
}


@pytest.fixture(params=["sqlite", "postgresql"])
def state_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def store(tmp_path: Path, new_state: Callable[[], str | None]) -> Iterator[Store]:
    """A state with the operations above, the last of which was sent two hours later."""
    url = (new_state() or "sqlite:///scimsync.db").replace("postgresql:", "postgresql+psycopg:")
    with closing(open_state(url, tmp_path, create=True)) as opened:
        with opened.write() as connection:
            for run, target, operation in OPERATIONS:
                operation_journal.add_operations(connection, run, target, [operation], MONDAY)
            operation_journal.mark_sent(connection, {SENT: "[]"}, MONDAY + 2 * HOUR)
        yield opened


@pytest.mark.parametrize("case", CASES)
def test_a_filter_admits_operations(store: Store, case: str) -> None:
    where, expected = CASES[case]
    with store.read() as connection:
        found = list(operation_journal.find(connection, where))

        assert {one.id for one in found} == expected
        assert operation_journal.has_any(connection, where) is bool(expected)
        assert sum(operation_journal.count(connection, where).values()) == len(expected)
        assert operation_journal.keys_of(connection, where) == {one.key for one in found}
        assert [one.id for one in operation_journal.last(connection, where, 2)] == sorted(expected)[
            -2:
        ]


def test_only_open_operations_are_closed(store: Store) -> None:
    end: datetime = MONDAY + 4 * HOUR
    with store.write() as connection:
        operation_journal.close_open(
            connection, OperationFilter(run=1), OperationStatus.SKIPPED, "the run was stopped", end
        )
        closed = [
            (one.id, one.status, one.detail, one.done_at)
            for one in operation_journal.find(connection, OperationFilter(run=1))
        ]

    assert closed == [
        (1, OperationStatus.SKIPPED, "the run was stopped", end),
        (2, OperationStatus.FAILED, None, MONDAY),
        (3, OperationStatus.SKIPPED, "the run was stopped", end),
    ]
