"""Queries that a plan makes use an index on SQLite, whose planner has no statistics.

Without one, each batch scans all operations of the run, and a plan takes time quadratic in its
size. A query for the few links that are due would read all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from scimsync.model.ids import Key, Kind, RemoteId, Seq
from scimsync.model.operations import OPEN_STATUSES, Action, OperationFilter
from scimsync.state import due, link_store, operation_journal, overview
from scimsync.state.store import Store, open_state

KEYS = [Key(f"{number:05}") for number in range(1000)]
PLANNED = OperationFilter(run=1, target="wiki", kind=Kind.USER, statuses=OPEN_STATUSES)
LEFT_OPEN = OperationFilter(target="wiki", kind=Kind.USER, keys=KEYS, statuses=OPEN_STATUSES)

QUERIES: dict[str, tuple[str, Callable[[Connection], object]]] = {
    "planned keys": (
        "ix_operation_planned",
        lambda connection: operation_journal.keys_of(
            connection,
            OperationFilter(
                run=1,
                target="wiki",
                kind=Kind.USER,
                keys=KEYS,
                actions=(Action.CREATE, Action.ADOPT),
                statuses=OPEN_STATUSES,
            ),
        ),
    ),
    "keys in order": (
        "ix_operation_planned",
        lambda connection: operation_journal.keys_after(connection, PLANNED, "00500", 500),
    ),
    "operations of a run that died": (
        "ix_operation_open",
        lambda connection: list(operation_journal.find(connection, LEFT_OPEN)),
    ),
    "adopted accounts": (
        "ix_operation_remote_id",
        lambda connection: operation_journal.adopted(
            connection, PLANNED, [RemoteId(key) for key in KEYS]
        ),
    ),
    "claimed names": (
        "ix_operation_unique_name",
        lambda connection: operation_journal.claimed_names(connection, 1, "wiki", Kind.USER, KEYS),
    ),
}

FEW = {
    "leavers with access": (
        "ix_link_may_have_access",
        lambda connection: overview.access_to_remove(connection, "wiki", 100),
    ),
    "number of leavers with access": (
        "ix_link_may_have_access",
        lambda connection: link_store.count_with_access(connection, "wiki"),
    ),
    "keys of leavers with access": (
        "ix_link_may_have_access",
        lambda connection: overview.keys_with_access(connection, "wiki"),
    ),
    "failing links": (
        "ix_link_failing",
        lambda connection: overview.failing_links(connection, "wiki", 3),
    ),
    "keys that failed": (
        "ix_link_failing",
        lambda connection: overview.failing_keys(connection, "wiki", Kind.USER),
    ),
}
"""What `status` and `retry` ask for, by the index that has only the few links that matter."""

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LINK_QUERIES: dict[str, Callable[[Connection], object]] = {
    "number of accounts": lambda connection: link_store.count_accounts(
        connection, "wiki", Kind.USER
    ),
    "users to plan": lambda connection: list(
        due.keys_to_plan(connection, "wiki", ["hr"], Seq(7), NOW)
    ),
    "groups to plan": lambda connection: due.groups_to_plan(connection, "wiki", NOW),
    "arrivals": lambda connection: list(due.arrivals(connection, "wiki", ["hr"], Seq(7))),
    "number of due links": lambda connection: due.count_due(connection, "wiki", NOW),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_state("sqlite:///scimsync.db", tmp_path, create=True)) as opened:
        yield opened


def plan_of(store: Store, query: Callable[[Connection], object]) -> list[str]:
    """The steps of the statements that `query` executes, as SQLite plans them."""
    steps: list[str] = []

    def explain(
        _connection: object, cursor: Any, statement: str, parameters: Any, *_: object
    ) -> None:
        if statement.startswith("SELECT"):
            steps.extend(
                row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            )

    event.listen(store.engine, "before_cursor_execute", explain)
    with store.read() as connection:
        query(connection)
    return steps


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_for_a_batch_uses_its_index(store: Store, name: str) -> None:
    index, query = QUERIES[name]

    steps = plan_of(store, query)

    assert any(f"INDEX {index} (" in step for step in steps), steps
    assert all("SCAN" not in step for step in steps), steps
    last_column = {"ix_operation_remote_id": "remote_id", "ix_operation_unique_name": "unique_name"}
    assert any(last_column.get(index, "key") in step for step in steps), steps


@pytest.mark.parametrize("name", LINK_QUERIES)
def test_a_query_for_few_links_does_not_read_all_of_them(store: Store, name: str) -> None:
    steps = plan_of(store, LINK_QUERIES[name])

    of_links = [step for step in steps if step.startswith("SEARCH link ")]
    assert of_links, steps
    for step in of_links:
        reads_all = step.endswith(("(target=? AND kind=?)", "remote_id>?)"))
        assert not reads_all or "INDEX ix_link_may_have_access" in step, steps  # few are in it


@pytest.mark.parametrize("name", FEW)
def test_a_summary_reads_only_the_links_that_it_is_about(store: Store, name: str) -> None:
    index, query = FEW[name]

    of_links = [step for step in plan_of(store, query) if " link " in f"{step} "]

    assert of_links
    assert all(f"INDEX {index}" in step for step in of_links), of_links
