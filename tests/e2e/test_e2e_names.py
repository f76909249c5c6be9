"""Names of users stand beside their keys where commands list keys, and nowhere else."""

from __future__ import annotations

import json

import pytest

from tests.interop.site import send_by_hand
from tests.lifecycle.test_groups import BY_DEPARTMENT
from tests.office import Office, people, person
from tests.servers.faulty import FaultyServer

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
NAMES = "[display]\nname = \"given ~ ' ' ~ family\"\n"


@pytest.fixture
def named(office: Office) -> Office:
    """Return a company of 20 with names; 20 leaves, 1 moves, and the hostile 21 comes."""
    office.configure(more=NAMES)
    office.hire(people(20))
    office.push()
    office.hire(
        [
            person(1, dept="Sales"),
            *people(19)[1:],
            person(21, given="\x1b[31m<b>Eve</b>", family="x" * 500),
        ]
    )
    return office


EVE = "\\x1b[31m<b>Eve</b> xxx"


def test_a_plan_shows_names_in_each_format(named: Office) -> None:
    text = named.run("plan").out
    markdown = named.run("plan", "--format", "markdown").out
    page = named.run("plan", "--format", "html").out
    operations = named.run("plan", "--json").document["targets"]["wiki"]["operations"]

    assert "- deactivate     00020 (Given20 Family20)  no longer in the source" in text
    assert f"+ create         00021 ({EVE}" in text
    assert "| <code>00020</code> Given20 Family20 |" in markdown
    assert '<span class="key">00020</span> <span class="name">Given20 Family20</span>' in page
    assert {one["key"]: one["name"][:20] for one in operations} == {
        "00001": "Given1 Family1",
        "00020": "Given20 Family20",
        "00021": EVE[:20],
    }
    for said in (text, markdown, page):
        assert "\x1b" not in said
    for said in (markdown, page):
        assert "<b>" not in said


def test_a_saved_plan_keeps_the_names(named: Office) -> None:
    planned = named.run("plan", "--out", "tonight.plan").out
    (named.folder / "sync.toml").rename(named.folder / "other.toml")

    assert named.run("show", "tonight.plan").out == planned
    assert "00020 (Given20 Family20)" in planned


def test_members_have_names(real_office: Office) -> None:
    office = real_office
    office.configure(
        more=f'{NAMES}[targets.wiki.groups.departments]\neach = "dept"\ndisplayName = "value"\n'
    )
    office.hire(people(2))

    text = office.run("plan").out
    (change, _) = office.run("plan", "--json").document["targets"]["wiki"]["operations"][-1][
        "changes"
    ]
    assert office.run("push").code == 0

    assert "+ 00001 (Given1 Family1), 00002 (Given2 Family2)" in text
    assert change == {"path": "members", "before": None, "after": "00001", "name": "Given1 Family1"}
    assert 'members  "00002" (Given2 Family2)\n' in office.run("journal", "-v").out


def test_journal_status_and_explain_show_names(named: Office, faulty: FaultyServer) -> None:
    faulty.fail(where=lambda seen: seen.method in ("PATCH", "PUT"), status=403, times=99)
    assert named.run("push").code == 4
    named.run("deprovision", "00003")

    journal = named.run("journal", "--failed").out
    assert "00020 (Given20 Family20)" in journal
    first = named.run("journal", "--json", "-k", "00020").document["operations"][-1]
    assert (first["key"], first["name"]) == ("00020", "Given20 Family20")
    header, *lines = named.run("journal", "--format", "csv", "-k", "00020").out.splitlines()
    assert header.endswith(",changes,name")
    assert all(line.endswith(",Given20 Family20") for line in lines)

    status = named.run("status").out
    assert "00020 (Given20 Family20)  since" in status
    assert "00001 (Given1 Family1)    failed 1 time" in status
    assert "00003 (Given3 Family3)  since" in status
    wiki = named.run("status", "--json").document["targets"]["wiki"]
    leavers = {one["key"]: one["name"] for one in wiki["may_have_access"]["first"]}
    assert leavers["00020"] == "Given20 Family20"
    assert "Given1 Family1" in [one["name"] for one in wiki["failing"]["first"]]

    assert named.run("explain", "00020").out.startswith("00020 (Given20 Family20)\n")
    assert named.run("explain", "00020", "--json").document["name"] == "Given20 Family20"


