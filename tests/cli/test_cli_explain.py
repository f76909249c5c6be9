"""`scimsync explain KEY` shows one user, from the record to the next push."""

from __future__ import annotations

from typing import Any

import pytest

from tests.office import MANAGER, USER, Office, people, person
from tests.servers.faulty import FaultyServer

ACCESS = """
[access]
Staff = "dept != 'gone'"
Admin = "'Staff' in access and given == 'Given1'"
Nobody = "family | int > 5"
"""
SCOPE = "scope = \"'Staff' in access or 'Admin' in access\""


@pytest.fixture
def company(real_office: Office) -> Office:
    """Three users with accounts at a real server."""
    real_office.configure(
        user=USER + MANAGER + "password = { expr = \"given ~ '-sesame'\", once = true }\n",
        target=SCOPE,
        more=ACCESS,
    )
    real_office.hire([person(1), person(2, manager="00001"), person(3)])
    assert real_office.push().exit_code == 0
    return real_office


def explained(office: Office, key: str, *arguments: str) -> Any:
    ran = office.run("explain", key, "--json", *arguments)
    assert ran.code == 0, ran.err
    return ran.document


def test_an_account_that_is_up_to_date(company: Office) -> None:
    document = explained(company, "00002")
    wiki = document["targets"]["wiki"]
    assert document["records"][0]["data"]["email"] == "Person2@example.com"
    assert [(rule["name"], rule["holds"]) for rule in document["access"]] == [
        ("Staff", True),
        ("Admin", False),
    ]
    assert (wiki["in_scope"], wiki["would_send"], wiki["link"]["status"]) == (True, [], "active")
    assert wiki["desired"] == wiki["link"]["acknowledged"], "the reference to the manager is his id"
    assert [one["action"] for one in wiki["history"]][:1] == ["create"]


def test_a_changed_record(company: Office) -> None:
    company.hire([person(1), person(2, manager="00001", dept="HR"), person(3)])
    wiki = explained(company, "00002")["targets"]["wiki"]
    assert [(one["action"], one["changes"]) for one in wiki["would_send"]] == [
        (
            "update",
            [
                {"path": one["path"], "before": "IT", "after": "HR"}
                for one in wiki["would_send"][0]["changes"]
            ],
        )
    ]
    ran = company.run("explain", "00002", "-v")
    assert '    department                      "IT" → "HR"' in ran.out.splitlines()
    assert "    ~ update  department changed" in ran.out.splitlines()
    assert any(line.startswith("      PATCH /Users/") for line in ran.out.splitlines())


def test_a_record_out_of_scope(company: Office) -> None:
    company.hire([person(1), person(2), person(3, dept="gone")])
    document = explained(company, "00003")
    wiki = document["targets"]["wiki"]
    assert (wiki["in_scope"], wiki["desired"]) == (False, {})
    assert [one["action"] for one in wiki["would_send"]] == ["deactivate"]
    text = company.run("explain", "00003").out
    assert "out of scope: 'Staff' in access or 'Admin' in access is false" in text
    assert "  no  Staff  dept != 'gone'" in text


def test_a_removed_record(company: Office) -> None:
    company.hire([person(1), person(2)])
    company.configure(user=USER, guard="max_removals = 5\nmin_records = 1")
    document = explained(company, "00003")
    assert document["records"][0]["removed"] is True
    assert [one["action"] for one in document["targets"]["wiki"]["would_send"]] == ["deactivate"]
    assert "out of scope: no source record" in company.run("explain", "00003").out


def test_a_new_record_with_an_existing_account(company: Office) -> None:
    company.sql("delete from link where key = '00003'")
    assert [
        one["action"] for one in explained(company, "00003")["targets"]["wiki"]["would_send"]
    ] == ["adopt"]
    assert [
        one["action"]
        for one in explained(company, "00003", "--offline")["targets"]["wiki"]["would_send"]
    ] == ["create"]


def test_a_mapping_that_fails(company: Office) -> None:
    company.hire([person(1), person(2), person(3, email="")])
    wiki = explained(company, "00003")["targets"]["wiki"]
    assert wiki["failure"].startswith("targets.wiki.user.userName: email | lower: is empty")
    text = company.run("explain", "00003").out
    assert "  mapping       fails: targets.wiki.user.userName" in text
    assert "    cannot be planned  targets.wiki.user.userName" in text


