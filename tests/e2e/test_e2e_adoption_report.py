"""The report before the first push, of an application that has accounts of every kind."""

from __future__ import annotations

import csv
import io
import json
import stat
from typing import Any

import pytest

from tests.office import USER, Office, fetch, person, resource
from tests.servers.faulty import FaultyServer

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
GROUPS = """
[targets.wiki.groups.admins]
displayName = { value = "Administrators" }
members = "dept == 'IT'"
adopt = true
match = ["displayName"]

[targets.wiki.groups.staff]
displayName = { value = "Staff" }
members = "true"
"""


def post(office: Office, kind: str, **values: Any) -> str:
    """Create a resource at the real server, and return its id."""
    singular = kind.removesuffix("s")
    body = {"schemas": [f"{CORE}{singular}"], **values}
    made: str = fetch(f"{office.url}/{kind}", office.token, body)["id"]
    return made


@pytest.fixture
def taken_over(real_office: Office) -> Office:
    """An application with accounts of every kind, and the people of the company."""
    office = real_office
    office.configure(
        target="""scope = "dept != 'left'"\nprotect = ['userName eq "owner@example.com"']\n"""
        """match = ["externalId", "userName", 'emails[type eq "work"].value']\n""",
        more=GROUPS,
    )
    users = f"{office.url}/Users"
    same = fetch(users, office.token, resource(person(1)))["id"]
    okta = {**resource(person(2)), "externalId": "00u2", "title": "Boss"}
    moved = fetch(users, office.token, okta)["id"]
    weak = post(office, "Users", userName="person3@example.com", displayName="T. Hird", active=True)
    mail = [{"type": "work", "value": "person4@example.com"}]
    post(office, "Users", userName="four", emails=mail)
    post(office, "Users", userName="four-again", emails=mail)
    post(office, "Users", userName="owner@example.com", displayName="Owner")
    gone = {**resource(person(6)), "externalId": "00u6"}
    fetch(users, office.token, gone)
    post(office, "Users", userName="svc-backup", displayName="Backup")
    post(office, "Users", userName="svc-ci")
    post(office, "Users", userName="given7.family7@old.example.com", displayName="Family7, Given7")
    post(
        office, "Users", userName="person1@old.example.com", displayName="Given1 Family1",
        active=False,
    )  # fmt: skip
    office_members = [{"value": one} for one in (same, weak, "nobody-knows")]
    post(office, "Groups", displayName="Administrators", members=office_members)
    post(office, "Groups", displayName="Staff", members=[{"value": moved}])
    post(office, "Groups", displayName="Book club")
    office.hire(
        [
            person(1),
            person(2),
            person(3, dept="Sales"),
            person(4),
            person(5, email="owner@example.com"),
            person(6, dept="left"),
            person(7),
            person(8),
        ]
    )
    return office


def by_outcome(document: Any) -> dict[str, list[tuple[str | None, list[str]]]]:
    """Return outcome -> keys with the userNames of their accounts."""
    found: dict[str, list[tuple[str | None, list[str]]]] = {}
    for row in document["targets"]["wiki"]["users"]:
        accounts = [account["user_name"] for account in row["accounts"]]
        found.setdefault(row["outcome"], []).append((row["key"], accounts))
    return found


def test_each_account_and_user_is_in_the_report_once(taken_over: Office) -> None:
    ran = taken_over.run("adoption", "--json")

    assert ran.code == 0, ran.err
    assert by_outcome(ran.document) == {
        "match": [("00001", ["person1@example.com"]), ("00002", ["person2@example.com"])],
        "weak_match": [("00003", ["person3@example.com"])],
        "ambiguous": [("00004", ["four", "four-again"])],
        "protected": [("00005", ["owner@example.com"])],
        "leaver": [("00006", ["person6@example.com"])],
        "create": [("00007", []), ("00008", [])],
        "unmatched": [
            (None, ["given7.family7@old.example.com"]),
            (None, ["person1@old.example.com"]),
            (None, ["svc-backup"]),
            (None, ["svc-ci"]),
        ],
    }
    wiki = ran.document["targets"]["wiki"]
    assert wiki["accounts"] == {"number": 11, "whole": True, "problem": None}
    rows = {row["key"]: row for row in wiki["users"] if row["key"] is not None}
    assert rows["00001"]["overwrites"] == []
    assert rows["00002"]["overwrites"] == [
        {"path": "externalId", "before": "00u2", "after": "00002"}
    ]
    assert {"path": "name.givenName", "after": "Given3"} in rows["00003"]["sets"]
    assert rows["00003"]["matched"] == ["userName"]
    assert [one["shared"] for one in rows["00007"]["resembles"]] == [["name"]]
    assert rows["00001"]["resembles"][0]["account"]["user_name"] == "person1@old.example.com"


