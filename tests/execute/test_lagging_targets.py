"""Targets that carry a change out and go on showing what was there before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.execute.story import NO_GUARD
from tests.office import ENTERPRISE, USER, Office, people, person
from tests.servers.faulty import Seen
from tests.servers.lagging import LaggingServer, running_lagging_server

DAY = timedelta(days=1)
LONG = 1000.0
GROUPS = """
[targets.wiki.groups.departments]
each = "dept"
displayName = "value"
"""
ERROR = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400"}


@pytest.fixture
def server() -> Iterator[LaggingServer]:
    with running_lagging_server() as one:
        yield one


@pytest.fixture
def company(tmp_path: Path, server: LaggingServer, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Five users at the target."""
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    office = Office(tmp_path, server.url, server.token, time=server.pauses.source)
    office.configure(guard=NO_GUARD)
    office.hire(people(5))
    assert office.push().exit_code == 0
    return office


@pytest.mark.parametrize("way", ["old everywhere", "old, then unreadable", "an error as body"])
@pytest.mark.parametrize("what", ["leaves", "returns", "is renamed"])
def test_a_change_that_is_not_shown_is_read_before_its_row_turns_back(
    company: Office, server: LaggingServer, what: str, way: str
) -> None:
    usual, other = people(5), people(4)
    if what == "returns":
        usual, other = other, usual
        company.hire(usual)
        assert company.push(later=DAY).exit_code == 0
    if what == "is renamed":
        other = [*people(4), person(5, email="other@example.com")]
    before = dict(server.users["id-00005"])
    if way == "an error as body":
        server.fail("PATCH", status=200, body=ERROR, effect=True, times=99)
    else:
        server.fall_behind(LONG)
        server.shows_old = True
        server.unreadable = way == "old, then unreadable"
    company.hire(other)
    company.push(later=DAY)
    assert server.users["id-00005"] != before

    server.catch_up()
    company.hire(usual)
    assert company.push(later=DAY).exit_code == 0

    assert server.users["id-00005"] == before
    server.forget()
    assert company.push(later=DAY).exit_code == 0
    assert server.seen == []


def test_a_deactivation_in_place_of_a_refused_deletion_is_read_before_its_row_returns(
    company: Office, server: LaggingServer
) -> None:
    company.configure(guard=NO_GUARD, target='leave = { action = "delete" }')
    server.fail("DELETE", status=405, times=99)
    server.fall_behind(LONG)
    server.shows_old = True
    company.hire(people(4))
    assert company.push(later=DAY).exit_code == 4
    assert not server.users["id-00005"]["active"]

    server.catch_up()
    company.hire(people(5))
    assert company.push(later=DAY).exit_code == 0

    assert server.users["id-00005"]["active"]


# Members


def members(server: LaggingServer, group: str) -> set[str]:
    return {one["value"] for one in server.groups[group].get("members", [])}


def operations(seen: Seen) -> list[dict[str, object]]:
    """The operations of a PATCH of a group."""
    found: list[dict[str, object]] = (seen.body or {}).get("Operations", [])
    return found if seen.method == "PATCH" and "/Groups/" in seen.path else []


def removes_by_filter(seen: Seen) -> bool:
    return any(str(one.get("path")).startswith("members[") for one in operations(seen))


@pytest.fixture
def departments(company: Office) -> Office:
    """A group of IT with users 1 to 4, and one of sales with user 5."""
    company.configure(guard=NO_GUARD, more=GROUPS)
    company.hire([*people(4), person(5, dept="Sales")])
    assert company.push(later=DAY).exit_code == 0
    return company


MOVED = [person(1, dept="Sales"), *people(4)[1:], person(5, dept="Sales")]
IT_WITHOUT_1 = {"id-00002", "id-00003", "id-00004"}
SALES_WITH_1 = {"id-00001", "id-00005"}


@pytest.mark.parametrize("shows_old", [False, True])
@pytest.mark.parametrize("lag", [1.0, 3.0, 6.0, LONG])
def test_a_removal_that_is_shown_late_takes_out_no_other_member(
    departments: Office, server: LaggingServer, lag: float, shows_old: bool
) -> None:
    server.fall_behind(lag)
    server.shows_old = shows_old
    departments.hire(MOVED)

    departments.push(later=DAY)

    assert members(server, "IT-0") == IT_WITHOUT_1
    server.catch_up()
    assert departments.push(later=DAY).exit_code == 0
    assert members(server, "IT-0") == IT_WITHOUT_1
    assert members(server, "Sales-0") == SALES_WITH_1
    server.forget()
    assert departments.push(later=DAY).exit_code == 0
    assert server.seen == []


def test_a_removal_that_is_ignored_is_sent_in_another_shape_by_a_later_push(
    departments: Office, server: LaggingServer
) -> None:
    server.fail(where=removes_by_filter, times=99, status=204)
    departments.hire(MOVED)
    assert departments.push(later=DAY).exit_code == 4
    removals = [one for seen in server.seen for one in operations(seen) if one["op"] == "remove"]
    assert "members" not in {one["path"] for one in removals}

    assert departments.push(later=DAY).exit_code == 0
    assert members(server, "IT-0") == IT_WITHOUT_1
    server.forget()
    departments.hire([*MOVED[:3], person(4, dept="Sales"), MOVED[4]])
    assert departments.push(later=DAY).exit_code == 0
    assert members(server, "IT-0") == {"id-00002", "id-00003"}
    assert not any(map(removes_by_filter, server.seen))


