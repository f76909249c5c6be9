"""Which accounts that a search found under a new id are the missing ones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scimsync.model.ids import Document, RemoteId
from scimsync.targets.filter_search import SearchUndecided
from scimsync.targets.found_again import unless_another_user

ANN: Document = {
    "externalId": "1",
    "userName": "ann@example.com",
    "name.givenName": "Ann",
    "name.familyName": "Abel",
}
"""What the missing account held."""

ZOE = {"givenName": "Zoe", "familyName": "Zed"}


class Accounts:
    """Accounts that can be read by their ids."""

    def __init__(self, *accounts: dict[str, Any]) -> None:
        self.accounts = {account["id"]: account for account in accounts}
        self.reads: list[str] = []

    async def read(self, remote_id: RemoteId) -> dict[str, Any] | None:
        self.reads.append(remote_id)
        return self.accounts.get(remote_id)

    async def with_members(self, resource: dict[str, Any]) -> dict[str, Any] | None:
        return resource


def shown(**values: object) -> dict[str, Any]:
    """An account with the userName that is searched for."""
    return {"id": "new", "userName": "Ann@example.com", **values}


def judged(accounts: Accounts, found: dict[str, Any]) -> dict[str, Any] | None:
    return asyncio.run(unless_another_user(accounts, found, ANN))


@pytest.mark.parametrize(
    ("account", "is_ours", "reads"),
    [
        (shown(externalId="1"), True, []),
        (shown(name={"givenName": "Ann", "familyName": "Abel"}), True, []),
        (shown(externalId="2", name={"givenName": "Ann", "familyName": "Abel"}), True, []),
        # neither externalId nor names
        (shown(), True, ["new"]),
        (shown(externalId="", name={}), True, ["new"]),
        # someone else
        (shown(externalId="2"), False, ["new"]),
        (shown(externalId="2", name=ZOE), False, ["new"]),
        (shown(name=ZOE), False, ["new"]),
    ],
)
def test_a_user_name_alone_does_not_outweigh_another_external_id_or_other_names(
    account: dict[str, Any], is_ours: bool, reads: list[str]
) -> None:
    accounts = Accounts(account)
    assert judged(accounts, account) == (account if is_ours else None)
    assert accounts.reads == reads


def test_an_account_from_an_abridged_list_is_judged_as_it_is_read() -> None:
    assert judged(Accounts(shown(externalId="2")), shown()) is None
    assert judged(Accounts(shown(externalId="1")), shown()) == shown(externalId="1")


@pytest.mark.parametrize(
    ("accounts", "found", "why"),
    [
        (Accounts(), shown(), "found by a search, but not by its id"),
        (
            Accounts(),
            shown(externalId="1", userName="zoe@example.com", name=ZOE),
            "the same externalId, but userName and all names differ",
        ),
    ],
)
def test_what_is_not_proven_is_undecided(
    accounts: Accounts, found: dict[str, Any], why: str
) -> None:
    with pytest.raises(SearchUndecided, match=why):
        judged(accounts, found)
