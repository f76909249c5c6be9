"""A plan says what a push would do, to the letter, and does nothing."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

import pytest

from tests.office import ENTERPRISE, USER, Office, Row, counts, people, person
from tests.servers.faulty import FaultyServer
from tests.servers.wire import watched


def day_two() -> list[Row]:
    """People 1 to 20, of whom some changed, some are gone, some are new."""
    return [person(1, dept="Sales"), person(2, dept=""), *people(18)[2:], person(21), person(22)]


@pytest.fixture
def company(office: Office, faulty: FaultyServer) -> Office:
    """Twenty people with accounts, and an account that somebody else made for number 22; day two is
    still to be pushed."""
    office.hire(people(20))
    office.push()
    faulty.add(userName="Person22@example.com", title="Prophet")
    faulty.forget()
    office.hire(day_two())
    return office


def contents(office: Office) -> dict[str, str]:
    """Every file of the folder and a digest of what it holds."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in office.folder.iterdir()
    }


@pytest.mark.parametrize(
    "form",
    [
        ["--format", "text"],
        ["--format", "markdown"],
        ["--format", "html"],
        ["--json"],
        ["--offline"],
        ["-k", "00001"],
    ],
    ids=" ".join,
)
def test_a_plan_writes_nothing_and_stores_nothing(
    company: Office, faulty: FaultyServer, form: list[str]
) -> None:
    before = contents(company)

    ran = company.run("plan", *form)

    assert (ran.code, faulty.written()) == (0, [])
    assert contents(company) == before


def test_a_plan_without_a_state_makes_no_file(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(3))
    before = contents(office)

    ran = office.run("plan", "--json")

    assert ran.document["targets"]["wiki"]["counts"] == {"create": 3}
    assert contents(office) == before == {name: before[name] for name in ("hr.csv", "sync.toml")}
    assert faulty.written() == []


def test_an_offline_plan_asks_nobody(company: Office, faulty: FaultyServer) -> None:
    ran = company.run("plan", "--offline", "--json")

    assert faulty.seen == []
    assert ran.document["targets"]["wiki"]["counts"] == {"create": 2, "update": 2, "deactivate": 2}


def test_an_offline_plan_needs_neither_target_nor_token(
    company: Office, faulty: FaultyServer
) -> None:
    text = (company.folder / "sync.toml").read_text()
    company.write("sync.toml", text.replace("env:WIKI_TOKEN", "env:NO_SUCH_TOKEN"))

    assert company.run("plan", "--offline").code == 0
    assert faulty.seen == []


@pytest.mark.parametrize(("tell", "code"), [([], 0), (["--exit-code"], 6)])
def test_exit_code_tells_whether_there_is_something_to_do(
    company: Office, tell: list[str], code: int
) -> None:
    assert company.run("plan", *tell).code == code
    company.push()
    assert company.run("plan", *tell).code == 0


