"""`plan --json` shows what the following push sends, value for value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from scimsync.scim.dialects import DIALECTS
from tests.interop.site import USER
from tests.office import MANAGER, SOURCE, Office, Pauses, Row, people, person
from tests.servers.partial import Lack, PartialServer, running_partial_server

TARGET = """
[targets.{name}]
url = "{url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
extends = "all"
dialect = "{dialect}"
"""
GROUPS = """
[targets.{name}.groups.departments]
each = "dept"
displayName = "value"
[targets.{name}.groups.teams]
each = "family[-1:]"
displayName = "'Team ' ~ value"
"""

NO_GUARD = 'max_updates = "100%"\nmax_removals = "100%"\nmax_identity_changes = "100%"'

FIRST = people(8)
LEARNING = [
    # everything that the last day does happens once before
    [person(1, family="Married", dept="Sales", manager="00002"), *FIRST[1:7]],
    [person(1, family="Miller", email="other@example.com", manager="00003"), *FIRST[1:6]],
    [person(1, family="Miller", email="other@example.com"), *FIRST[1:6], person(9, dept="Sales")],
]
LAST = [
    person(1, family="Again", email="new@example.com", dept="Sales"),
    person(2, dept="Legal", given="Other", manager="00003"),
    *FIRST[2:5],
    person(9, dept="IT"),
    person(10, dept="IT"),
]

LEARNED = [
    {Lack.PATCH},
    {Lack.PATCH, Lack.DISCOVERY},
    {Lack.PATHS},
    {Lack.ELEMENTS},
    {Lack.REMOVAL_BY_FILTER},
    {Lack.ELEMENTS, Lack.REMOVAL_BY_FILTER, Lack.NAMES},
    {Lack.PATHS, Lack.ELEMENTS, Lack.TEXT_IDS},
    {Lack.PATCH, Lack.NAMES, Lack.FILTERS},
]


@contextmanager
def office_at(folder: Path, lacks: set[Lack]) -> Iterator[tuple[Office, PartialServer]]:
    with running_partial_server(lacks) as server:
        office = Office(folder, server.url, server.token, time=Pauses().source)
        office.configure(user=USER, guard=NO_GUARD)
        yield office, server


def pushed(office: Office, rows: list[Row]) -> None:
    office.hire(rows)
    ran = office.run("push")
    assert ran.code == 0, ran.err


def changed_at_the_target(server: PartialServer) -> None:
    """Change what no mapping names."""
    for number, user in enumerate(server.users.values()):
        user["nickName"] = f"Nick {number}"
        user["emails"] = [*user["emails"], {"type": "home", "value": f"home{number}@example.org"}]
        user["phoneNumbers"] = [{"type": "work", "value": f"+1 555 {number}"}]
    for group in server.stored["Groups"].values():
        group["description"] = "known here only"


def with_ids(requests: Iterable[Any], office: Office, target: str) -> list[str]:
    """Return planned requests with the ids of what the push created, in a fixed order."""
    text = [json.dumps(one, sort_keys=True) for one in requests]
    for key, link in office.links(target).items():
        for shown in (f"(id of {key})", quote(f"(id of {key})")):
            text = [one.replace(shown, link.remote_id or "") for one in text]
    return sorted(text)


def compare(folder: Path, lacks: Mapping[str, set[Lack]], dialects: Mapping[str, str]) -> None:
    """Compare the plan of the last day with what each target gets on that day."""
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(running_partial_server(some)) for name, some in lacks.items()
        }
        office = Office(folder, "", next(iter(servers.values())).token, time=Pauses().source)
        mapping = f"{SOURCE}[guard]\n{NO_GUARD}\n[mappings.all]\n{USER}{MANAGER}"
        targets = [
            (TARGET + ("" if dialects[name] == "google" else GROUPS)).format(
                name=name, url=server.url, dialect=dialects[name]
            )
            for name, server in servers.items()
        ]
        office.write("sync.toml", mapping + "".join(targets))
        for rows in (FIRST, *LEARNING):
            pushed(office, rows)
        for server in servers.values():
            changed_at_the_target(server)
            server.forget()
        office.hire(LAST)
        plans = office.run("plan", "--json").document["targets"]
        pushed(office, LAST)

        for name, server in servers.items():
            operations = plans[name]["operations"]
            shown = [request for one in operations for request in one["requests"]]
            wrote = [
                {"method": one.method, "path": one.path, "body": one.body}
                for one in server.seen
                if one.method != "GET"
            ]
            in_order = sorted(json.dumps(one, sort_keys=True) for one in wrote)
            assert with_ids(shown, office, name) == in_order, name
            assert len(shown) >= 4


def test_a_plan_shows_what_is_sent_in_each_dialect(tmp_path: Path) -> None:
    dialects = {name: name for name in DIALECTS if name != "auto"}
    compare(tmp_path, {name: set() for name in dialects}, dialects)


def test_a_plan_shows_what_is_sent_in_learned_shapes(tmp_path: Path) -> None:
    lacks = {f"target{number}": some for number, some in enumerate(LEARNED)}
    compare(tmp_path, lacks, dict.fromkeys(lacks, "auto"))


def changed_family(office: Office, rows: list[Row], name: str) -> None:
    office.hire([{**row, "family": name} for row in rows])


def test_a_plan_reads_each_changed_resource_once_and_a_push_no_more(tmp_path: Path) -> None:
    with office_at(tmp_path, {Lack.PATCH}) as (office, server):
        pushed(office, people(4))
        changed_family(office, people(4), "Learned")
        assert office.run("push").code == 0
        changed_family(office, people(4), "Married")
        asked = []
        for command in (("plan", "--json"), ("plan",), ("push",)):
            server.forget()
            assert office.run(*command).code == 0
            asked.append([one.method for one in server.seen if one.method == "GET"])

        assert [len(one) for one in asked] == [4, 0, 4]


def test_a_plan_says_which_requests_have_only_the_values_that_change(tmp_path: Path) -> None:
    with office_at(tmp_path, {Lack.PATCH}) as (office, server):
        pushed(office, people(4))
        changed_family(office, people(4), "Learned")
        assert office.run("push").code == 0
        changed_at_the_target(server)
        changed_family(office, people(4), "Married")

        shown = office.plan(most_read=3)
        assert [one.get("unread") for one in shown] == [
            None,
            None,
            None,
            "a plan reads no more than 3 of a target",
        ]
        body = shown[3]["requests"][0]["body"]
        assert (body["name"], "nickName" in body) == (
            {"givenName": "Given4", "familyName": "Married"},
            False,
        )

        offline = office.run("plan", "--json", "--offline").document["targets"]["wiki"]
        assert {one["unread"] for one in offline["operations"]} == {
            "the plan is made with --offline"
        }
        assert "4 accounts and groups not read, since" in offline["warnings"][0]

        server.fail("GET", where=lambda seen: seen.path.endswith("/id-2"), times=9, status=403)
        ran = office.run("plan", "--json").document["targets"]["wiki"]
        unread = {
            one["requests"][0]["path"]: one["unread"]
            for one in ran["operations"]
            if "unread" in one
        }
        assert list(unread) == ["/Users/id-2"]
        assert "403" in unread["/Users/id-2"]
        assert "1 account or group not read, since GET /Users/id-2: 403" in ran["warnings"][0]


def test_a_saved_plan_holds_while_the_target_changes_what_is_not_managed(tmp_path: Path) -> None:
    with office_at(tmp_path, {Lack.PATCH}) as (office, server):
        pushed(office, people(4))
        changed_family(office, people(4), "Learned")
        assert office.run("push").code == 0
        changed_family(office, people(4), "Married")
        saved = office.run("plan", "--out", "plan.json")
        assert saved.code == 0, saved.err
        changed_at_the_target(server)

        assert office.run("push", "plan.json").code == 0

        users = server.users.values()
        assert [user["name"]["familyName"] for user in users] == ["Married"] * 4
        assert [user["nickName"] for user in users] == [f"Nick {one}" for one in range(4)]


def test_explain_shows_the_whole_request(tmp_path: Path) -> None:
    with office_at(tmp_path, {Lack.PATCH}) as (office, server):
        pushed(office, people(2))
        changed_family(office, people(2), "Learned")
        assert office.run("push").code == 0
        changed_at_the_target(server)
        changed_family(office, people(2), "Married")

        assert '"nickName": "Nick 0"' in office.run("explain", "00001", "--json").out
        assert "nickName" in office.run("explain", "00001", "-v").out
        told = office.run("explain", "00001", "-v", "--offline").out
        assert "only the values that change, since the plan is made with --offline" in told


def test_okta_deactivates_by_patch(tmp_path: Path) -> None:
    with office_at(tmp_path, set()) as (office, server):
        office.configure(user=USER, guard=NO_GUARD, target='dialect = "okta"')
        pushed(office, people(6))
        server.forget()

        pushed(office, people(5))

        # the id may be someone else's now
        assert [one.method for one in server.seen] == ["GET", "PATCH"]
