"""Groups that get another displayName, and who is added to them while the target refuses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from scimsync.model.operations import OperationStatus
from tests.lifecycle.test_groups import team, with_teams, write_teams
from tests.office import Office, counts, people, person
from tests.servers.faulty import Seen
from tests.servers.faulty_http import Fault
from tests.servers.partial import PartialServer, running_partial_server

DAY = timedelta(days=1)
FINANCE, INTERNS = team("T1", 1, 2, name="Finance"), team("T2", 3, name="Interns")


@pytest.fixture
def server() -> Iterator[PartialServer]:
    with running_partial_server(()) as one:
        yield one


@pytest.fixture
def company(tmp_path: Path, server: PartialServer, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Two teams at a target where no two groups have the same displayName."""
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    office = Office(tmp_path, server.url, server.token)
    with_teams(office)
    office.hire(people(6))
    write_teams(office, [FINANCE, INTERNS])
    assert office.push().exit_code == 0
    return office


def refuse(server: PartialServer, name: str, status: int = 403) -> None:
    """Refuse requests that write a name."""

    def writes(seen: Seen) -> bool:
        return seen.method in ("PATCH", "PUT") and name in json.dumps(seen.body or {})

    server.faults.append(Fault(where=writes, times=99, status=status))


def users(*numbers: int) -> set[str]:
    return {f"person{number}@example.com" for number in numbers}


def test_groups_swap_their_names(company: Office, server: PartialServer) -> None:
    write_teams(company, [team("T1", 3, 4, name="Interns"), team("T2", 1, 2, name="Finance")])

    outcome = company.push(later=DAY)

    assert outcome.exit_code == 0
    assert server.members() == {"Interns": users(3, 4), "Finance": users(1, 2)}
    assert company.plan() == []


def test_three_groups_pass_their_names_round(company: Office, server: PartialServer) -> None:
    write_teams(company, [FINANCE, INTERNS, team("T3", 4, name="Sales")])
    company.push(later=DAY)
    names = {"T1": "Interns", "T2": "Sales", "T3": "Finance"}
    write_teams(company, [team(key, 5, name=name) for key, name in names.items()])

    outcome = company.push(later=DAY, identity_changes=3)

    assert outcome.exit_code == 0
    assert server.members() == dict.fromkeys(names.values(), users(5))


def test_a_chain_of_groups_is_renamed_from_its_end(company: Office, server: PartialServer) -> None:
    write_teams(company, [team("T1", 1, 2, name="Interns"), team("T2", 3, name="Trainees")])
    server.forget()

    outcome = company.push(later=DAY)

    assert (outcome.exit_code, counts(outcome)) == (0, {"update": 2})
    assert server.members() == {"Interns": users(1, 2), "Trainees": users(3)}


@pytest.mark.parametrize("status", [400, 403, 409, 500])
def test_a_group_with_a_refused_name_loses_members_and_gets_none(
    company: Office, server: PartialServer, status: int
) -> None:
    write_teams(company, [team("T1", 2, 4, name="Canteen"), team("T2", 3, 4, name="Interns")])
    refuse(server, "Canteen", status)

    for _ in range(3):
        assert company.push(later=DAY).exit_code == 4
        assert server.members() == {"Finance": users(2), "Interns": users(3, 4)}

    server.faults.clear()
    assert company.push(later=DAY).exit_code == 0
    assert server.members() == {"Canteen": users(2, 4), "Interns": users(3, 4)}
    assert company.plan() == []


def test_groups_whose_swap_of_names_is_refused_get_no_members(
    company: Office, server: PartialServer
) -> None:
    write_teams(company, [team("T1", 3, 4, name="Interns"), team("T2", 1, 2, name="Finance")])
    refuse(server, "displayName")

    for _ in range(2):
        assert company.push(later=DAY).exit_code == 4
        assert server.members() == {"Finance": set(), "Interns": set()}

    server.faults.clear()
    assert company.push(later=DAY).exit_code == 0
    assert server.members() == {"Interns": users(3, 4), "Finance": users(1, 2)}


def test_a_group_whose_name_another_one_keeps_gets_no_members(
    company: Office, server: PartialServer
) -> None:
    write_teams(company, [team("T1", 1, 4, name="Interns"), INTERNS])

    ran = company.run("push")

    assert ran.code == 4
    assert "1 member to add: waiting until the group has its displayName [SYNC-0355]" in ran.err
    assert server.members() == {"Finance": users(1), "Interns": users(3)}


BY_RULE = """
[targets.wiki.groups.admins]
displayName = { value = "NAME" }
members = "dept == 'IT'"
"""


def test_a_push_of_one_user_adds_nobody_to_a_group_before_its_name(
    company: Office, server: PartialServer
) -> None:
    with_teams(company, groups=BY_RULE.replace("NAME", "Admins"))
    company.hire([person(1), person(2, dept="HR"), person(3, dept="HR")])
    company.push(later=DAY)
    with_teams(company, groups=BY_RULE.replace("NAME", "Guests"))
    company.hire([person(1), person(2), person(3, dept="HR")])
    company.now += DAY

    assert company.run("push", "-k", "00002").code == 4
    assert server.members()["Admins"] == users(1)

    assert company.push(later=DAY).exit_code == 0
    assert server.members()["Guests"] == users(1, 2)


def test_members_wait_without_failing_again(company: Office, server: PartialServer) -> None:
    write_teams(company, [team("T1", 1, 2, 4, name="Canteen"), INTERNS])
    refuse(server, "Canteen")

    company.push(later=DAY)

    done = {one.action: one for one in company.journal() if one.key == "teams:T1"}
    assert done["update"].status is OperationStatus.FAILED
    assert done["add_members"].status is OperationStatus.SKIPPED
    assert done["add_members"].detail is not None
    assert "displayName" in done["add_members"].detail