def test_the_report_suggests_what_to_do(taken_over: Office) -> None:
    wiki = taken_over.run("adoption", "--json").document["targets"]["wiki"]

    found = {one["topic"]: one for one in wiki["suggestions"]}
    assert list(found) == [
        "mapping", "ambiguous", "weak", "external_id", "duplicates", "leavers", "protect",
        "protected", "groups", "unwanted_members",
    ]  # fmt: skip
    protect = """protect = ['userName eq "owner@example.com"', 'userName sw "svc-"']"""
    assert found["groups"]["setting"] == "adopt = true"
    assert found["protect"]["setting"] == protect
    assert found["leavers"]["examples"] == ["00006: person6@example.com"]
    config = (taken_over.folder / "sync.toml").read_text("utf-8")
    lines = [protect if line.startswith("protect") else line for line in config.splitlines()]
    taken_over.write("sync.toml", "\n".join(lines))
    again = taken_over.run("adoption", "--json").document
    assert ("svc-backup" in str(by_outcome(again)["protected"])) is True


def test_groups_show_what_becomes_of_their_members(taken_over: Office) -> None:
    groups = taken_over.run("adoption", "--json").document["targets"]["wiki"]["groups"]

    admins, staff, other = groups
    labels = {
        name: [member["label"] for member in admins[name]]
        for name in ("added", "removed", "kept", "unwanted", "unknown")
    }
    assert (admins["outcome"], admins["matched"], admins["members"]) == (
        "match",
        ["displayName"],
        3,
    )
    assert labels == {
        "added": ["00002", "00007", "00008"],
        "removed": ["00003"],
        "kept": ["00001"],
        "unwanted": [],
        "unknown": ["nobody-knows"],
    }
    assert (staff["name"], staff["outcome"]) == ("Staff", "not_adopted")
    assert "add displayName to match" in staff["detail"] or "adopt = true" in staff["detail"]
    assert (other["name"], other["outcome"]) == ("Book club", "unmatched")


def test_a_push_does_what_the_report_says(taken_over: Office) -> None:
    wiki = taken_over.run("adoption", "--json").document["targets"]["wiki"]
    before = taken_over.accounts()

    assert taken_over.run("push").code == 4  # ambiguous, protected, and a group of others

    links = taken_over.links()
    for row in wiki["users"]:
        adopted = row["outcome"] in ("match", "weak_match")
        if adopted:
            assert links[row["key"]].remote_id == row["accounts"][0]["id"]
        if row["outcome"] == "create":
            assert links[row["key"]].remote_id not in {one["id"] for one in before.values()}
    after = taken_over.accounts()
    assert after["person6@example.com"]["active"] is False
    assert {name for name in before if before[name] == after.get(name)} == {
        "person1@example.com", "four", "four-again", "owner@example.com", "svc-backup", "svc-ci",
        "given7.family7@old.example.com", "person1@old.example.com",
    }  # fmt: skip
    counts = taken_over.run("adoption", "--json").document["targets"]["wiki"]["counts"]
    assert counts["linked"] == 6


def test_a_spreadsheet_has_a_row_for_each_account_and_user(taken_over: Office) -> None:
    ran = taken_over.run("adoption", "--out", "accounts.csv")

    assert ran.code == 0, ran.err
    path = taken_over.folder / "accounts.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text("utf-8")
    assert text.startswith("\ufeffdecision,target,kind,outcome,key")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    users = [row for row in rows if row["kind"] == "user"]
    assert len(users) == 13  # 11 accounts, and 2 users without one
    assert [row["account_userName"] for row in users[:2]] == ["four", "four-again"]
    (moved,) = [row for row in users if row["key"] == "00002"]
    assert moved["overwrites"] == 'externalId: "00u2" → "00002"'
    assert ran.out == ""


def test_nothing_is_stored_and_only_reads_are_sent(office: Office, faulty: FaultyServer) -> None:
    faulty.add(**resource(person(1)))
    office.hire([person(1), person(2)])

    assert office.run("adoption").code == 0
    assert faulty.written() == []
    assert not (office.folder / "scimsync.db").exists()


def test_a_list_that_is_not_whole_proves_nothing(office: Office, faulty: FaultyServer) -> None:
    for number in range(1, 9):
        faulty.add(**resource(person(number)))
    office.hire([person(1), person(9)])
    cut = {"totalResults": 8, "Resources": [faulty.users["id-00001"]]}
    empty = {"totalResults": 8, "startIndex": 2, "Resources": []}
    whole = lambda one: "filter" not in str(one)  # noqa: E731
    faulty.fail("GET", status=200, body=cut, times=1, where=whole)
    faulty.fail("GET", status=200, body=empty, times=9, where=whole)

    ran = office.run("adoption", "--json")

    wiki = ran.document["targets"]["wiki"]
    assert wiki["accounts"]["whole"] is False
    assert [one["topic"] for one in wiki["suggestions"]] == ["list"]
    assert "does not prove who has no account" in office.run("adoption").out