def test_the_document_has_the_shape_that_is_promised(company: Office) -> None:
    company.hire([*day_two(), person(23, email="")])

    ran = company.run("plan", "--json")

    document = ran.document
    assert (ran.code, set(document)) == (4, {"targets", "guard", "problems"})
    assert document["guard"] is None
    (problem,) = document["problems"]
    assert set(problem) == {"source", "line", "key", "detail"}
    assert (problem["source"], problem["line"], problem["key"]) == ("hr", None, "00023")
    wiki = document["targets"]["wiki"]
    assert set(wiki) == {"counts", "operations", "error"}
    assert wiki["counts"] == {"create": 1, "adopt": 1, "update": 2, "deactivate": 2}
    by_key = {one["key"]: one for one in wiki["operations"]}
    for one in wiki["operations"]:
        more = {"adoption"} if one["action"] == "adopt" else set()
        assert set(one) == {"action", "kind", "key", "reason", "changes", "requests"} | more
        assert all(set(change) == {"path", "before", "after"} for change in one["changes"])
        assert all(set(request) == {"method", "path", "body"} for request in one["requests"])
    assert by_key["00001"] == {
        "action": "update",
        "kind": "user",
        "key": "00001",
        "reason": "department changed",
        "changes": [{"path": f"{ENTERPRISE}:department", "before": "IT", "after": "Sales"}],
        "requests": [
            {
                "method": "PATCH",
                "path": "/Users/id-00001",
                "body": {
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                    "Operations": [
                        {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Sales"}
                    ],
                },
            }
        ],
    }
    assert by_key["00002"]["changes"] == [
        {"path": f"{ENTERPRISE}:department", "before": "IT", "after": None}
    ]


def test_the_document_of_a_push_has_the_shape_that_is_promised(company: Office) -> None:
    ran = company.run("push", "--json")

    document = ran.document
    assert (ran.code, set(document)) == (0, {"run", "outcome", "targets", "guard", "problems"})
    assert (document["run"], document["outcome"], document["guard"], document["problems"]) == (
        2,
        "done",
        None,
        [],
    )
    wiki = document["targets"]["wiki"]
    numbers = {"counts", "failed", "may_have_access", "waiting", "requests", "seconds"}
    assert set(wiki) == {*numbers, "error"}
    assert wiki["counts"] == {"create": 1, "adopt": 1, "update": 2, "deactivate": 2}
    assert (wiki["failed"], wiki["error"]) == (0, None)
    assert wiki["requests"] >= 6
    assert ran.err == "" or "Traceback" not in ran.err


def test_what_is_planned_is_what_goes_over_the_wire(real_office: Office) -> None:
    office = real_office
    office.configure(user=USER + 'nickName = "nick"\nroles = "[dept, given] if dept else []"\n')
    office.hire(row | {"nick": row["given"]} for row in people(20))
    office.push()
    with watched(office.url) as wire:
        text = (office.folder / "sync.toml").read_text()
        office.hire(
            row | {"nick": "" if row["id"] == "00003" else row["given"]} for row in day_two()
        )
        planned = office.plan()
        office.write("sync.toml", text.replace(office.url, wire.url))

        assert sum(counts(office.push(new_url=True)).values()) == len(planned) == 7

        sent = [
            {"method": method, "path": path, "body": body} for method, path, body in wire.written()
        ]
    assert _in_order(request for one in planned for request in one["requests"]) == _in_order(sent)
    assert office.plan() == []


def _in_order(requests: Any) -> list[str]:
    return sorted(json.dumps(one, sort_keys=True) for one in requests)


def test_the_journal_holds_what_went_over_the_wire(real_office: Office) -> None:
    office = real_office
    office.hire(people(20))
    with watched(office.url) as wire:
        office.configure(url=wire.url)
        office.push()
        wire.seen.clear()
        office.hire(day_two())
        office.push()
        sent = [
            {"method": method, "path": path, "body": body} for method, path, body in wire.written()
        ]

    entries = office.journal()
    assert {entry.status for entry in entries} == {"applied"}
    assert _in_order(
        request for entry in entries for request in json.loads(entry.request or "[]")
    ) == _in_order(sent)


def test_any_order_of_rows_gives_the_same_plan(company: Office) -> None:
    wanted = company.plan()
    rows = day_two()
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        company.hire(rows)
        assert company.plan() == wanted


def test_a_plan_for_one_person_shows_that_person_only(
    company: Office, faulty: FaultyServer
) -> None:
    assert [one["key"] for one in company.plan("00001")] == ["00001"]

    assert counts(company.push("00001")) == {"update": 1}
    assert len(faulty.written()) == 1
    assert counts(company.push()) == {"create": 1, "adopt": 1, "update": 1, "deactivate": 2}


def test_a_plan_for_people_names_who_why_and_what(company: Office) -> None:
    company.hire([*day_two(), person(23, given="\x1b[31mRed", family="|pipe|<b>")])

    text = company.run("plan").out
    markdown = company.run("plan", "--format", "markdown").out
    page = company.run("plan", "--format", "html").out

    for piece in (
        "~ update",
        "00001",
        "department changed",
        '"IT" → "Sales"',
        "- deactivate",
        "no longer in the source",
        "= adopt",
    ):
        assert piece in text
    assert "Plan for wiki: 2 create, 1 adopt, 2 update, 2 deactivate" in text
    for said in (text, markdown, page):
        assert "\x1b" not in said
    for said in (markdown, page):
        assert "<b>" not in said
    assert "&lt;b&gt;" in page
    assert "|pipe|" not in markdown


def test_a_guard_is_told_by_the_plan(company: Office, faulty: FaultyServer) -> None:
    company.configure(guard="max_removals = 1")

    ran = company.run("plan")

    assert ran.code == 3
    assert '2 of 21 accounts at "wiki" would be deactivated or deleted' in ran.err
    assert faulty.written() == []