def test_passwords_are_never_shown(company: Office) -> None:
    company.sql("delete from link where key = '00003'")
    for arguments in (
        ["explain", "00003", "-v"],
        ["explain", "00003", "--json"],
        ["explain", "00003", "-v", "--offline"],
    ):
        out = company.run(*arguments).out
        assert "sesame" not in out
        assert "Given3" not in out.replace("Given3 Family3", "").replace('"Given3"', ""), (
            "the column that it is made of"
        )
        assert "(secret)" in out
    assert "sesame" not in company.run("journal", "-v").out + company.run("journal", "--json").out


def test_a_failing_password_expression_shows_no_values(office: Office) -> None:
    office.configure(user=USER + 'password = { expr = "family | date", once = true }\n')
    office.hire([person(1, family="sesame")])
    assert office.run("push").code == 4
    for command in (["explain", "00001"], ["journal"], ["status"], ["plan", "--offline"], ["push"]):
        ran = office.run(*command)
        said = (ran.out + ran.err).replace('"Given1 sesame"', "")
        assert "targets.wiki.user.password: family | date: fails; its value is not shown" in said
        assert "sesame" not in said


def test_an_access_rule_that_fails(office: Office) -> None:
    office.configure(target="scope = \"'Odd' in access\"", more='[access]\nOdd = "given > 5"\n')
    office.hire(people(1))
    (rule,) = explained(office, "00001")["access"]
    assert (rule["holds"], "cannot be compared" in rule["error"]) == (None, True)


def test_an_unreachable_target(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(1))
    faulty.fail(status=401, times=9)
    wiki = explained(office, "00001")["targets"]["wiki"]
    assert wiki["would_send"] is None
    assert wiki["note"].startswith("unknown: GET /Users: 401")
    assert wiki["desired"]["userName"] == "person1@example.com"


def test_without_the_token_no_target_is_contacted(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(1))
    text = (
        (office.folder / "sync.toml")
        .read_text()
        .replace("env:WIKI_TOKEN", "env:SCIMSYNC_TEST_NOT_SET")
    )
    office.write("sync.toml", text)
    document = explained(office, "00001")
    assert document["note"].startswith(
        "no target was contacted: sync.toml: targets.wiki.auth.token"
    )
    assert [one["action"] for one in document["targets"]["wiki"]["would_send"]] == ["create"]
    assert faulty.seen == []


def test_without_the_source_the_last_snapshot_is_shown(office: Office) -> None:
    office.hire(people(1))
    office.push()
    (office.folder / "hr.csv").unlink()
    document = explained(office, "00001")
    assert document["note"].startswith("the sources cannot be read; this is the last snapshot")
    assert document["records"][0]["data"]["email"] == "Person1@example.com"
    assert document["targets"]["wiki"]["would_send"] is None


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("0001", 'did you mean "00001"?'),
        ("person2@example.com", 'it is the userName of "00002" at wiki'),
        ("zzz", None),
    ],
)
def test_an_unknown_key_suggests_a_known_one(office: Office, key: str, hint: str | None) -> None:
    office.hire(people(3))
    office.push()
    ran = office.run("explain", key, "--json")
    assert ran.code == 2
    assert ran.document["error"]["message"].startswith(f'unknown key "{key}"')
    assert ran.document["error"]["hint"] == hint


def test_a_key_deprovisioned_by_hand(office: Office) -> None:
    office.hire(people(3))
    office.push()
    assert office.run("deprovision", "00002").code == 0
    document = explained(office, "00002")
    assert document["held_since"] == office.now.isoformat()
    assert document["targets"]["wiki"]["would_send"] == []
    assert office.run("explain", "00002").out.splitlines()[1].startswith("deprovisioned since ")
    assert office.run("status", "--json").document["held"] == {"00002": office.now.isoformat()}
    assert "  00002  since " in office.run("status").out


def test_the_key_of_an_unusable_row(office: Office) -> None:
    office.hire(people(3))
    with (office.folder / "hr.csv").open("a") as stream:
        stream.write("00009,x\n")
    ran = office.run("explain", "00009")
    assert ran.code == 2
    assert "hr line 5 00009: has 2 fields where the header has 6" in ran.err


def test_control_characters_are_escaped(office: Office) -> None:
    office.hire([person(1, given="An\x1b[31mn", dept="\u202eTI")])
    office.push()
    for command in (["explain", "00001", "-v"], ["journal", "-v"], ["status"]):
        out = office.run(*command).out
        assert "\x1b" not in out
        assert "\u202e" not in out
