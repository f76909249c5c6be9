"""The rows of a report come from their files in order, by outcome, and by trait."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from scimsync.adoption.existing_accounts import ExistingAccount
from scimsync.adoption.lookalikes import Resemblance, Unclaimed
from scimsync.adoption.row_files import GroupRows, Owner, Trait, UserRows
from scimsync.adoption.rows import AdoptionOutcome, GroupMember, GroupRow, UserRow
from scimsync.model.changes import Change
from scimsync.model.ids import Key, RemoteId

MATCH, CREATE, LEAVER = AdoptionOutcome.MATCH, AdoptionOutcome.CREATE, AdoptionOutcome.LEAVER
UNMATCHED, PROTECTED = AdoptionOutcome.UNMATCHED, AdoptionOutcome.PROTECTED


def account(name: str) -> ExistingAccount:
    return ExistingAccount(RemoteId(f"id-{name}"), name)


ADA = UserRow(
    MATCH,
    Key("1"),
    accounts=(account("ada"),),
    changes=(Change("title", "a", 2**70), Change("active", False, True)),
)
BEN = UserRow(CREATE, Key("2"), "Ben")
CLEO = UserRow(LEAVER, Key("3"), accounts=(account("ada"), account("cleo")))
ROOT = UserRow(PROTECTED, accounts=(account("Root"),))
BOT = UserRow(UNMATCHED, accounts=(account("bot"),))
ZOE = UserRow(UNMATCHED, accounts=(account("zoe"),))


def test_rows_are_in_order_and_accounts_without_a_record_come_last_by_name() -> None:
    rows = UserRows([ADA, ZOE, ROOT])
    rows.add([BEN, BOT, CLEO])
    rows.add([])

    assert list(rows) == [ADA, BEN, CLEO, BOT, ROOT, ZOE]
    assert len(rows) == 6
    assert list(rows.select(UNMATCHED)) == [BOT, ZOE]
    assert list(rows.select(UNMATCHED, MATCH)) == [ADA, BOT, ZOE]
    assert len(rows.select(UNMATCHED, MATCH)) == 3
    assert rows.counts() == {MATCH: 1, PROTECTED: 1, LEAVER: 1, CREATE: 1, UNMATCHED: 2}
    assert list(rows.unmatched()) == [account("bot"), account("zoe")]


def test_without_rows_there_is_nothing() -> None:
    rows = UserRows()

    assert (list(rows), len(rows), rows.counts(), list(rows.users())) == ([], 0, {}, [])
    assert rows.taken([RemoteId("id-ada")]) == set()
    assert rows.owners([RemoteId("id-ada")], first=[MATCH]) == {}
    assert list(GroupRows().select(MATCH)) == []


def test_rows_are_selected_by_a_trait() -> None:
    rows = UserRows([BEN, ADA, UserRow(MATCH, Key("4"), resembles=(alike(),))])

    assert list(rows.select(trait=Trait.OVERWRITES)) == [ADA]
    assert list(rows.select(trait=Trait.REACTIVATES)) == [ADA]
    assert [row.key for row in rows.select(MATCH, trait=Trait.RESEMBLES)] == ["4"]
    assert list(rows.select(CREATE, trait=Trait.RESEMBLES)) == []


def alike() -> Resemblance:
    return Resemblance(account("bot"), ("name",))


def test_a_row_is_replaced_in_its_place() -> None:
    rows = UserRows([ADA, ZOE, BEN])
    ((first, second),) = rows.users()
    assert (first[1], second[1]) == (ADA, BEN)

    other = UserRow(CREATE, Key("2"), resembles=(alike(),))
    rows.replace([(second[0], other)])

    assert list(rows) == [ADA, other, ZOE]
    assert list(rows.select(trait=Trait.RESEMBLES)) == [other]


def test_an_account_has_the_owner_that_takes_it_over() -> None:
    rows = UserRows([CLEO, ADA, BOT])
    ids = [RemoteId(f"id-{name}") for name in ("ada", "cleo", "bot", "none")]

    assert rows.owners(ids, first=[MATCH]) == {
        ids[0]: Owner(Key("1"), MATCH),
        ids[1]: Owner(Key("3"), LEAVER),
    }
    assert rows.owners(ids, first=[])[ids[0]] == Owner(Key("3"), LEAVER)
    assert rows.taken(ids) == {ids[0], ids[1]}
    assert rows.taken(ids, 0) == set()
    assert [one.remote_id for one in rows.matched()] == ["id-ada", "id-cleo", "id-ada"]


def test_groups_keep_the_order_in_which_they_were_added() -> None:
    staff = GroupRow(MATCH, "Staff", added=(GroupMember("1", Key("1")),))
    other = GroupRow(UNMATCHED, "Admins")
    rows = GroupRows([staff, other])

    assert list(rows) == [staff, other]
    assert list(rows.select(UNMATCHED)) == [other]


def users(number: int) -> object:
    return UserRows(
        UserRow(MATCH, Key(str(n)), "x" * 1000, accounts=(account(f"{n} {'y' * 1000}"),))
        for n in range(number)
    )


def groups(number: int) -> object:
    return GroupRows(GroupRow(MATCH, f"{n} {'x' * 2000}") for n in range(number))


def unclaimed(number: int) -> object:
    return Unclaimed(account(f"{n}{'x' * 1000}@example.com") for n in range(number))


@pytest.mark.parametrize("filled", [users, groups, unclaimed])
def test_python_keeps_no_rows(filled: Callable[[int], object]) -> None:
    filled(10)  # what is loaded once
    tracemalloc.start()
    try:
        kept = filled(1000)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert size < 500_000, kept  # 1,000 rows of 2,000 characters
