"""Two targets at one application: neither takes an account from the other."""

from __future__ import annotations

import pytest

from tests.office import SOURCE, USER, Office, counts, people, person
from tests.servers.faulty import FaultyServer

EXT = '[sources.ext]\ntype = "file"\npath = "ext.csv"\nkey = "id"\n'
CONTRACTORS = [person(number) for number in (21, 22, 23)]


def shared(office: Office, *, token: str = "env:WIKI_TOKEN", target: str = "") -> None:
    """A second target, `ext`, at the url of the first one."""
    office.configure(
        source=SOURCE + EXT,
        target=f'source = "hr"\n{target}',
        guard='max_removals = 100\nmin_records = "1%"',
        more=f"""
[targets.ext]
url = "{office.url}/"
source = "ext"
auth = {{ type = "bearer", token = "{token}" }}
{target}
[targets.ext.user]
{USER}
""",
    )


@pytest.fixture
def two(office: Office) -> Office:
    shared(office)
    office.hire(people(5))
    office.hire(CONTRACTORS, "ext.csv")
    assert counts(office.push()) == {"create": 5}
    return office


@pytest.mark.parametrize("leave", ["deactivate", "delete"])
def test_who_moves_from_one_target_to_the_other_keeps_the_account(
    two: Office, faulty: FaultyServer, leave: str
) -> None:
    shared(two, target=f'leave = {{ action = "{leave}" }}')
    two.push()
    two.hire(CONTRACTORS[1:], "ext.csv")
    two.hire([*people(5), CONTRACTORS[0]])

    ran = two.run("push")

    assert ran.code == 4
    assert "wiki: has the same url as the target ext [SYNC-0431]" in ran.err
    done = {"deactivate": "deactivated", "delete": "deleted"}[leave]
    assert (
        f"the account id-00021 is not {done}: it is that of 00021 at wiki, which has the same url;"
        " ext gives it up [SYNC-0432]"
    ) in ran.err
    assert faulty.users["id-00021"]["active"]
    assert two.run("push").code == 0
    assert two.run("reconcile", "--exit-code").code == 0
    two.hire(people(5))
    assert counts(two.push()) == {leave: 1}
    assert not faulty.users.get("id-00021", {}).get("active")


def test_a_target_that_is_pushed_alone_leaves_the_accounts_of_the_other(
    two: Office, faulty: FaultyServer
) -> None:
    two.hire([*people(5), *CONTRACTORS])
    assert counts(two.push()) == {"adopt": 3}
    two.hire(CONTRACTORS[1:], "ext.csv")

    assert two.run("push", "-t", "ext").code == 4

    assert faulty.users["id-00021"]["active"]


def test_who_leaves_both_targets_is_deactivated(two: Office, faulty: FaultyServer) -> None:
    two.hire([*people(5), *CONTRACTORS])
    two.push()
    two.hire([*people(5), *CONTRACTORS[1:]])
    two.hire(CONTRACTORS[1:], "ext.csv")

    assert two.run("push").code == 0

    assert not faulty.users["id-00021"]["active"]


def test_who_is_deprovisioned_by_hand_is_deactivated(two: Office, faulty: FaultyServer) -> None:
    two.hire([*people(5), *CONTRACTORS])
    two.push()

    assert two.run("deprovision", "00021", "--yes").code == 0

    assert not faulty.users["id-00021"]["active"]


def test_unmanaged_accounts_may_be_those_of_the_other_target(
    two: Office, faulty: FaultyServer
) -> None:
    shared(two, target='unmanaged = "deactivate"')
    two.push()
    guest = faulty.add(userName="guest@example.com", active=True)

    ran = two.run("reconcile", "--fix")

    assert ran.code == 0
    assert "wiki: 5 accounts compared, 1 unmanaged" in ran.out
    why = "they may be those of ext, which has the same url"
    assert f"wiki: 1 unmanaged account is not deactivated: {why} [SYNC-0522]" in ran.err
    assert all(user["active"] for user in faulty.users.values())
    assert faulty.users[guest["id"]]["active"]


def test_check_and_plan_name_the_other_target(two: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "has the same url as the target wiki [SYNC-0431]" in two.run("check").out
    assert "wiki: has the same url as the target ext [SYNC-0431]" in two.run("plan").err

    monkeypatch.setenv("OTHER_TOKEN", two.token)
    shared(two, token="env:OTHER_TOKEN")

    said = two.run("plan").err
    assert "the target ext, with another authentication: is it another tenant? [SYNC-0431]" in said
