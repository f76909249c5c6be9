"""Limits that stop a run before it does damage: what they say, what they leave alone, how they are
lifted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.lifecycle.test_groups import BY_DEPARTMENT
from tests.office import USER, Office, Row, counts, people, person
from tests.servers.faulty import FaultyServer


def shifted(rows: list[Row]) -> list[Row]:
    """A column slipped: everybody has another department."""
    return [row | {"dept": row["given"]} for row in rows]


@pytest.fixture
def hundred(office: Office, faulty: FaultyServer) -> Office:
    """A company of a hundred people, who all have accounts."""
    office.hire(people(100))
    assert counts(office.push()) == {"create": 100}
    faulty.forget()
    return office


def test_too_many_leavers_stop_the_push_and_it_says_all_to_decide(
    hundred: Office, faulty: FaultyServer
) -> None:
    hundred.hire(people(89))

    ran = hundred.run("push")

    assert ran.code == 3
    assert ran.out == ""
    for part in (
        "wiki",
        "11 of 100 accounts",
        "guard.max_removals",
        "10%",
        "00090, 00091",
        "6 more",
        "--allow-removals 11",
    ):
        assert part in ran.err
    assert "nothing was sent" in ran.err
    assert "Traceback" not in ran.err
    assert faulty.seen == []


def test_allow_removals_lifts_the_limit_once(hundred: Office, faulty: FaultyServer) -> None:
    hundred.hire(people(89))
    assert hundred.push().exit_code == 3
    assert hundred.push(removals=10).exit_code == 3
    assert faulty.seen == []

    assert counts(hundred.push(removals=11)) == {"deactivate": 11}

    hundred.hire(people(78))
    assert hundred.push().exit_code == 3


def test_an_allowance_may_be_a_share(hundred: Office) -> None:
    hundred.configure(guard='min_records = "95%"')
    hundred.hire(people(89))

    refused = hundred.run("push", "--allow-removals", "10%", "--allow-records", "89%")

    assert refused.code == 3
    assert "(--allow-removals 10%, here 10)" in refused.err
    assert "guard.min_records" not in refused.err
    assert hundred.run("push", "--allow-removals", "11%", "--allow-records", "90%").code == 3
    assert hundred.run("push", "--allow-removals", "11%", "--allow-records", "89%").code == 0


def test_an_allowance_for_one_source_never_stops_a_smaller_one(office: Office) -> None:
    staff = '[sources.staff]\ntype = "file"\npath = "staff.csv"\nkey = "id"\n'
    office.configure(target='source = ["hr", "staff"]', more=staff)
    office.hire(people(40))
    office.hire([person(100), person(101), person(102)], "staff.csv")
    office.push()
    office.hire(people(30))
    office.hire([person(100), person(101), person(102, dept="Law")], "staff.csv")

    assert office.push(records=30, removals=10).exit_code == 0


@pytest.mark.parametrize("amount", ["-1", "1.5", "many", "10 percent", "%", ""])
@pytest.mark.parametrize("option", ["--allow-removals", "--allow-updates", "--allow-records"])
def test_an_allowance_is_a_number_or_a_share(
    hundred: Office, faulty: FaultyServer, option: str, amount: str
) -> None:
    ran = hundred.run("push", option, amount)

    assert ran.code == 2
    assert f'"{amount}" is neither a whole number nor a percentage such as 10%' in ran.err
    assert "[SYNC-0935]" in ran.err
    assert faulty.seen == []


def test_the_file_put_right_needs_no_option(hundred: Office, faulty: FaultyServer) -> None:
    hundred.hire(people(85))
    assert hundred.push().exit_code == 3
    hundred.hire([*people(99), person(101)])

    assert counts(hundred.push()) == {"create": 1, "deactivate": 1}


def test_ten_percent_of_a_hundred_may_leave(hundred: Office) -> None:
    hundred.hire(people(90))

    assert counts(hundred.push()) == {"deactivate": 10}


def test_too_many_changes_stop_the_push_and_it_says_all_to_decide(
    hundred: Office, faulty: FaultyServer
) -> None:
    hundred.hire(shifted(people(51)) + people(100)[51:])

    ran = hundred.run("push")

    assert ran.code == 3
    for part in (
        '51 of 100 accounts at "wiki" would be changed',
        "guard.max_updates",
        "50%",
        "00001, 00002",
        "--allow-updates 51",
    ):
        assert part in ran.err
    assert faulty.seen == []
    assert counts(hundred.push(updates=51)) == {"update": 51}


def test_half_of_a_hundred_may_change(hundred: Office) -> None:
    hundred.hire(shifted(people(50)) + people(100)[50:])

    assert counts(hundred.push()) == {"update": 50}


def test_an_emptier_file_stops_the_push_and_nobody_is_gone(
    hundred: Office, faulty: FaultyServer
) -> None:
    hundred.configure(guard='max_removals = "100%"')
    hundred.hire(people(79))

    ran = hundred.run("push")

    assert ran.code == 3
    for part in (
        "hr",
        "79 records",
        "down from 100",
        "guard.min_records",
        "at least 80",
        "--allow-records 79",
    ):
        assert part in ran.err
    assert faulty.seen == []


def test_allow_records_lifts_the_limit_once(hundred: Office, faulty: FaultyServer) -> None:
    hundred.configure(guard='max_removals = "100%"')
    hundred.hire(people(79))
    assert hundred.push(records=80).exit_code == 3
    assert faulty.seen == []

    assert counts(hundred.push(records=79)) == {"deactivate": 21}

    hundred.hire(people(60))
    assert hundred.push().exit_code == 3


def test_a_share_allows_five_accounts_but_never_more_than_half(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(guard='min_records = "0%"')
    office.hire(people(9))
    office.push()

    office.hire(shifted(people(4)))
    assert counts(office.push()) == {"update": 4, "deactivate": 5}
    faulty.forget()

    office.hire(people(1))
    ran = office.run("push")
    assert ran.code == 3
    assert ran.err.endswith(
        'aborted by guard.max_removals: 3 of 4 accounts at "wiki" would be deactivated or deleted'
        " (limit 10%, here 2); nothing was sent [SYNC-0501]\n  first: 00002, 00003, 00004\n"
        "  allow this once: scimsync push --allow-removals 3\n"
    )
    assert faulty.seen == []


def test_one_group_may_be_deleted_and_not_two_of_three(real_office: Office) -> None:
    real_office.configure(more=BY_DEPARTMENT, guard='max_updates = "100%"')
    real_office.hire([person(1), person(2, dept="Sales"), person(3, dept="Law")])
    real_office.push()

    real_office.hire([person(1), person(2), person(3)])
    ran = real_office.run("push")

    assert ran.code == 3
    assert ran.err.endswith(
        'aborted by guard.max_removals: 2 of 3 groups at "wiki" would be deleted (limit 10%, here'
        " 1); nothing was sent [SYNC-0508]\n  first: departments:Law, departments:Sales\n"
        "  allow this once: scimsync push --allow-removals 2\n"
    )
    real_office.hire([person(1), person(2, dept="Law"), person(3, dept="Law")])
    assert counts(real_office.push())["delete"] == 1
    real_office.hire([person(1), person(2), person(3)])
    assert real_office.push().exit_code == 0


def test_deletions_that_are_due_are_counted_with_their_accounts(office: Office) -> None:
    office.configure(
        target='leave = { action = "deactivate", delete_after = "30d" }',
        guard='min_records = "0%"',
    )
    office.hire(people(4))
    office.push()
    office.hire(people(2))
    assert counts(office.push()) == {"deactivate": 2}

    office.push(later=timedelta(days=31))
    office.push(later=timedelta(days=1))
    assert {link.status for link in office.links().values()} == {"active", "deleted"}


def test_a_number_is_meant_as_it_stands(office: Office, faulty: FaultyServer) -> None:
    office.configure(guard="max_removals = 1\nmax_updates = 1\nmin_records = 0")
    office.hire(people(7))
    office.push()
    faulty.forget()
    office.hire(people(5))
    assert office.push().exit_code == 3
    office.hire(shifted(people(2)) + people(7)[2:])
    assert office.push().exit_code == 3
    assert faulty.written() == []

    office.hire(shifted(people(1)) + people(6)[1:])
    assert counts(office.push()) == {"update": 1, "deactivate": 1}


def test_new_and_adopted_accounts_count_for_no_limit(office: Office, faulty: FaultyServer) -> None:
    for number in range(1, 21):
        faulty.add(
            userName=f"person{number}@example.com", displayName=f"Given{number} Family{number}"
        )
    office.hire(people(40))

    assert counts(office.push()) == {"create": 20, "adopt": 20}


def test_the_json_document_says_what_the_guard_said(hundred: Office, faulty: FaultyServer) -> None:
    hundred.hire(people(85))

    pushed = hundred.run("push", "--json")
    planned = hundred.run("plan", "--json")

    assert (pushed.code, planned.code) == (3, 3)
    assert pushed.document["outcome"] == "stopped"
    assert pushed.document["guard"] == planned.document["guard"]
    assert (
        '15 of 100 accounts at "wiki" would be deactivated or deleted' in pushed.document["guard"]
    )
    assert planned.document["targets"]["wiki"]["counts"] == {"deactivate": 15}
    assert faulty.seen == []


def test_one_target_over_its_limit_stops_all(hundred: Office, faulty: FaultyServer) -> None:
    second = f"""