def test_a_removal_is_not_ignored_because_the_member_was_added_again(
    departments: Office, server: LaggingServer
) -> None:
    without_group = [person(1, dept=""), *MOVED[1:]]
    server.fall_behind(LONG)
    departments.hire(without_group)
    assert departments.push(later=DAY).exit_code == 4
    server.catch_up()
    departments.hire([*people(4), person(5, dept="Sales")])
    assert departments.push(later=DAY).exit_code == 0
    server.fall_behind(LONG)
    departments.hire(without_group)

    assert departments.push(later=DAY).exit_code == 4

    assert members(server, "IT-0") == IT_WITHOUT_1


def test_other_members_are_in_doubt_after_a_refused_removal_in_another_shape(
    departments: Office, server: LaggingServer
) -> None:
    server.fail(where=removes_by_filter, times=99, status=400, body=ERROR)
    server.fall_behind(LONG)
    departments.hire(MOVED)
    assert departments.push(later=DAY).exit_code == 4
    assert members(server, "IT-0") == set()  # to the letter of RFC 7644 section 3.5.2.2

    server.catch_up()
    departments.push(later=DAY)

    assert members(server, "IT-0") == IT_WITHOUT_1


# Resources that are written as a whole

WITH_ROLES = USER + 'roles = "[dept]"\n'
REVOKES = 'leave = { action = "deactivate", revoke = ["roles"] }'


def is_never_undone(attribute: str, value: object, server: LaggingServer) -> bool:
    """Whether each PUT after the first one that writes a value writes it too."""
    sent = [seen.body[attribute] for seen in server.seen if seen.method == "PUT" and seen.body]
    return value not in sent or {*map(str, sent[sent.index(value) :])} == {str(value)}


@pytest.mark.parametrize("refuses_patch", [True, False])
@pytest.mark.parametrize("lag", [0.3, 3.0, 6.0, LONG])
def test_a_later_part_of_a_deactivation_does_not_undo_it(
    company: Office, server: LaggingServer, lag: float, refuses_patch: bool
) -> None:
    company.configure(guard=NO_GUARD, user=WITH_ROLES, target=REVOKES)
    company.push(later=DAY)
    server.refuses_patch = refuses_patch
    server.fall_behind(lag)
    server.forget()
    company.hire(people(4))

    company.push(later=DAY)

    assert is_never_undone("active", False, server)
    server.catch_up()
    assert company.push(later=DAY).exit_code == 0
    assert server.users["id-00005"]["active"] is False
    assert not server.users["id-00005"].get("roles")


@pytest.mark.parametrize("refuses_patch", [True, False])
@pytest.mark.parametrize("lag", [0.3, 3.0, 9.0, LONG])
def test_a_later_part_of_an_update_does_not_undo_it(
    company: Office, server: LaggingServer, lag: float, refuses_patch: bool
) -> None:
    server.refuses_patch = refuses_patch
    server.fall_behind(lag)
    company.hire([person(1, email="other@example.com", family="Other", dept="Law"), *people(5)[1:]])

    company.push(later=DAY)

    assert is_never_undone("userName", "other@example.com", server)
    assert is_never_undone(ENTERPRISE, {"department": "Law"}, server)
    server.catch_up()
    assert company.push(later=DAY).exit_code == 0
    user = server.users["id-00001"]
    assert (user["userName"], user["name"]["familyName"], user[ENTERPRISE]) == (
        "other@example.com",
        "Other",
        {"department": "Law"},
    )


def test_an_answer_that_contradicts_an_earlier_part_proves_nothing(
    company: Office, server: LaggingServer
) -> None:
    company.configure(guard=NO_GUARD, user=WITH_ROLES, target=REVOKES)
    company.push(later=DAY)
    server.refuses_patch = True
    server.fail(
        "PUT",
        where=lambda seen: (
            (seen.body or {}).get("active") is False and not (seen.body or {}).get("roles")
        ),
        status=200,
        body={**server.users["id-00005"], "roles": []},
        times=99,
    )
    company.hire(people(4))

    assert company.push(later=DAY).exit_code == 4

    assert company.links()["00005"].in_doubt


@pytest.mark.parametrize("lag", [0.3, 3.0, 6.0, LONG])
def test_members_written_as_a_whole_stay_as_they_were_written(
    departments: Office, server: LaggingServer, lag: float
) -> None:
    server.refuses_patch = True
    departments.hire(MOVED)
    assert departments.push(later=DAY).exit_code == 0
    server.fall_behind(lag)
    departments.hire([*MOVED[:3], person(4, dept="Sales"), person(5), person(6)])

    departments.push(later=DAY)

    server.catch_up()
    assert departments.push(later=DAY).exit_code == 0
    assert members(server, "IT-0") == {"id-00002", "id-00003", "id-00005", "id-00006"}
    assert members(server, "Sales-0") == {"id-00001", "id-00004"}
