"""What the facts of a profile change in plans and pushes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.execute.story import POST_GROUP, SOON, Proxied, Script, add_group, names, one_of
from tests.lifecycle.test_groups import BY_DEPARTMENT
from tests.office import Office, Pauses, Row, counts, people, person
from tests.servers.faulty import FaultyServer, Seen

USER = """
externalId = "id"
userName = "email"
"name.givenName" = "given"
displayName = "given + ' ' + family"
active = true
"""


def test_attributes_that_the_product_does_not_support_are_left_out(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER)
    office.hire(people(2))
    office.push()
    office.configure(user=USER, target='profile = "asana"')
    office.hire([person(1, given="Ann"), person(2), person(3)])

    ran = office.run("plan")

    assert (
        "wiki: 2 mapped attributes are left out: Asana does not support externalId, name.givenName"
        " [SYNC-0460]"
    ) in ran.err
    assert counts(office.push()) == {"create": 1, "update": 1}
    new = faulty.named("Person3@example.com")
    assert "externalId" not in new
    assert "name" not in new
    changed = faulty.named("Person1@example.com")
    assert changed["name"] == {"givenName": "Given1"}
    assert changed["displayName"] == "Ann Family1"


def test_what_a_product_never_changes_is_sent_at_creation_only_and_told(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.add(userName="other@example.com", externalId="00003", displayName="Other")
    office.configure(user=USER, target='profile = "segment"\nmatch = ["externalId"]')
    office.hire(people(2))
    office.push()
    office.hire([person(1, email="new@example.com", given="Ann"), person(2), person(3)])

    ran = office.run("push")

    assert ran.code == 0
    told = [line for line in ran.err.splitlines() if "SYNC-0461" in line]
    assert [line.partition("wiki: ")[2] for line in told] == [
        "2 accounts keep their userName, which Segment does not change after the creation:"
        " 00001, 00003 [SYNC-0461]",
        "2 accounts keep their displayName, which Segment does not change after the creation:"
        " 00001, 00003 [SYNC-0461]",
    ]
    assert faulty.named("Person1@example.com")["name"] == {"givenName": "Ann"}
    assert faulty.named("other@example.com")["displayName"] == "Other"
    assert office.links()["00001"].document["userName"] == "Person1@example.com"
    assert "SYNC-0461" not in office.run("push").err


def test_a_name_that_its_holder_cannot_give_up_is_taken(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER, target='profile = "segment"')
    office.hire(people(1))
    office.push()
    office.hire([person(1, email="new@example.com"), person(2, email="Person1@example.com")])

    ran = office.run("push")

    assert ran.code == 4
    assert "userName Person1@example.com is taken by the account of 00001" in ran.out + ran.err
    assert list(faulty.users) == ["id-00001"]


@pytest.mark.parametrize("profile", ["pagerduty", "github-organisation"])
def test_a_deactivation_that_deletes_leaves_no_account_to_come_back_to(
    office: Office, faulty: FaultyServer, profile: str
) -> None:
    office.configure(
        user='userName = "email"\nactive = "dept"',
        target=f'profile = "{profile}"',
        guard='max_removals = 9\nmax_updates = "100%"\nmin_records = 1',
    )
    office.hire([person(number, dept="yes") for number in (1, 2, 3)])
    office.push()
    office.hire([person(1, dept="yes"), person(2, dept="no")])

    assert counts(office.push()) == {"deactivate": 2}
    for gone in ("Person2@example.com", "Person3@example.com"):
        faulty.users.pop(faulty.named(gone)["id"])

    links = office.links()
    assert [links[key].status for key in ("00001", "00002", "00003")] == [
        "active",
        "deleted",
        "deleted",
    ]
    assert counts(office.push()) == {}
    office.hire([person(number, dept="yes") for number in (1, 2, 3)])
    assert counts(office.push()) == {"create": 2}


@pytest.mark.parametrize(
    ("profile", "action", "meaning"),
    [
        ("gitlab-group", "deactivate", "removes the user from GitLab.com group"),
        ("pagerduty", "deactivate", "deletes for good"),
        ("gitlab-group", "delete", "removes the user from GitLab.com group, and keeps the account"),
        ("github-enterprise-managed-users", "delete", "cannot be undone"),
    ],
)
def test_a_plan_says_what_a_leaver_loses(
    office: Office, profile: str, action: str, meaning: str
) -> None:
    leave = f'profile = "{profile}"\nleave = {{ action = "{action}" }}'
    office.configure(user=USER, target=leave)
    office.hire(people(6))
    office.push()
    office.hire(people(5))

    (operation,) = office.plan()

    assert operation["action"] == action
    assert operation["reason"] == f"no longer in the source; {meaning}"


@pytest.mark.parametrize("leave", ['action = "delete"', 'delete_after = "1d"'])
def test_who_cannot_be_deleted_is_deactivated_and_stays_so(
    office: Office, faulty: FaultyServer, leave: str
) -> None:
    office.configure(user=USER, target=f'profile = "salesforce"\nleave = {{ {leave} }}')
    office.hire(people(6))
    office.push()
    office.hire(people(5))

    ran = office.run("plan")

    told = "wiki: Salesforce deletes no users: leavers are deactivated, and stay so [SYNC-0462]"
    assert told in ran.err
    assert counts(office.push()) == {"deactivate": 1}
    assert counts(office.push(later=timedelta(days=2))) == {}
    assert counts(office.push(later=timedelta(hours=2))) == {}
    assert faulty.named("Person6@example.com")["active"] is False


SAMPLE = {
    "totalResults": 1,
    "Resources": [{"id": "0", "userName": "synthesis_user", "externalId": "none"}],
}


def test_nobody_is_looked_for_in_lists_that_lie(office: Office, faulty: FaultyServer) -> None:
    faulty.add(userName="person1@example.com")
    office.configure(user=USER, target='profile = "snowflake"')
    office.hire(people(6))
    faulty.fail(where=_is_list, times=1000, status=200, body=SAMPLE)

    assert counts(office.push(max_adoptions=9)) == {"adopt": 1, "create": 5}

    assert [str(one) for one in faulty.seen if _is_list(one)] == []


def test_an_account_is_gone_where_lists_lie_if_filters_find_others(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER, target='profile = "snowflake"')
    office.hire(people(3))
    office.push()
    faulty.users.pop("id-00001")
    faulty.fail(where=_is_list, times=1000, status=200, body=SAMPLE)

    assert counts(office.push(refresh=True)) == {"create": 1}

    faulty.users.clear()
    outcome = office.push(refresh=True)
    assert counts(outcome) == {}
    assert outcome.targets["wiki"].failed == 3


def _is_list(seen: Seen) -> bool:
    return str(seen) == "GET /Users" and "filter" not in seen.query


def test_an_account_that_is_not_shown_is_told(office: Office, faulty: FaultyServer) -> None:
    office.configure(user=USER, target='profile = "stripe"')
    office.hire(people(1))
    faulty.fail("POST", status=409, body={"detail": "it exists", "scimType": "uniqueness"})

    ran = office.run("push")

    assert ran.code == 4
    assert "it exists" in ran.out + ran.err
    assert "Stripe shows no accounts that others created" in ran.out + ran.err
    assert [str(one) for one in faulty.seen if _is_list(one)] == []


def test_an_open_invitation_is_pending_and_no_difference(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER, target='profile = "bitwarden"')
    office.hire(people(8))
    first = office.run("plan")
    office.push()
    for name in ("Person1@example.com", "Person2@example.com"):
        faulty.named(name)["active"] = False

    ran = office.run("push", "--refresh")

    assert "sends an invitation" in first.out
    assert "wiki: 2 users have not accepted the invitation yet: 00001, 00002 [SYNC-0464]" in ran.err
    assert [one for one in faulty.written() if one.method != "POST"] == []
    office.hire([person(number) for number in range(2, 9)])
    assert counts(office.push(refresh=True)) == {"deactivate": 1}
    office.hire(people(8))
    assert counts(office.push()) == {"reactivate": 1}


def test_who_was_deactivated_without_a_response_is_not_taken_for_invited(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER, target='profile = "bitwarden"')
    office.hire(people(8))
    office.push()
    office.hire(people(7))
    faulty.fail("PATCH", times=20, effect=True, hang_up=True)
    office.push()
    faulty.faults.clear()
    office.hire(people(8))

    office.push(later=timedelta(hours=1))

    assert faulty.named("Person8@example.com")["active"] is True


def test_attributes_that_never_come_back_are_not_compared(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER + 'roles = "dept"', target='profile = "stripe"')
    office.hire(people(2))
    office.push()
    for user in faulty.users.values():
        del user["roles"]

    assert counts(office.push(refresh=True)) == {}
    office.hire([person(1, dept="HR"), person(2)])
    assert counts(office.push(refresh=True)) == {"update": 1}


def test_tables_of_groups_are_left_out_where_there_are_no_groups(real_office: Office) -> None:
    real_office.configure(target='profile = "github-organisation"', more=BY_DEPARTMENT)
    real_office.hire(people(2))

    ran = real_office.run("push")

    assert ran.code == 0
    told = "1 group table is ignored: GitHub organisation has no groups over SCIM [SYNC-0465]"
    assert told in ran.err
    assert names(real_office) == []


def test_groups_that_are_linked_stay_where_there_should_be_none(real_office: Office) -> None:
    real_office.configure(more=BY_DEPARTMENT)
    real_office.hire(people(2))
    real_office.push()
    real_office.configure(target='profile = "github-organisation"', more=BY_DEPARTMENT)

    real_office.hire([person(1), person(2, dept="HR")])
    ran = real_office.run("push")

    assert ran.code == 0
    assert "SYNC-0465" not in ran.err
    assert names(real_office) == ["Department HR", "Department IT"]


def test_a_group_that_cannot_be_created_is_taken_over_and_later_emptied(
    real_office: Office,
) -> None:
    real_office.configure(
        target='profile = "genesys-cloud"',
        more=BY_DEPARTMENT + "adopt = true\n",
        guard='max_removals = 9\nmax_updates = "100%"\nmax_emptied = "100%"',
    )
    real_office.hire(people(2))

    ran = real_office.run("push")

    assert ran.code == 4
    assert (
        "Genesys Cloud creates no groups over SCIM: create Department IT there, and set adopt"
        " [SYNC-0466]"
    ) in ran.out + ran.err
    add_group(real_office, "Department IT", [])
    assert counts(real_office.push(later=SOON)) == {"adopt": 1, "add_members": 1}
    real_office.hire([person(number, dept="") for number in (1, 2)])
    assert counts(real_office.push()) == {"update": 2, "remove_members": 1}
    assert one_of(real_office, "Groups", displayName="Department IT").get("members", []) == []


@pytest.mark.parametrize(
    ("profile", "made"), [("generic", {"create": 1, "add_members": 1}), ("bitwarden", {})]
)
def test_an_empty_group_after_a_lost_response_is_new_only_where_members_are_shown(
    proxied: Proxied, script: Script, profile: str, made: dict[str, int]
) -> None:
    office, _ = proxied
    office.configure(user=USER, target=f'profile = "{profile}"')
    office.hire(people(1))
    office.push()
    office.configure(user=USER, target=f'profile = "{profile}"', more=BY_DEPARTMENT)
    script.plan = {POST_GROUP: ["late 500"]}

    assert counts(office.push()) == made


def test_what_was_just_created_is_not_gone_where_reads_lag_behind(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER, target='profile = "gitlab-self-managed"')
    office.hire(people(2))
    office.push()
    office.hire([person(1, given="Ann"), person(2)])
    faulty.users.pop("id-00001")

    soon = office.push(later=timedelta(seconds=30))
    assert (counts(soon), soon.targets["wiki"].failed) == ({}, 1)
    assert counts(office.push(later=timedelta(minutes=6))) == {"create": 1}


def test_a_creation_without_a_response_is_looked_for_once_reads_show_it(
    office: Office, faulty: FaultyServer, pauses: Pauses
) -> None:
    office.configure(user=USER, target='profile = "gitlab-self-managed"')
    office.hire(people(1))
    faulty.fail("POST", status=500, effect=True)
    faulty.fail(
        "GET",
        where=lambda _: "POST /Users" in map(str, faulty.seen),
        times=2,
        status=200,
        body={"totalResults": 0, "Resources": []},
    )

    assert counts(office.push()) == {"create": 1}

    assert 60 in pauses
    assert [str(one) for one in faulty.written()] == ["POST /Users"]


@pytest.mark.parametrize(
    ("profile", "row", "why"),
    [
        (
            "slack",
            person(1, email="quite.a.long.name@example.com"),
            "userName has 29 characters, and Slack takes at most 20 [SYNC-0467]",
        ),
        (
            "aws-iam-identity-center",
            person(1, given="Ann;"),
            "name.givenName has the character ';', which AWS IAM Identity Center refuses"
            " [SYNC-0467]",
        ),
    ],
)
def test_values_that_the_product_does_not_take_fail_before_they_are_sent(
    office: Office, faulty: FaultyServer, profile: str, row: Row, why: str
) -> None:
    office.configure(user=USER, target=f'profile = "{profile}"')
    office.hire([row, person(2, email="bob@example.com")])

    ran = office.run("push")

    assert ran.code == 4
    assert why in ran.out + ran.err
    assert list(faulty.users) == ["id-00002"]


def test_a_leaver_is_deactivated_whatever_the_other_values_are(
    office: Office, faulty: FaultyServer
) -> None:
    user = USER.replace("active = true", "active = \"dept != 'left'\"")
    office.configure(user=user)
    office.hire(people(2))
    office.push()
    office.configure(user=user, target='profile = "slack"')
    office.hire([person(1), person(2, email="quite.a.long.name@example.com", dept="left")])

    office.push()

    assert faulty.users["id-00002"]["active"] is False


def test_a_value_that_filters_do_not_find_is_looked_for_in_the_list(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.add(userName="ann")
    office.configure(user='userName = "email"\nactive = true', target='profile = "bitwarden"')
    office.hire([person(1, email="ann")])

    assert counts(office.push()) == {"adopt": 1}

    assert [one.query for one in faulty.seen if "filter" in one.query] == []


@pytest.mark.parametrize(("later", "waits"), [(10, 21), (25, 6), (40, 0)])
def test_the_limits_of_a_product_count_the_requests_of_earlier_pushes(
    office: Office, faulty: FaultyServer, later: int, waits: int
) -> None:
    pauses = Pauses()
    office.time = pauses.source
    office.configure(
        user=USER,
        target='profile = "miro"\nleave = { action = "delete" }',
        guard='max_removals = "100%"\nmin_records = "0%"',
    )
    office.hire(people(23))
    assert office.push().exit_code == 0
    office.hire(people(23)[20:])
    office.push(later=timedelta(hours=1))
    assert len([seen for seen in faulty.seen if seen.method == "DELETE"]) == 20
    pauses.clear()

    office.hire(people(23)[21:])
    outcome = office.push(later=timedelta(seconds=later))

    assert (outcome.exit_code, counts(outcome)) == (0, {"delete": 1})
    assert waits - 2 < sum(pauses) <= waits + 0.5  # what the requests before took is less to wait