[targets.chat]
url = "{hundred.url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
scope = "dept == 'Sales'"
[targets.chat.user]
userName = "'chat-' ~ email | lower"
"""
    hundred.configure(more=second)
    hundred.hire([person(1, dept="Sales"), *people(85)[1:]])

    outcome = hundred.push()

    assert outcome.exit_code == 3
    assert outcome.guard is not None
    assert "wiki" in outcome.guard
    assert faulty.written() == []


def test_a_refused_file_is_nothing_to_fall_back_on(hundred: Office, faulty: FaultyServer) -> None:
    refused = [person(number, dept="nowhere") for number in range(1, 101)]
    hundred.configure(target="scope = \"dept != 'nowhere'\"")
    hundred.hire(people(100))
    assert counts(hundred.push()) == {}
    hundred.hire([*refused, person(101)])
    assert hundred.push().exit_code == 3

    hundred.hire([*people(6), person(7) | {"dept": 'IT,"'}, *people(100)[7:]])
    text = (hundred.folder / "hr.csv").read_text("utf-8")
    hundred.write("hr.csv", text.replace('"IT,"""', "IT,x,y,z"))
    faulty.forget()
    outcome = hundred.push()

    assert (outcome.exit_code, [one.key for one in outcome.problems]) == (4, ["00007"])
    assert faulty.written() == []


