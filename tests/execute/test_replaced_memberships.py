"""Memberships are again exactly what they were before plans that nobody accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scimsync.model.ids import Key, Kind
from scimsync.model.memberships import Membership
from scimsync.state import membership_store
from scimsync.state.store import Store, open_state

pytestmark = pytest.mark.both_databases

ROWS = st.builds(
    Membership,
    group=st.sampled_from(["a", "b"]).map(Key),
    member_kind=st.sampled_from(Kind),
    member=st.sampled_from(["1", "2", "3"]).map(Key),
    wanted=st.booleans(),
    acknowledged=st.booleans(),
    revoked=st.booleans(),
    in_doubt=st.booleans(),
)
SOME = st.lists(ROWS, max_size=8, unique_by=lambda row: row.id)


@pytest.fixture
def store(tmp_path: Path, new_state: Callable[[], str | None]) -> Iterator[Store]:
    """An empty state."""
    url = new_state()
    where = (
        "sqlite:///scimsync.db"
        if url is None
        else url.replace("postgresql:", "postgresql+psycopg:")
    )
    with closing(open_state(where, tmp_path, create=True)) as opened:
        yield opened


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=SOME, others=SOME, plans=st.lists(SOME, max_size=3))
def test_what_plans_changed_is_put_back(
    store: Store, before: list[Membership], others: list[Membership], plans: list[list[Membership]]
) -> None:
    with store.write() as connection:
        for target, rows in (("wiki", before), ("mail", others)):
            for group in ("a", "b"):
                membership_store.forget_group(connection, target, Key(group), wanted=False)
            membership_store.put(connection, target, rows)
    held = everything(store)
    for plan in plans:
        with store.write() as connection:
            known = {
                row.id: row
                for group in ("a", "b")
                for row in membership_store.of_group(connection, "wiki", Key(group))
            }
            membership_store.keep_replaced(connection, "wiki", plan, known)
            membership_store.put(connection, "wiki", plan)

    for _ in range(2):  # the second time nothing is known any more of those plans
        with store.write() as connection:
            membership_store.restore(connection, ["wiki"])
        assert everything(store) == held


def everything(store: Store) -> list[list[Membership]]:
    """All memberships of both targets, and which of them are due."""
    with store.read() as connection:
        return [
            *(
                list(membership_store.of_group(connection, target, Key(group)))
                for target in ("wiki", "mail")
                for group in ("a", "b")
            ),
            *(list(membership_store.due(connection, target)) for target in ("wiki", "mail")),
        ]
