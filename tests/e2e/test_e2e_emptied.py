"""A column that comes empty stops the targets of its source, whatever uses it."""

from __future__ import annotations

import pytest

from tests.lifecycle.test_groups import BY_DEPARTMENT, groups
from tests.office import USER, Office, counts, people, person
from tests.servers.faulty import FaultyServer, running_faulty_server

WITHOUT_DEPARTMENT = "\n".join(line for line in USER.splitlines() if "department" not in line)


def stripped(office: Office, count: int) -> None:
    """The departments of `count` people come empty."""
    office.hire([person(number, dept="") for number in range(1, count + 1)])


def test_a_column_that_only_groups_use_stops_the_push(real_office: Office) -> None:
    office = real_office
    office.configure(user=WITHOUT_DEPARTMENT, more=BY_DEPARTMENT)
    office.hire([person(1, dept="Law"), *people(4)[1:]])
    office.push()
    before = groups(office)
    stripped(office, 4)

    ran = office.run("push")

    assert ran.code == 3
    assert ran.err.endswith(
        'aborted by guard.max_emptied: source "hr" lost 4 of 4 filled cells of column "dept" (limit'
        " 20%, here 2); nothing was sent [SYNC-0509]\n"
        "  first: 00001, 00002, 00003, 00004\n"
        "  allow this once: scimsync push --allow-emptied dept\n"
    )
    assert groups(office) == before
    # nor does it pass the second time
    assert office.run("push").code == 3
    assert office.run("push", "-k", "00001").code == 3
    planned = office.run("plan")
    assert planned.code == 3
    assert "a push would be aborted by guard.max_emptied: source" in planned.err

    allowed = office.run("push", "--allow-emptied", "dept")
    assert allowed.code == 3
    assert '2 of 2 groups at "wiki" would be deleted' in allowed.err
    assert office.run("push").code == 3
    assert office.run("push", "--allow-emptied", "dept", "--allow-removals", "2").code == 0
    assert groups(office) == {}
    assert office.run("push").code == 0


def test_a_target_that_does_not_use_the_column_is_stopped_with_those_that_do(
    office: Office, faulty: FaultyServer
) -> None:
    """Otherwise the emptied column would be nothing new for the next push."""
    with running_faulty_server() as chat, running_faulty_server() as crm:
        staff = SOURCE.replace("hr", "staff")
        office.configure(
            target='source = "hr"',
            more=target("chat", chat.url, "hr") + target("crm", crm.url, "staff") + staff,
        )
        office.hire(people(6))
        office.hire(people(6), "staff.csv")
        office.push()
        stripped(office, 6)
        office.hire(people(7), "staff.csv")
        faulty.forget()
        chat.forget()

        ran = office.run("push")

        assert ran.code == 3
        assert (
            'guard.max_emptied: source "hr" lost 6 of 6 filled cells of column "dept" (limit 20%,'
            " here 2); nothing was sent to wiki, chat [SYNC-0509]"
        ) in ran.err
        assert "crm: 1 create" in ran.out
        assert office.run("push", "-t", "chat").code == 3
        assert office.run("push").code == 3
        assert (faulty.written(), chat.written()) == ([], [])

        office.hire(people(6))
        assert counts(office.push()) == {}


SOURCE = """
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
"""


def target(name: str, url: str, source: str) -> str:
    return f"""
[targets.{name}]
url = "{url}"
source = "{source}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
[targets.{name}.user]
userName = "email | lower"
"""


@pytest.mark.parametrize(
    ("option", "code"),
    [
        (["--allow-emptied", "3"], 3),
        (["--allow-emptied", "0"], 3),
        (["--allow-emptied", "4"], 0),
        (["--allow-emptied", "99%"], 3),
        (["--allow-emptied", "100%"], 0),
        (["--allow-emptied", "dept"], 0),
        (["--allow-emptied", "given", "--allow-emptied", "dept"], 0),
        (["--allow-emptied", "given"], 3),
        (["--allow-records", "0"], 3),
    ],
)
def test_the_option_lifts_the_guard_of_a_column_or_of_all(
    office: Office, option: list[str], code: int
) -> None:
    office.configure(guard='max_updates = "100%"')
    office.hire(people(4))
    office.push()
    stripped(office, 4)

    assert office.run("push", *option).code == code


@pytest.mark.parametrize("name", ["depd", "", "shoe", "-1", "10 percent"])
def test_a_column_that_no_expression_uses_is_a_mistake(
    office: Office, faulty: FaultyServer, name: str
) -> None:
    office.hire(people(4))

    ran = office.run("push", "--allow-emptied", name)

    assert ran.code == 2
    assert ran.err.startswith(
        f'--allow-emptied: no expression uses a column "{name}" [SYNC-0510]\n'
        "  in use: dept, email, family, given, id\n"
    )
    assert ('did you mean "dept"?' in ran.err) is (name == "depd")
    assert faulty.seen == []