def test_drift_has_names(real_office: Office) -> None:
    office = real_office
    office.configure(more=NAMES + BY_DEPARTMENT)
    office.hire([person(1), person(2, dept="Sales"), person(3)])
    office.push()
    links = office.links()
    added = {"op": "add", "path": "members", "value": [{"value": links["00003"].remote_id}]}
    renamed = {"op": "replace", "path": "displayName", "value": "Else"}
    for place, operation in (
        (f"/Groups/{links['departments:Sales'].remote_id}", added),
        (f"/Users/{links['00001'].remote_id}", renamed),
    ):
        patch = {"schemas": [PATCH_OP], "Operations": [operation]}
        send_by_hand(office.url, office.token, "PATCH", place, patch)

    text = office.run("reconcile").out
    found = office.run("reconcile", "--json").document["targets"]["wiki"]["findings"]

    assert "  changed       00001 (Given1 Family1)  person1@example.com (account " in text
    assert "  member added  group departments:Sales  00003 (Given3 Family3, account " in text
    changed, member = sorted(found, key=lambda one: str(one["drift"]))
    assert (changed["name"], changed["display_name"]) == ("person1@example.com", "Given1 Family1")
    assert "display_name" not in member
    assert member["member"]["display_name"] == "Given3 Family3"


def test_what_a_revert_has_pinned_has_names(named: Office) -> None:
    assert named.run("push").code == 0
    assert named.run("revert", "2", "-k", "00001").code == 0

    assert "00001 (Given1 Family1)  run 2 reverted" in named.run("status").out
    (pin,) = named.run("status", "--json").document["targets"]["wiki"]["pinned"]["first"]
    assert (pin["key"], pin["name"]) == ("00001", "Given1 Family1")


def test_a_user_without_any_record_has_the_name_of_the_account(named: Office) -> None:
    named.sql("delete from record where key = '00020'")

    assert "00020 (Given20 Family20)" in named.run("journal", "-k", "00020").out


def test_logs_and_messages_have_no_names(named: Office, faulty: FaultyServer) -> None:
    faulty.fail(where=lambda seen: seen.method in ("PATCH", "PUT"), status=403, times=99)

    ran = named.run("-v", "push")
    documents = named.run("push", "--json")

    assert "00020" in ran.err
    for said in (ran.err, documents.out, documents.err):
        assert "Given" not in said


def test_an_expression_that_fails_for_a_user_only_costs_the_name(office: Office) -> None:
    office.configure(more='[display]\nname = "given ~ (nick | int)"\n')
    office.hire([{**person(1), "nick": "7"}, {**person(2), "nick": "x"}])

    ran = office.run("plan", "--json")

    assert ran.code == 0
    operations = ran.document["targets"]["wiki"]["operations"]
    assert [one.get("name") for one in operations] == ["Given17", None]


def test_a_column_that_only_names_use_may_vanish(office: Office) -> None:
    office.configure(more='[display]\nname = "given ~ nick"\n')
    office.hire({**row, "nick": "!"} for row in people(20))
    assert office.run("push").code == 0
    office.hire(people(20))

    assert office.run("push").code == 0
    checked = office.run("check", "--json")
    found = [one for one in checked.document["findings"] if one["code"] == "SYNC-0957"]
    assert [one["level"] for one in found] == ["warning"]
    assert 'no source of users has a column "nick"' in found[0]["message"]


@pytest.mark.parametrize("command", ["plan", "push", "journal", "check"])
def test_a_wrong_expression_is_reported(office: Office, command: str) -> None:
    office.configure(more='[display]\nname = "given ~ today"\n')
    office.hire(people(1))

    ran = office.run(command)

    assert ran.code == 2
    assert "sync.toml: display.name: must depend on columns of the record" in ran.out + ran.err


def test_names_change_nothing_that_is_sent(office: Office, faulty: FaultyServer) -> None:
    office.hire({**row, "nick": "x"} for row in people(20))
    office.push()
    office.configure(more='[display]\nname = "nick"\n')
    faulty.forget()

    ran = office.run("push", "--json")

    assert (ran.code, faulty.written()) == (0, [])
    assert json.loads(ran.out)["targets"]["wiki"]["counts"] == {}