def test_hostile_values_stay_what_they_are(office: Office, faulty: FaultyServer) -> None:
    evil = '=HYPERLINK("http://evil.example.com")'
    faulty.add(
        id="1", userName="\x1b[2Jsvc-\u202ex", displayName=evil, active=True, externalId="<b>&|`"
    )
    faulty.add(id="2", userName="<script>alert(1)</script>", displayName="| x |\n# heading")
    office.hire([person(1, given="=1+1", family="<img src=x>")])

    text = office.run("adoption", "-v").out
    rows = list(csv.reader(io.StringIO(office.run("adoption", "--format", "csv").out)))
    markdown = office.run("adoption", "--format", "markdown").out
    page = office.run("adoption", "--format", "html").out
    document = office.run("adoption", "--json").document

    assert "\x1b" not in text + markdown + page
    assert "\u202e" not in text + markdown + page
    assert not [one for one in ("<script", "<img", "<b>&") if one in page]
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "@")]
    assert "<script>" not in markdown
    assert "\n# heading" not in markdown
    names = [row["accounts"][0]["name"] for row in document["targets"]["wiki"]["users"][1:]]
    assert names == [evil, "| x |\n# heading"]


def test_wrong_input_ends_with_a_message(office: Office, faulty: FaultyServer) -> None:
    office.hire([person(1)])

    assert office.run("adoption", "-k", "00001").code == 2
    assert office.run("adoption", "-t", "other").code == 2
    assert office.run("adoption", "--out", "sync.toml").code == 2
    assert 'did you mean "adoption"?' in office.run("import").err
    faulty.fail("GET", status=401, times=99)
    ran = office.run("adoption", "--json")
    assert ran.code == 1
    assert json.loads(ran.out)["targets"]["wiki"]["error"] is not None


def test_guards_are_named_and_hide_no_row(office: Office, faulty: FaultyServer) -> None:
    for number in range(1, 8):
        faulty.add(userName=f"person{number}@example.com", nickName=f"x{number}")
    office.hire(person(number) for number in range(1, 8))

    ran = office.run("adoption", "--json")

    wiki = ran.document["targets"]["wiki"]
    assert (ran.code, wiki["counts"]) == (0, {"weak_match": 7})
    assert wiki["suggestions"][0]["setting"] == "scimsync push --allow-adoptions 7"
    assert "a push would be aborted by guard.max_adoptions" in ran.err


def test_a_target_out_of_reach_hides_no_other(office: Office, faulty: FaultyServer) -> None:
    faulty.add(**resource(person(1)))
    office.hire([person(1)])
    config = (office.folder / "sync.toml").read_text("utf-8")
    dead = config[config.index("[targets.wiki]") :].replace("targets.wiki", "targets.dead")
    office.write("sync.toml", config + dead.replace(faulty.url, "http://127.0.0.1:9"))

    ran = office.run("adoption", "--json")

    targets = ran.document["targets"]
    assert ran.code == 1
    assert targets["wiki"]["counts"] == {"match": 1}
    assert targets["dead"]["error"] is not None
    assert targets["dead"]["accounts"]["whole"] is False
    assert "nothing would be sent" not in office.run("adoption", "-t", "wiki").err


def test_matches_that_lose_nothing_are_not_said_to_be_more(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.add(**resource(person(1)))
    office.hire([person(1)])

    short, whole = office.run("adoption").out, office.run("adoption", "-v").out

    heading = "match (1)  the user's account; a push takes it over\n"
    assert f"{heading}  no value would be overwritten; -v or --format csv shows all\n" in short
    assert f"{heading}  00001  Given1 Family1" in whole


def test_settings_that_keep_accounts_are_said(office: Office, faulty: FaultyServer) -> None:
    faulty.add(**resource(person(1)))
    faulty.add(**resource(person(3)))
    faulty.add(**resource(person(4), active=False))
    scope = "scope = \"dept != 'left'\"\nleave = { action = 'keep' }\n"
    office.configure(target=f"{scope}actions = {{ create = false, update = false }}")
    office.hire([person(1), person(2), person(3, dept="left"), person(4, dept="left")])

    rows = office.run("adoption", "--json").document["targets"]["wiki"]["users"]

    assert {row["key"]: (row["outcome"], row["detail"]) for row in rows} == {
        "00001": ("not_adopted", None),
        "00002": ("not_created", None),
        "00003": ("leaver", "stays active, as the settings of the target say"),
        "00004": ("leaver", "is deactivated already"),
    }


def test_members_are_named_by_who_takes_their_account_over(real_office: Office) -> None:
    office = real_office
    office.configure(
        target="scope = \"dept != 'left'\"\nmatch = ['emails[type eq \"work\"].value']\n",
        user=USER.replace('userName = "email | lower"', 'userName = "id"'),
        more=GROUPS,
    )
    users = f"{office.url}/Users"
    shared = fetch(users, office.token, resource(person(1)))["id"]
    gone = fetch(users, office.token, resource(person(3)))["id"]
    members = [{"value": shared}, {"value": gone}]
    post(office, "Groups", displayName="Administrators", members=members)
    office.hire([person(1), person(2, email=person(1)["email"]), person(3, dept="left")])

    wiki = office.run("adoption", "--json").document["targets"]["wiki"]

    outcomes = {row["key"]: row["outcome"] for row in wiki["users"]}
    assert outcomes == {"00001": "match", "00002": "contested", "00003": "leaver"}
    admins = wiki["groups"][0]
    assert [member["key"] for member in admins["kept"]] == ["00001"]
    assert [member["key"] for member in admins["unwanted"]] == ["00003"]
    assert admins["unknown"] == []
