"""Which users are deprovisioned by hand after their keys were corrected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus
from scimsync.state import holds, link_store, user_keys
from scimsync.state.store import open_state
from tests.office import MONDAY

EARLIER, LATER = MONDAY, MONDAY + timedelta(days=1)
NOW = MONDAY + timedelta(days=2)
OLD, NEW, THIRD = Key("old"), Key("new"), Key("third")


@pytest.fixture(params=["sqlite", "postgresql"])
def state_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def connection(tmp_path: Path, new_state: Callable[[], str | None]) -> Iterator[Connection]:
    url = (new_state() or "sqlite:///scimsync.db").replace("postgresql:", "postgresql+psycopg:")
    with (
        closing(open_state(url, tmp_path, create=True)) as store,
        store.write() as opened,
    ):
        yield opened


def account(key: Key, status: LinkStatus = LinkStatus.ACTIVE) -> Link:
    """The link of a user with an account."""
    return Link(Kind.USER, key, status, RemoteId(f"id-{key}"), {"userName": key})


HELD: dict[str, tuple[dict[Key, Key], dict[Key, datetime], dict[Key, datetime]]] = {
    "the old key": ({NEW: OLD}, {OLD: EARLIER}, {NEW: EARLIER}),
    "the new key": ({NEW: OLD}, {NEW: EARLIER}, {NEW: EARLIER}),
    "both, the new one first": ({NEW: OLD}, {OLD: LATER, NEW: EARLIER}, {NEW: EARLIER}),
    "both, the old one first": ({NEW: OLD}, {OLD: EARLIER, NEW: LATER}, {NEW: EARLIER}),
    "one of two who swap": ({NEW: OLD, OLD: NEW}, {OLD: EARLIER}, {NEW: EARLIER}),
    "both who swap": (
        {NEW: OLD, OLD: NEW},
        {OLD: EARLIER, NEW: LATER},
        {NEW: EARLIER, OLD: LATER},
    ),
    "the middle of a chain": ({NEW: OLD, THIRD: NEW}, {NEW: EARLIER}, {THIRD: EARLIER}),
    "another key": ({NEW: OLD}, {THIRD: EARLIER}, {THIRD: EARLIER}),
}
"""New keys with their old ones, who is deprovisioned, and who is after the keys were moved."""


@pytest.mark.parametrize("case", HELD)
def test_a_deprovisioning_moves_with_its_person(connection: Connection, case: str) -> None:
    pairs, before, after = HELD[case]
    link_store.put_links(connection, "wiki", [account(old) for old in pairs.values()])
    for key, since in before.items():
        holds.put_hold(connection, key, ["wiki"], since)

    user_keys.rekey(connection, pairs, {}, NOW)

    assert holds.all_holds(connection) == after
    links = link_store.get_links(connection, "wiki", Kind.USER, list(pairs))
    may_have_access = {key for key, link in links.items() if link.may_have_access_since}
    assert may_have_access == after.keys() & pairs.keys()


def test_what_a_new_key_waits_for_at_another_target_stays(connection: Connection) -> None:
    link_store.put_links(connection, "wiki", [account(OLD)])
    holds.put_hold(connection, NEW, ["wiki", "tickets"], EARLIER)

    user_keys.rekey(connection, {NEW: OLD}, {}, NOW)

    found = link_store.get_links(connection, "tickets", Kind.USER, [NEW])
    assert found[NEW].may_have_access_since == EARLIER


FORGOTTEN = Key("old (forgotten)")


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("since", [EARLIER, None])
def test_the_account_of_a_leaver_goes_on_as_one_that_may_give_access(
    connection: Connection, held: bool, since: datetime | None
) -> None:
    link = replace(account(OLD), may_have_access_since=since)
    link_store.put_links(connection, "wiki", [link])
    if held:
        holds.put_hold(connection, OLD, ["wiki"], LATER)

    user_keys.move_accounts(connection, {FORGOTTEN: OLD}, NOW, left=True)

    assert holds.all_holds(connection) == ({FORGOTTEN: LATER} if held else {})
    found = link_store.get_links(connection, "wiki", Kind.USER, [FORGOTTEN])
    assert found[FORGOTTEN].may_have_access_since == (since or (LATER if held else None))
