"""Memberships of resources whose remote id changes are in doubt, in each way of storing the id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus
from scimsync.model.memberships import Membership, in_doubt_at_new_id
from scimsync.state import link_changes, link_store, membership_store
from scimsync.state.store import Store, open_state

pytestmark = pytest.mark.both_databases

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ROWS = st.lists(
    st.builds(
        Membership,
        group=st.sampled_from(["a", "b"]).map(Key),
        member_kind=st.sampled_from(Kind),
        member=st.sampled_from(["a", "1"]).map(Key),
        wanted=st.booleans(),
        acknowledged=st.booleans(),
        revoked=st.booleans(),
        in_doubt=st.booleans(),
        pinned=st.booleans(),
    ).filter(lambda row: row.wanted or row.acknowledged or row.in_doubt or row.pinned),
    max_size=8,
    unique_by=lambda row: row.id,
)


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


def linked(kind: Kind, key: str, remote_id: str) -> Link:
    return Link(kind, Key(key), LinkStatus.ACTIVE, remote_id=RemoteId(remote_id))


def memberships(store: Store, target: str = "wiki") -> list[Membership]:
    with store.read() as connection:
        return [
            row
            for group in ("a", "b")
            for row in membership_store.of_group(connection, target, Key(group))
        ]


def begin(store: Store, rows: list[Membership]) -> None:
    with store.write() as connection:
        links = [linked(Kind.USER, "1", "id-1"), linked(Kind.GROUP, "a", "id-a")]
        link_store.put_links(connection, "wiki", links)
        for target in ("wiki", "mail"):
            for group in ("a", "b"):
                membership_store.forget_group(connection, target, Key(group), wanted=False)
            membership_store.put(connection, target, rows)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, kind=st.sampled_from(Kind))
def test_exactly_the_memberships_of_the_resource_are_in_doubt(
    store: Store, rows: list[Membership], kind: Kind
) -> None:
    key = {Kind.USER: "1", Kind.GROUP: "a"}[kind]
    begin(store, rows)
    before = memberships(store)

    with store.write() as connection:
        link_store.put_links(connection, "wiki", [linked(kind, key, "other")])

    expected = [
        in_doubt_at_new_id(row)
        if (row.member_kind, row.member) == (kind, key) or (kind is Kind.GROUP and row.group == key)
        else row
        for row in before
    ]
    assert memberships(store) == expected
    assert memberships(store, "mail") == before
    with store.read() as connection:
        assert list(membership_store.due(connection, "wiki")) == [
            row for row in expected if row.due
        ]


MEMBER = Membership(Key("a"), Kind.USER, Key("1"), wanted=True, acknowledged=True)
DOUBTED = replace(MEMBER, acknowledged=False, in_doubt=True)


def test_a_link_with_the_id_that_it_had_keeps_its_memberships(store: Store) -> None:
    begin(store, [MEMBER])

    with store.write() as connection:
        link_store.put_links(connection, "wiki", [linked(Kind.USER, "1", "id-1")])

    assert memberships(store) == [MEMBER]


def test_accounts_whose_ids_are_forgotten_leave_their_memberships_in_doubt(store: Store) -> None:
    begin(store, [MEMBER])

    with store.write() as connection:
        link_changes.detach(connection, "wiki", NOW)

    assert memberships(store) == [DOUBTED]


def test_a_plan_that_is_not_accepted_does_not_end_the_doubt(store: Store) -> None:
    begin(store, [MEMBER])
    unwanted = replace(MEMBER, wanted=False)
    with store.write() as connection:
        membership_store.keep_replaced(connection, "wiki", [unwanted], {MEMBER.id: MEMBER})
        membership_store.put(connection, "wiki", [unwanted])
        link_store.put_links(connection, "wiki", [linked(Kind.GROUP, "a", "other")])

    with store.write() as connection:
        membership_store.restore(connection, ["wiki"])

    assert memberships(store) == [DOUBTED]
