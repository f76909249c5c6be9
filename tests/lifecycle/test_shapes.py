"""What a push learns of the shapes that a target takes: told, remembered, and forgotten."""

from __future__ import annotations

import json
from pathlib import Path

from tests.interop.site import USER
from tests.office import Office, Pauses, people, person
from tests.servers.partial import Lack, running_partial_server

GROUPS = '[targets.wiki.groups.departments]\neach = "dept"\ndisplayName = "value"\n'
NO_GUARD = 'max_updates = "100%"'
MAY_DELETE = 'max_removals = "100%"\nmin_records = "0%"'


def office_at(folder: Path, url: str, token: str) -> Office:
    office = Office(folder, url, token, time=Pauses().source)
    office.configure(user=USER, more=GROUPS, guard=NO_GUARD)
    return office


def test_what_was_learned_costs_nothing_in_later_pushes(tmp_path: Path) -> None:
    with running_partial_server({Lack.REMOVAL_BY_FILTER}) as server:
        office = office_at(tmp_path, server.url, server.token)
        office.hire(people(6))
        office.push()
        office.hire([person(1, dept="Sales"), *people(6)[1:]])
        office.push()
        server.forget()

        office.hire([*people(6)[:3], person(4, dept="Sales"), *people(6)[4:]])
        assert office.push().exit_code == 0

        removals = [
            one
            for seen in server.seen
            for one in (seen.body or {}).get("Operations", [])
            if one["op"] == "remove"
        ]
        assert [one["path"] for one in removals] == ["members"] * len(removals) != []
        assert {seen.method for seen in server.seen} == {"PATCH"}


def test_a_plan_has_the_requests_in_the_learned_shape(tmp_path: Path) -> None:
    with running_partial_server({Lack.PATHS}) as server:
        office = office_at(tmp_path, server.url, server.token)
        office.hire(people(3))
        office.push()
        office.hire([person(1, family="Married"), *people(3)[1:]])
        office.push()

        office.hire([person(1, family="Again"), *people(3)[1:]])
        planned = office.plan()
        server.forget()
        office.push()

        (request,) = [one for operation in planned for one in operation["requests"]]
        (sent,) = [seen for seen in server.seen if seen.method == "PATCH"]
        name = {"givenName": "Given1", "familyName": "Again"}
        operations = [{"op": "replace", "value": {"name": name}}]
        assert request["body"]["Operations"] == operations
        assert request["body"] == sent.body


def test_check_and_status_tell_what_was_learned_until_it_is_forgotten(tmp_path: Path) -> None:
    with running_partial_server({Lack.PATCH, Lack.DISCOVERY}) as server:
        office = office_at(tmp_path, server.url, server.token)
        office.hire(people(3))
        office.push()
        office.hire([person(1, family="Married"), *people(3)[1:]])
        office.push()
        lesson = "users: values are set by PUT of the whole resource"

        assert lesson in office.run("check").out
        assert lesson in office.run("status").out
        known = json.loads(office.run("status", "--json").out)["targets"]["wiki"]["shapes"]
        assert known["user setting write"]["choice"] == "put"

        forgot = office.run("check", "--forget-shapes").out
        assert lesson not in forgot
        assert "forgot the learned shapes of requests" in forgot
        assert json.loads(office.run("status", "--json").out)["targets"]["wiki"]["shapes"] == {}


def test_a_deletion_that_changes_nothing_becomes_a_deactivation(tmp_path: Path) -> None:
    with running_partial_server(set()) as server:
        office = office_at(tmp_path, server.url, server.token)
        office.configure(user=USER, guard=MAY_DELETE, target='leave = { action = "delete" }')
        office.hire(people(3))
        office.push()
        server.fail("DELETE", times=1000, status=204)
        office.hire(people(2))
        office.push()

        ran = office.run("push")

        left = [user for user in server.users.values() if user["externalId"] == "00003"]
        assert [user["active"] for user in left] == [False]
        assert "success, but the account is there as before" in office.run("status").out
        assert ran.code in (0, 4)


def test_the_first_deletion_is_looked_after_once(tmp_path: Path) -> None:
    with running_partial_server(set()) as server:
        office = office_at(tmp_path, server.url, server.token)
        office.configure(user=USER, guard=MAY_DELETE, target='leave = { action = "delete" }')
        office.hire(people(3))
        office.push()
        asked = []
        for rows in (people(2), people(1)):
            server.forget()
            office.hire(rows)
            assert office.push().exit_code == 0
            asked.append([seen.method for seen in server.seen])

        assert asked == [["GET", "DELETE", "GET"], ["GET", "DELETE"]]