def test_what_was_read_is_put_back_when_a_guard_stops(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(30))
    office.push()
    before = office.sql("select key, data, removed_at from record order by key")
    office.hire(shifted(people(20)) + [person(number) for number in range(40, 60)])
    assert office.push().exit_code == 3

    assert (
        office.sql("select key, data, removed_at from record where removed_at is null order by key")
        == before
    )
    assert office.sql("select count(*) from replaced_record") == [(0,)]


def test_an_order_by_name_is_not_counted(office: Office, faulty: FaultyServer) -> None:
    office.configure(guard="max_removals = 0")
    office.hire(people(3))
    office.push()

    assert office.run("deprovision", "00002").code == 0

    assert [faulty.named(f"person{number}@example.com")["active"] for number in (1, 2, 3)] == [
        True,
        False,
        True,
    ]
    assert office.push().exit_code == 0


def test_accounts_that_are_deactivated_when_they_are_adopted_count_as_removals(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER.replace("active = true", "active = \"dept != 'away'\""))
    for row in people(20):
        faulty.add(userName=row["email"].lower(), externalId=row["id"], active=True)
    office.hire([person(number, dept="away") for number in range(1, 21)])

    ran = office.run("push")

    assert ran.code == 3
    assert (
        'guard.max_removals: 20 of 20 accounts at "wiki" would be deactivated or deleted (limit'
        " 10%, here 5); nothing was sent [SYNC-0501]\n"
        "  first: 00001, 00002, 00003, 00004, 00005 and 15 more\n"
    ) in ran.err
    assert faulty.written() == []
    office.hire([*people(16), *(person(number, dept="away") for number in range(17, 21))])
    assert counts(office.push()) == {"adopt": 20}
