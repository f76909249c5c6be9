"""Users who have no account as far as is known, and who left: the target is asked for one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from scimsync.model.accounts import Account
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus
from scimsync.model.mappings import Constant, Expression, MappedValue
from scimsync.model.records import Record
from tests.unit.plan.building import DAY, NOW, policy
from tests.unit.plan.memory import Company, MemoryTarget, Rules, program, row

A = Key("a")
GONE = replace(row("a"), removed_at=NOW)
LEFT = row("a", state="left")
FAILED = Link(Kind.USER, A, LinkStatus.PENDING, failures=1, next_try_at=NOW)
COUNTED = replace(FAILED, may_have_access_since=NOW - DAY)


def account(number: int, *, active: bool = True) -> Account:
    held = {"userName": "a@example.com", "active": active}
    return Account(RemoteId(f"id-{number}"), held, "userName", active=active)


def plan(rows: list[Record], link: Link, target: MemoryTarget, of: Any = None) -> Company:
    company = Company(rows, Rules(policy=of or policy()), known=[link], users=target)
    asyncio.run(company.plan())
    return company


@pytest.mark.parametrize("link", [FAILED, COUNTED], ids=["failed", "counted"])
@pytest.mark.parametrize("record", [LEFT, GONE], ids=["out of scope", "gone"])
@pytest.mark.parametrize(
    ("found", "planned", "failure"),
    [
        # nothing that has to be removed: the target has shown it
        ((), [], None),
        ((account(1, active=False),), [], None),
        # one account: it is deactivated
        ((account(1),), [("user", "a", "deactivate")], None),
        # no one can tell which is the account of the user
        ((account(1), account(2)), [], "ambiguous: 2 accounts match by userName: id-1, id-2"),
        # the target did not say
        ("500", [], "the account cannot be searched for: 500"),
    ],
    ids=["none", "inactive", "one", "ambiguous", "refused"],
)
def test_who_failed_before_is_looked_up_by_the_last_record(
    record: Record,
    link: Link,
    found: tuple[Account, ...] | str,
    planned: list[tuple[str, str, str]],
    failure: str | None,
) -> None:
    target = (
        MemoryTarget(refused={A: found}) if isinstance(found, str) else MemoryTarget({A: found})
    )

    company = plan([record], link, target)

    assert company.planned() == planned
    assert company.failed() == ({} if failure is None else {"a": failure})
    assert company.state.unwanted == ([] if planned or failure else [A])
    if failure is not None:
        since = company.state.known[Kind.USER, A].may_have_access_since
        assert since == (link.may_have_access_since or NOW)
        assert [one.action for one in company.state.operations] == (
            ["create"] if (record, link) == (GONE, FAILED) else ["deactivate"]
        )


def test_who_may_still_have_access_is_looked_up_in_each_run() -> None:
    target = MemoryTarget({A: (account(1), account(2))})
    company = plan([GONE], COUNTED, target)
    company.state.absent = {A: "whatever was searched for before"}
    asyncio.run(company.plan())
    assert target.asked == [A, A]


@pytest.mark.parametrize(
    "rows", [[], [replace(GONE, data={**GONE.data, "email": ""})]], ids=["no record", "no value"]
)
def test_who_may_still_have_access_and_cannot_be_looked_up_stays_counted(
    rows: list[Record],
) -> None:
    company = plan(rows, COUNTED, MemoryTarget())
    assert company.failed() == {
        "a": "its account cannot be searched for: its record has no value to match by"
    }
    assert company.state.known[Kind.USER, A].may_have_access_since == NOW - DAY


def test_who_was_only_in_a_file_that_a_guard_refused_is_not_looked_up() -> None:
    target = MemoryTarget({A: (account(1),)})
    company = Company([GONE], Rules(policy=policy()), known=[FAILED], users=target)
    company.records.refused_keys = {A}
    asyncio.run(company.plan())
    assert (company.planned(), company.state.unwanted, target.asked) == ([], [A], [])


@pytest.mark.parametrize(
    "known",
    [[], [replace(FAILED, failures=0)], [replace(FAILED, in_doubt=True)]],
    ids=["unknown", "never sent", "created without a response"],
)
def test_whose_record_is_gone_and_who_never_failed_is_not_looked_up(known: list[Link]) -> None:
    target = MemoryTarget({A: (account(1),)})
    company = Company([GONE], Rules(policy=policy()), known=known, users=target)
    asyncio.run(company.plan())
    assert (company.planned(), target.asked) == ([], [])


@pytest.mark.parametrize("of", [policy("keep"), policy(remove=False)], ids=["keep", "off"])
def test_who_may_keep_the_account_is_not_looked_up(of: Any) -> None:
    target = MemoryTarget({A: (account(1),)})
    company = plan([GONE], FAILED, target, of)
    assert (company.planned(), company.state.unwanted, target.asked) == ([], [A], [])


@pytest.mark.parametrize("record", [LEFT, GONE], ids=["out of scope", "gone"])
@pytest.mark.parametrize(
    ("names", "active", "leave", "outcome"),
    [
        # userName and all names differ: nothing is sent, and the user stays counted
        ({"displayName": "Root Admin"}, True, "deactivate", "failed"),
        ({"displayName": "Root Admin"}, None, "deactivate", "failed"),
        ({"displayName": "Root Admin"}, False, "delete", "failed"),
        # there is nothing to take
        ({"displayName": "Root Admin"}, False, "deactivate", "nothing"),
        # a name is the same, or there is none to compare
        ({"displayName": "Abel, A."}, True, "deactivate", "deactivate"),
        ({}, True, "deactivate", "deactivate"),
        ({"displayName": "Abel, A."}, True, "delete", "delete"),
    ],
)
def test_an_equal_external_id_of_somebody_else_takes_no_access(
    record: Record, names: dict[str, str], active: bool | None, leave: str, outcome: str
) -> None:
    mapping: dict[str, MappedValue] = {
        "externalId": Expression("id"),
        "userName": Expression("email"),
        "displayName": Constant("Ann Abel"),
    }
    rules = Rules(policy=policy(leave), program=program(mapping))
    found = Account(RemoteId("id-1"), {}, "externalId", active=active)
    identity = {"externalId": "a", "userName": "root@example.com", **names}
    target = MemoryTarget({A: (replace(found, identity=identity),)})
    rows = [replace(record, data={**record.data, "id": "a"})]
    company = Company(rows, rules, known=[COUNTED], users=target)

    asyncio.run(company.plan())

    planned = [] if outcome in ("failed", "nothing") else [("user", "a", outcome)]
    assert company.planned() == planned
    assert company.failed() == (
        {
            "a": "account id-1 has the same externalId, but userName and all names differ: it may"
            " be of another person"
        }
        if outcome == "failed"
        else {}
    )
    since = company.state.known[Kind.USER, A].may_have_access_since
    assert outcome != "failed" or since == NOW - DAY


@pytest.mark.parametrize("record", [LEFT, GONE], ids=["out of scope", "gone"])
@pytest.mark.parametrize(
    ("identity", "outcome"),
    [
        # another externalId, and not the same name
        ({"externalId": "z", "displayName": "Zoe Zed"}, "failed"),
        ({"externalId": "z", "displayName": "Abel, A."}, "failed"),
        ({"externalId": "z"}, "failed"),
        # no externalId, and all names differ
        ({"displayName": "Zoe Zed"}, "failed"),
        # the same name, or nothing that contradicts
        ({"externalId": "z", "displayName": "Ann Abel"}, "deactivate"),
        ({"displayName": "Abel, A."}, "deactivate"),
        ({}, "deactivate"),
    ],
)
def test_an_equal_user_name_of_somebody_else_takes_no_access(
    record: Record, identity: dict[str, str], outcome: str
) -> None:
    mapping: dict[str, MappedValue] = {
        "externalId": Expression("id"),
        "userName": Expression("email"),
        "displayName": Constant("Ann Abel"),
    }
    rules = Rules(policy=policy(), program=program(mapping))
    shown = {"userName": "a@example.com", **identity}
    target = MemoryTarget({A: (replace(account(1), identity=shown),)})
    rows = [replace(record, data={**record.data, "id": "a"})]
    company = Company(rows, rules, known=[COUNTED], users=target)

    asyncio.run(company.plan())

    assert company.planned() == ([] if outcome == "failed" else [("user", "a", outcome)])
    assert company.failed() == (
        {
            "a": "account id-1 matches by userName, but its externalId or all names differ: it may"
            " be of another person"
        }
        if outcome == "failed"
        else {}
    )
