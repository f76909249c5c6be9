"""`protect` keeps accounts out of reach: never adopted, changed, deactivated or deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.lifecycle.test_groups import BY_DEPARTMENT, OFTEN, groups
from tests.office import USER, Office, Row, counts, people, person, resource
from tests.servers.faulty import FaultyServer, Reply, Seen

HOUR = timedelta(hours=1)
ADMINS = """protect = ['userName sw "svc-"', 'roles.value eq "admin"']\n"""
FIRST = """protect = ['userName eq "person1@example.com"']\n"""
WHY_FIRST = 'protected by userName eq "person1@example.com": the account id-00001'
PASSWORD = 'password = "secret"\n"nickName" = { expr = "given", once = true }\n'


def administrator(faulty: FaultyServer, **more: Any) -> str:
    """An account of an administrator that scimsync does not manage; its id."""
    made: str = faulty.add(userName="person1@example.com", roles=[{"value": "Admin"}], **more)["id"]
    return made


def test_an_unmanaged_administrator_with_the_name_of_a_new_row_is_left_alone(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=ADMINS)
    chief = administrator(faulty)
    before = dict(faulty.users[chief])
    office.hire(people(2))

    for _ in range(2):
        ran = office.run("push")

        assert ran.code == 4, ran.err
        assert (
            f'00001: wiki: protected by roles.value eq "admin": the account {chief} is not adopted'
            " [SYNC-0361]"
        ) in ran.err
    assert faulty.users[chief] == before
    assert office.run("plan").code == 4
    assert [link.remote_id for link in office.links().values()] == [None, "id-00002"]


def test_nor_is_one_that_a_target_answers_a_creation_with(
    office: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.configure(target=ADMINS + 'match = ["externalId"]\n')
    chief = administrator(faulty)
    made = faulty.answer

    def upsert(seen: Seen) -> Reply:
        taken = seen.method == "POST" and (seen.body or {})["userName"] == "person1@example.com"
        return Reply(200, faulty.users[chief]) if taken else made(seen)

    monkeypatch.setattr(faulty, "answer", upsert)
    office.hire(people(2))

    ran = office.run("push")

    assert ran.code == 4, ran.err
    assert ran.out.startswith("wiki: 1 create, 1 failed")
    assert (
        f'protected by roles.value eq "admin": the target answered with the account {chief}, which'
        " is not adopted [SYNC-0361]"
    ) in ran.err
    assert [link.remote_id for link in office.links().values()] == [None, "id-00002"]


def test_an_account_that_matches_protect_itself_can_be_created(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=FIRST)
    office.hire(people(2))

    assert counts(office.push()) == {"create": 2}


def test_nor_is_one_that_only_the_target_finds(office: Office, faulty: FaultyServer) -> None:
    office.configure(target=ADMINS)
    chief = administrator(faulty)
    before = dict(faulty.users[chief])
    office.hire(people(1))
    empty = {"schemas": [], "totalResults": 0, "Resources": []}
    faulty.fail("GET", status=200, body=empty, times=2)

    ran = office.run("push")

    assert ran.code == 4, ran.err
    assert (
        f'protected by roles.value eq "admin": the account {chief} is not adopted [SYNC-0361]'
    ) in ran.err
    assert faulty.users[chief] == before


def test_nor_is_one_that_a_creation_without_an_answer_may_have_made(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=ADMINS)
    office.hire(people(1))
    faulty.fail("POST", hang_up=True, times=9)
    faulty.fail("GET", status=500, times=99, where=lambda one: len(faulty.written()) > 0)
    assert office.push().exit_code in (1, 4)
    assert office.links()["00001"].in_doubt
    faulty.faults.clear()
    chief = administrator(faulty)
    before = dict(faulty.users[chief])

    office.now += HOUR
    ran = office.run("push")

    assert ran.code == 4, ran.err
    assert f"the account {chief} is not adopted [SYNC-0361]" in ran.err
    assert faulty.users[chief] == before


@pytest.mark.parametrize(
    ("target", "rows", "done"),
    [
        ("", [person(1, dept="Law"), person(2)], "changed"),
        ("", [person(2)], "deactivated"),
        ('leave = { action = "delete" }\n', [person(2)], "deleted"),
    ],
)
def test_a_linked_account_is_left_alone(
    office: Office, faulty: FaultyServer, target: str, rows: list[Row], done: str
) -> None:
    office.hire(people(2))
    office.push()
    before = dict(faulty.users["id-00001"])
    office.configure(target=FIRST + target, guard='min_records = "0%"')
    office.hire(rows)

    for _ in range(2):
        ran = office.run("push")

        assert ran.code == 4, ran.err
        assert f"00001: wiki: {WHY_FIRST} is not {done} [SYNC-0361]" in ran.err
    assert faulty.users["id-00001"] == before
    assert WHY_FIRST in office.run("status").out
    office.configure(target=target)
    assert office.run("push").code == 0
    assert faulty.users.get("id-00001") != before


def test_the_name_of_a_protected_account_does_not_come_free(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.quirks.unique_names = False
    office.hire(people(1))
    office.push()
    office.configure(target=FIRST)
    office.hire([person(1, email="new@example.com"), person(2, email="person1@example.com")])

    for _ in range(2):
        ran = office.run("push")

        assert ran.code == 4, ran.err
        assert f"00001: wiki: {WHY_FIRST} is not changed [SYNC-0361]" in ran.err
        assert (
            "00002: wiki: userName person1@example.com is taken by the account of 00001 [SYNC-0341]"
        ) in ran.err
    assert list(faulty.users) == ["id-00001"]


def test_an_account_without_a_link_of_somebody_out_of_scope_is_left_alone(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=f"{ADMINS}scope = \"dept != 'Left'\"\n")
    chief = administrator(faulty)
    before = dict(faulty.users[chief])
    office.hire([person(1, dept="Left"), person(2)])

    told = f'00001: account {chief} is protected by roles.value eq "admin" [SYNC-0389]'
    for _ in range(2):
        ran = office.run("push")

        assert (ran.code, ran.err.count("SYNC-")) == (0, 0), ran.err
        for command in ("plan", "status", "check"):
            said = office.run(command)
            assert told in " ".join((said.out + said.err).split()), command
    assert faulty.users[chief] == before
    (shown,) = office.run("status", "--json").document["targets"]["wiki"]["protected"]
    assert shown == {"key": "00001", "why": told.partition(": ")[2].removesuffix(" [SYNC-0389]")}
    deprovisioned = office.run("deprovision", "00001")
    assert deprovisioned.code == 4
    assert f"the account {chief} is not deactivated [SYNC-0361]" in deprovisioned.err


def test_an_account_of_somebody_out_of_scope_that_is_protected_no_longer_is_removed(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=f"{ADMINS}scope = \"dept != 'Left'\"\n")
    chief = administrator(faulty)
    office.hire([person(1, dept="Left"), person(2)])
    assert office.run("push").code == 0
    faulty.users[chief]["roles"] = []

    assert office.run("push").code == 0

    assert faulty.users[chief]["active"] is False
    assert "SYNC-0389" not in office.run("status").out


def test_a_protected_account_that_needs_no_change_is_no_failure(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(2))
    office.push()
    office.configure(target=FIRST)

    ran = office.run("push")

    assert (ran.code, "protected" in ran.err) == (0, False)


def test_deprovision_leaves_a_protected_account_alone(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(2))
    office.push()
    office.configure(target=FIRST)
    office.push()

    ran = office.run("deprovision", "00001")

    assert ran.code == 4, ran.err
    assert f"{WHY_FIRST} is not deactivated [SYNC-0361]" in ran.err
    assert faulty.users["id-00001"]["active"] is True


def test_what_was_read_in_doubt_counts(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(2))
    office.push()
    office.configure(target=ADMINS)
    faulty.fail("PATCH", hang_up=True, times=9)
    office.hire([person(1, dept="Law"), person(2)])
    assert office.push().exit_code in (1, 4)
    faulty.faults.clear()
    faulty.users["id-00001"]["roles"] = [{"value": "admin"}]  # promoted meanwhile
    office.hire([person(1, dept="Press"), person(2)])

    office.now += HOUR
    ran = office.run("push")

    assert ran.code == 4, ran.err
    assert 'protected by roles.value eq "admin": the account id-00001 is not changed' in ran.err


def test_the_memberships_of_a_protected_account_stay(real_office: Office) -> None:
    office = real_office
    office.configure(more=BY_DEPARTMENT, guard=OFTEN)
    office.hire([person(1), person(2), person(3)])
    office.push()
    id_of_first = office.links()["00001"].remote_id
    office.configure(
        target=FIRST + 'leave = { revoke = ["memberships"] }\n', more=BY_DEPARTMENT, guard=OFTEN
    )

    office.hire([person(1, dept="Law"), person(2), person(3)])
    ran = office.run("push")

    assert ran.code == 4, ran.err
    condition = 'protected by userName eq "person1@example.com"'
    for why in (
        f"the account {id_of_first} is not changed",
        "not removed from the group departments:IT",
        "not added to the group departments:Law",
    ):
        assert f"00001: wiki: {condition}: {why} [SYNC-0361]" in ran.err
    assert groups(office) == {"Department IT": {"00001", "00002", "00003"}, "Department Law": set()}

    office.hire([person(1, dept="Law"), person(2, dept="Law"), person(3, dept="Law")])
    ran = office.run("push")

    assert ran.code == 4, ran.err
    assert groups(office) == {"Department IT": {"00001"}, "Department Law": {"00002", "00003"}}


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ('userName starts "svc-"', "an operator (eq ne co sw ew gt ge lt le pr) after 'userName'"),
        ('usrName sw "svc-"', "no such attribute: usrName"),
        ('roles.valeu eq "admin"', "no such attribute: roles.valeu"),
        ('emails[tpye eq "work"] and active eq true', "no such attribute: emails.tpye"),
    ],
)
def test_a_bad_filter_is_an_error_of_sync_toml(
    office: Office, faulty: FaultyServer, condition: str, message: str
) -> None:
    office.configure(target=f"protect = ['{condition}']\n")
    office.hire(people(1))

    ran = office.run("push")

    assert ran.code == 2, ran.err
    assert "sync.toml: targets.wiki.protect: " in ran.err
    assert message in ran.err
    assert "SYNC-0362" in ran.err
    assert faulty.seen == []


# What an adoption never sends


@pytest.mark.parametrize("found", ["while planning", "after a conflict", "without an answer"])
def test_an_adoption_sends_neither_password_nor_what_is_sent_once(
    office: Office, faulty: FaultyServer, found: str
) -> None:
    office.configure(user=USER + PASSWORD)
    account = faulty.add(userName="person1@example.com", displayName="Old")["id"]
    office.hire([person(1, secret="canary")])
    if found == "after a conflict":
        empty = {"schemas": [], "totalResults": 0, "Resources": []}
        faulty.fail("GET", status=200, body=empty, times=2)
    if found == "without an answer":
        faulty.fail("PATCH", hang_up=True, times=9, effect=True)
        office.push()
        faulty.faults.clear()

    office.push(later=HOUR)
    office.hire([person(1, secret="canary", dept="Law")])
    assert office.push(later=HOUR).exit_code == 0

    sent = [one for one in faulty.seen if one.method == "PATCH"]
    assert sent
    assert not [one for one in sent if "canary" in str(one.body) or "nickName" in str(one.body)]
    assert faulty.users[account]["displayName"] == resource(person(1))["displayName"]

    office.hire([person(1, secret="changed", dept="Law")])
    assert office.push(later=HOUR).exit_code == 0
    assert faulty.users[account]["password"] == "changed"
